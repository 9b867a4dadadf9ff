"""From a contract to everything that is wrong with its model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from archtrace.contract.contract import Contract, with_terms
from archtrace.contract.examine import examine
from archtrace.contract.judge import judge
from archtrace.contract.observed import observed_terms
from archtrace.contract.verdict import Verdict
from archtrace.targets.bundled import full_id
from archtrace.targets.code import on_path
from archtrace.targets.tokenized import tokenizer_files


def verify(
    contract: Contract, root: Path, progress: Callable[[str, float | None], None] | None = None, *, agree: bool = False
) -> Verdict:
    """Trace and judge a model of the project in the folder `root`; with `agree`, under the terms that hold for it now.

    The project's modules are imported from `root`, and from `src` in it. Raises ArchtraceError where the trace gives no
    answer.
    """
    with _inside(root.resolve()):
        model = examine(contract, progress)
        terms = observed_terms(model)
        judged = replace(model, contract=with_terms(contract, terms)) if agree else model
        return Verdict(tuple(judge(judged)), model.source_ranges, terms)


@contextlib.contextmanager
def _inside(root: Path) -> Iterator[None]:
    with contextlib.chdir(root), on_path(str(root / "src")), on_path(str(root)):
        yield


def files_looked_up(contract: Contract, root: Path) -> list[str]:
    """Files that would decide what a target and a tokenizer stand for, were they there: a folder's, or which revision
    the Hub's cache has."""
    found = [] if ":" in contract.target else [root.resolve() / contract.target / "config.json"]
    found += [] if ":" in contract.target else _cached(contract.target, full_id(contract.target))
    if contract.tokenizer is not None:
        # Most of them are opened by Rust, which nobody hears.
        found += [*tokenizer_files(root.resolve() / Path(contract.tokenizer).expanduser())]
        found += _cached(contract.tokenizer.partition("@")[0])
    return [str(path) for path in found]


def _cached(*names: str) -> list[Path]:
    from huggingface_hub import constants

    folders = [f"models--{name.replace('/', '--')}" for name in dict.fromkeys(names)]
    return [Path(constants.HF_HUB_CACHE, folder, "refs", "main") for folder in folders]
