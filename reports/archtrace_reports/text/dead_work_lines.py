"""Dead work in words: what the forward computes and no output takes."""

from __future__ import annotations

from archtrace.answer.result import LayoutResult, Result
from archtrace.answer.work import ModuleWork, Work
from archtrace_reports.text.wording import enumerate_words

#: A smaller share of the work is rounding to people.
LEAST = 0.005
#: Layers that are named one by one, at most; those with the largest shares.
NAMED = 2


def dead_work_words(result: Result) -> str:
    """How much of the forward's work reaches no output without padding, and how much with the most wasteful one.

    Empty where that is nothing worth telling.
    """
    counted = [(layout, layout.work) for layout in result.layouts if layout.work and layout.work.flops]
    if not counted:
        return ""
    (_, first), *_ = counted
    worst, most = max(counted, key=lambda pair: pair[1].share)
    if most.share < LEAST:
        return ""
    if first.share < LEAST:
        return f"{most.share:.1%} of the forward's {_size(most.flops)} reach no output in {_name(worst)}"
    return _of(first) + (f"; {most.share:.1%} in {_name(worst)}" if most.share > first.share + LEAST else "")


def _of(work: Work) -> str:
    return f"{work.share:.1%} of the forward's {_size(work.flops)} reach no output{_where(work)}"


def _name(layout: LayoutResult) -> str:
    return layout.name.replace("_", " ")


def _where(work: Work) -> str:
    """The layers in which most of it is, where these are few."""
    parts = sorted(work.parts, key=lambda part: -part.dead)[:NAMED]
    worth_naming = [part for part in parts if part.dead > LEAST * work.flops]
    return f": {enumerate_words([_part(part) for part in worth_naming])}" if worth_naming else ""


def _part(part: ModuleWork) -> str:
    return f"{part.dead / part.flops:.0%} of {part.module or 'what the model itself does'}"


def _size(flops: int) -> str:
    """10,500,000 as "10.5 MFLOPs"."""
    unit, name = next((pair for pair in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")) if flops >= pair[0]), (1, ""))
    return f"{flops / unit:.3g} {name}FLOPs"
