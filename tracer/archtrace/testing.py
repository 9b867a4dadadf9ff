"""For tests of your own: hold a model to what you say that it reads."""

from __future__ import annotations

from typing import Any

from archtrace.contract.contract import declared


def assert_reads(model: Any, reads: str | list[str], **terms: Any) -> None:
    """Fail with an AssertionError, in words, unless the classifier of a model reads just this.

    `model`: whatever `archtrace.trace` takes. `reads`: a slice ("last_hidden_state[:, 0]") or a kind ("masked_mean"),
    or a list with one for each readout. `terms`: further terms of a contract, which must hold too (padding="right",
    pad_leak=False, dead_parameters=[], modules_to_save=[…], served_by=[…], config={…}, num_labels=2, inputs={…}).
    Raises ArchtraceError where the model cannot be traced.
    """
    __tracebackhide__ = True
    from dataclasses import replace

    from archtrace.contract.examine import examine
    from archtrace.contract.judge import CODE, judge

    name = model if isinstance(model, str) else getattr(model, "__name__", type(model).__name__)
    contract = replace(declared(name, {"target": name, "reads": reads, **terms}, "assert_reads"), target=model)
    violations = judge(examine(contract))
    broken = [v for v in violations if (v.term == "reads" and v.code == CODE) or v.term in terms]
    if broken:
        raise AssertionError("\n".join(f"{v.code} {v.message}" for v in broken))
