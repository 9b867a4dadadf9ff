"""Strip: a row of cells for each model of a matrix: the positions of one text, those that are read lit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archtrace.answer.result import LayoutResult, Result
from archtrace_reports.text.cone import Sign, ranges
from archtrace_reports.text.tokens import padding

#: What the signs say here, in the order of the legend.
STRIP: Mapping[Sign, str] = {
    "yes": "is read",
    "no": "is not read",
    "pad": "padding, is not read",
    "leak": "padding, is read",
}
#: More cells than these do not fit a column: the first and the last ones are shown.
MOST, ENDS = 24, 10


@dataclass(frozen=True)
class PositionStrip:
    """A sign for each position, None where some are left out; `words` say the same."""

    cells: tuple[Sign | None, ...] = ()
    words: str = "nothing is read"


def strip(result: Result) -> PositionStrip:
    """The first text where padding stands on the right, else of the first layout that the model runs."""
    ran = [layout for layout in result.layouts if layout.refused is None and layout.bound.reads]
    chosen = next((layout for layout in ran if layout.name == "right_padded"), next(iter(ran), None))
    return _strip(chosen, result) if chosen else PositionStrip()


def _strip(layout: LayoutResult, result: Result) -> PositionStrip:
    tensors = [readout.tensor for readout in result.readouts if layout.bound.reads.get(readout.tensor)]
    read = {p for tensor in tensors for p in layout.bound.reads[tensor][0]}
    masked = {p for tensor in tensors for row in padding(layout, tensor)[:1] for p in row}
    length = max([_length(result, tensors), *(p + 1 for p in read | masked)], default=0)
    words = f"{layout.name.replace('_', ' ')}: of {length} positions {ranges(sorted(read))} read"
    return PositionStrip(_shortened(tuple(_sign(p in read, p in masked) for p in range(length))), words)


def _length(result: Result, tensors: list[str]) -> int:
    """How many positions the tensors have; 0 where nothing but what is read of them is known."""
    states = result.anatomy.states if result.anatomy else ()
    return max((state.positions for state in states if state.name in tensors), default=0)


def _sign(read: bool, masked: bool) -> Sign:
    if masked:
        return "leak" if read else "pad"
    return "yes" if read else "no"


def _shortened(cells: tuple[Sign, ...]) -> tuple[Sign | None, ...]:
    return cells if len(cells) <= MOST else (*cells[:ENDS], None, *cells[-ENDS:])
