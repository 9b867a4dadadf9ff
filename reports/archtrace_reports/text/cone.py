"""Cone: for each layout the states with a sign for each position; neighbours that look alike stand once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

from archtrace.answer.positions import Positions, Rows, runs
from archtrace.answer.result import LayoutResult, Result
from archtrace_reports.text.tokens import TokenColumns, leaked, padding, token_columns

if TYPE_CHECKING:
    from archtrace.answer.drawing import Anatomy, Slices, State

Sign: TypeAlias = Literal["yes", "no", "pad", "leak", "may"]
#: What padding does in a layout.
Mark: TypeAlias = Literal["read", "leak"]
#: For each text of the batch a sign for each position.
Cells: TypeAlias = tuple[tuple[Sign, ...], ...]

#: What a sign says, in the order of the legend.
MEANINGS: dict[Sign, str] = {
    "yes": "reaches the logits",
    "no": "does not reach the logits",
    "pad": "padding, does not reach the logits",
    "leak": "padding, reaches the logits",
    "may": "may reach the logits (bound, no witness)",
}
#: The same of an output with positions, where padding reaches nothing but the positions of padding.
OWN: dict[Sign, str] = {"leak": "padding, reaches the logits of padding alone"}
MARKS: dict[Mark, str] = {"read": "padding is read", "leak": "padding that is not read reaches the logits"}


@dataclass(frozen=True)
class ConeRow:
    """A state, or several alike. `note` is its module and shape, `size` the length of its vectors, `number` its place
    among all states, the first of `alike` ones that stand here. `each`: for each position of an output that has some,
    the positions of this row that reach it; empty where that is not known."""

    name: str
    role: str
    note: str
    cells: Cells
    size: int = 0
    number: int = 0
    alike: int = 1
    each: tuple[Rows, ...] = ()


@dataclass(frozen=True)
class ConeLayout:
    """The cone of a layout, tokens first. `as_` names an earlier layout that looks the same in every respect; `columns`
    are the tokens of each text by name, and whether they are read, where the texts are given or the tokenizer's frame
    is known. `marks` say what padding does here."""

    name: str
    rows: tuple[ConeRow, ...]
    as_: str = ""
    refused: str = ""
    columns: TokenColumns = ()
    marks: tuple[Mark, ...] = ()

    def looks(self, other: ConeLayout) -> bool:
        """Whether it looks like another one, which is drawn."""
        return bool(self.rows) and replace(self, name=other.name, as_=other.as_) == other

    @property
    def signs(self) -> set[Sign]:
        """The signs that occur in it."""
        return {sign for row in self.rows for cells in row.cells for sign in cells}

    @property
    def texts(self) -> int:
        """How many texts stand side by side: several make one row of the batch where they are choices, or chunks."""
        return max((len(row.cells) for row in self.rows), default=0)

    @property
    def widest(self) -> int:
        """The greatest number of positions in a row."""
        return max((len(row.cells[0]) for row in self.rows), default=1)


def meanings(result: Result) -> dict[Sign, str]:
    """What the signs say in the cone of this result."""
    by_position = any(layout.each for layout in result.layouts)
    return MEANINGS | (OWN if by_position and not result.padding.leaks else {})


def cones(result: Result) -> list[ConeLayout]:
    """Every layout that was tried; those that the model refuses have no rows. Empty without an anatomy."""
    if result.anatomy is None:
        return []
    slices = {part.layout: part for part in result.anatomy.slices}
    drawn: list[ConeLayout] = []
    for layout in result.layouts:
        cone = _cone(result, result.anatomy, slices.get(layout.name), layout)
        drawn.append(replace(cone, as_=next((other.name for other in drawn if cone.looks(other)), "")))
    return drawn


def states(result: Result) -> tuple[ConeRow, ...]:
    """Every state for itself, with its name and note, as layouts fold them."""
    first = next(iter(result.anatomy.slices), None) if result.anatomy else None
    layout = next((layout for layout in result.layouts if first and layout.name == first.layout), None)
    return tuple(_rows(result.anatomy, first, layout)) if result.anatomy and first and layout else ()


def _cone(result: Result, anatomy: Anatomy, slices: Slices | None, layout: LayoutResult) -> ConeLayout:
    name = layout.name.replace("_", " ")
    if slices is None:
        return ConeLayout(name, (), refused=layout.refused or "it was not traced")
    rows = tuple(_folded(list(_rows(anatomy, slices, layout))))
    return ConeLayout(name, rows, columns=token_columns(layout, result), marks=tuple(marks_of(layout, result)))


def marks_of(layout: LayoutResult, result: Result) -> Iterator[Mark]:
    """What padding does in a layout, the worst first; nothing where it does nothing."""
    read = layout.name in result.padding.reads_padding
    if read:
        yield "read"
    # Where padding is read, it reaches the logits; what counts then is other padding.
    if result.padding.leaks and (_unread(layout) if read else leaked(layout)):
        yield "leak"


def _unread(layout: LayoutResult) -> bool:
    """Whether padding at which nothing is read reaches the logits."""
    for text, (tokens, masked) in enumerate(zip(layout.bound.tokens, padding(layout), strict=False)):
        read = {position for rows in layout.bound.reads.values() for position in rows[text]}
        if set(tokens) & set(masked) - read:
            return True
    return False


def _rows(anatomy: Anatomy, slices: Slices, layout: LayoutResult) -> Iterator[ConeRow]:
    length = anatomy.states[0].positions
    by_position = [_filled(rows) for rows in slices.each]
    for number, (state, reaching) in enumerate(zip(anatomy.states, slices.reaching, strict=True)):
        # Where the vectors of an output have length 1, squeezing them leaves what looks like one vector.
        if state.role == "vector" and layout.each and state.shape[-1] == len(layout.each):
            continue
        cells = _cells(state, reaching, _padding(state, slices, layout, length), layout)
        if state.role == "logits" and layout.each:
            cells = _outputs(layout)
        elif _is_whole(state, anatomy, layout):
            cells = tuple(_joined_signs(row) for row in cells)
        each = _each(state, [rows[number] for rows in by_position], layout)
        yield ConeRow(state.name, state.role, _note(state), cells, state.shape[-1], each=each)


def _filled(rows: Sequence[Rows]) -> list[Rows]:
    """The rows of each state, those left out as they are before."""
    filled: list[Rows] = []
    for given in rows:
        filled.append(given or filled[-1])
    return filled


def _each(state: State, own: Sequence[Rows], layout: LayoutResult) -> tuple[Rows, ...]:
    """What reaches each position of the output: as the answer says for tokens and read tensors, else as
    the bound says."""
    if state.role == "tokens":
        return tuple(positions.others.get(state.name, positions.tokens) for positions in layout.each)
    if state.role == "read":
        return tuple(positions.reads.get(state.name, ()) for positions in layout.each)
    return tuple(own) if state.role in ("hidden", "head") else ()


def _outputs(layout: LayoutResult) -> Cells:
    """The positions of the output that something reaches."""
    texts = range(len(layout.bound.tokens))
    return tuple(tuple("yes" if _reached(p, text) else "no" for p in layout.each) for text in texts)


def _reached(positions: Positions, text: int) -> bool:
    return any(rows[text] for rows in (positions.tokens, *positions.reads.values()) if text < len(rows))


def _is_whole(state: State, anatomy: Anatomy, layout: LayoutResult) -> bool:
    """Whether an input stands as one: the colours of an image and the samples of a sound are no positions."""
    after = next((other.positions for other in anatomy.states if other.role != "tokens"), state.positions)
    return state.role == "tokens" and "input_ids" not in layout.inputs and state.positions != after


def _joined_signs(cells: Sequence[Sign]) -> tuple[Sign]:
    return (next(sign for sign in MEANINGS if sign in cells),)


def _padding(state: State, slices: Slices, layout: LayoutResult, length: int) -> Rows:
    """Where a state is padding: as the answer says, else of states as long as the only text."""
    if state.name in layout.padding:
        return layout.padding[state.name]
    return slices.padding if state.positions == length and not layout.bound.others else ()


def _note(state: State) -> str:
    return f"{state.module} " * bool(state.module) + " × ".join(map(str, state.shape))


def _cells(state: State, reaching: Rows, padded: Rows, layout: LayoutResult) -> Cells:
    """Whether a witness showed a position is known of tokens and read tensors alone."""
    shown = _witness(state, layout)
    return tuple(
        tuple(
            _sign(p in reached, r < len(padded) and p in padded[r], shown is None or p in shown[r])
            for p in range(state.positions)
        )
        for r, reached in enumerate(reaching)
    )


def _witness(state: State, layout: LayoutResult) -> Rows | None:
    """The positions that a numeric run showed; None where nothing but the bound is known of a state."""
    if state.role not in ("tokens", "read"):
        return None
    if layout.witness is None:
        return ((),) * len(layout.bound.tokens)
    witness = layout.witness
    return witness.others.get(state.name, witness.tokens) if state.role == "tokens" else witness.reads.get(state.name)


def _sign(reaches: bool, padding: bool, shown: bool) -> Sign:
    if not reaches:
        return "pad" if padding else "no"
    if not shown:
        return "may"
    return "leak" if padding else "yes"


def _folded(rows: Sequence[ConeRow]) -> Iterator[ConeRow]:
    """Hidden states in a row with the same cells, and with names that differ in a number alone, as one."""
    numbered = (replace(row, number=number) for number, row in enumerate(rows))
    for _, group in groupby(numbered, key=lambda row: (row.role, re.sub(r"\d+", "", row.name), row.cells, row.each)):
        alike = list(group)
        if alike[0].role == "hidden" and len(alike) > 1:
            yield replace(alike[0], name=_joined(alike), note=f"{len(alike)} alike", alike=len(alike))
        else:
            yield from alike


def _joined(rows: Sequence[ConeRow]) -> str:
    """ "hidden_states[1] to [11]"; names that share nothing stand whole."""
    first, last = rows[0].name, rows[-1].name
    stem, bracket, end = last.rpartition("[")
    return f"{first} to [{end}" if bracket and first.startswith(f"{stem}[") else f"{first} to {last}"


def ranges(positions: Sequence[int]) -> str:
    """Sorted positions in words: "0 to 3, 7"; "none"."""
    return ", ".join(f"{a} to {b}" if b > a else str(a) for a, b in runs(positions)) or "none"
