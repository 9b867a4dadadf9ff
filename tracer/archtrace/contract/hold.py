"""hold: the one verb for contracts. From a contract to everything that is wrong with its model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from archtrace.contract.contract import Contract, with_terms
from archtrace.contract.examine import examine
from archtrace.contract.found import found_terms
from archtrace.contract.judge import judge
from archtrace.contract.verdict import Verdict
from archtrace.targets.bundled import full_id
from archtrace.targets.code import on_path


def hold(
    contract: Contract, root: Path, progress: Callable[[str, float | None], None] | None = None, *, agree: bool = False
) -> Verdict:
    """Trace and judge a model of the project in a folder; with `agree`, under the terms that the model holds.

    Its modules are imported from the folder, and from `src` in it. Raises ArchtraceError where there is no answer.
    """
    with _inside(root.resolve()):
        model = examine(contract, progress)
        terms = found_terms(model)
        held = replace(model, contract=with_terms(contract, terms)) if agree else model
        return Verdict(tuple(judge(held)), model.places, terms)


@contextlib.contextmanager
def _inside(root: Path) -> Iterator[None]:
    with contextlib.chdir(root), on_path(str(root / "src")), on_path(str(root)):
        yield


def looked_up(contract: Contract, root: Path) -> list[str]:
    """Files that would decide what a target stands for, were they there: a folder's config, one in the Hub's cache."""
    if ":" in contract.target:
        return []
    from huggingface_hub import constants

    names = dict.fromkeys((contract.target, full_id(contract.target)))
    cached = [Path(constants.HF_HUB_CACHE, f"models--{n.replace('/', '--')}", "refs", "main") for n in names]
    return [str(path) for path in (root.resolve() / contract.target / "config.json", *cached)]
