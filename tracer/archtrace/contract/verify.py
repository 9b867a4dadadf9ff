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
from archtrace.targets.candidates import deciding_paths
from archtrace.targets.code import on_path


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
    """Paths that decide what the contract's target and tokenizer are, whether or not they exist."""
    names = filter(None, (contract.target, contract.tokenizer))
    return [str(path) for name in names for path in deciding_paths(name, root.resolve())]
