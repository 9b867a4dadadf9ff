"""Answer: one declared model, traced. This is where torch comes in."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from archtrace.contract.contract import Contract
from archtrace_reports.contracts.verdict import Verdict


def answer(contract: Contract, progress: Callable[[str, float | None], None], *, update: bool = False) -> Verdict:
    """Trace and judge; with `update`, under the terms that the model holds.

    What a model prints goes to stderr: stdout is for findings. Raises ArchtraceError where there is no answer.
    """
    with contextlib.redirect_stdout(sys.stderr):
        from archtrace.contract.contract import with_terms
        from archtrace.contract.examine import examine
        from archtrace.contract.found import found_terms
        from archtrace.contract.judge import judge

        model = examine(contract, progress)
        terms = found_terms(model)
        held = replace(model, contract=with_terms(contract, terms)) if update else model
        return Verdict(tuple(judge(held)), model.places, terms)


def looked_up(contract: Contract, root: Path) -> list[str]:
    """Files that would decide what a name stands for, were they there: a folder's config, a cached one."""
    if ":" in contract.target:
        return []
    from huggingface_hub import constants

    from archtrace.targets.bundled import full_id

    names = dict.fromkeys((contract.target, full_id(contract.target)))
    cached = [Path(constants.HF_HUB_CACHE, f"models--{n.replace('/', '--')}", "refs", "main") for n in names]
    return [str(path) for path in (root / contract.target / "config.json", *cached)]
