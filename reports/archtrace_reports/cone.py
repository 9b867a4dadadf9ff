"""Cone: for each layout the states with a sign a position; neighbours that look alike stand once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

from archtrace.answer.positions import Rows, runs
from archtrace.answer.result import LayoutResult, Result
from archtrace_reports.columns import Columns, columns

if TYPE_CHECKING:
    from archtrace.answer.drawing import Anatomy, Slices, State

Sign: TypeAlias = Literal["yes", "no", "pad", "leak", "may"]

#: What a sign says, in the order of the legend.
MEANINGS: dict[Sign, str] = {
    "yes": "reaches the logits",
    "no": "does not reach the logits",
    "pad": "padding, does not reach the logits",
    "leak": "padding, reaches the logits",
    "may": "may reach the logits (bound, no witness)",
}


@dataclass(frozen=True)
class ConeRow:
    """A state, or several alike: for each row of the batch a sign a position. `note` is its module and shape."""

    name: str
    role: str
    note: str
    cells: tuple[tuple[Sign, ...], ...]
    alike: int = 1


@dataclass(frozen=True)
class ConeLayout:
    """The cone of a layout, tokens first. `as_` names an earlier layout that looks the same; `columns` are the tokens
    of each row by name, and whether they are read, where the texts are given or the tokenizer's frame is known."""

    name: str
    rows: tuple[ConeRow, ...]
    as_: str = ""
    refused: str = ""
    columns: Columns = ()

    @property
    def signs(self) -> set[Sign]:
        """Those that occur."""
        return {sign for row in self.rows for cells in row.cells for sign in cells}


def cones(result: Result) -> list[ConeLayout]:
    """Every layout that was tried; those that the model refuses have no rows. Empty without an anatomy."""
    if result.anatomy is None:
        return []
    slices = {found.layout: found for found in result.anatomy.slices}
    drawn: list[ConeLayout] = []
    for layout in result.layouts:
        name = layout.name.replace("_", " ")
        if layout.name not in slices:
            drawn.append(ConeLayout(name, (), refused=layout.refused or "it was not traced"))
            continue
        rows = tuple(_folded(_rows(result.anatomy, slices[layout.name], layout)))
        twin = next((other.name for other in drawn if other.rows == rows), "")
        drawn.append(ConeLayout(name, rows, twin, columns=columns(layout, result)))
    return drawn


def _rows(anatomy: Anatomy, slices: Slices, layout: LayoutResult) -> list[ConeRow]:
    length = anatomy.states[0].positions
    return [
        ConeRow(
            state.name,
            state.role,
            _note(state),
            _cells(state, reaching, _padding(state, slices, layout, length), layout),
        )
        for state, reaching in zip(anatomy.states, slices.reaching, strict=True)
    ]


def _padding(state: State, slices: Slices, layout: LayoutResult, length: int) -> Rows:
    """Where a state is padding: as the answer says, else of states as long as the only text."""
    if state.name in layout.padding:
        return layout.padding[state.name]
    return slices.padding if state.positions == length and not layout.bound.others else ()


def _note(state: State) -> str:
    return f"{state.module} " * bool(state.module) + " × ".join(map(str, state.shape))


def _cells(state: State, reaching: Rows, padded: Rows, layout: LayoutResult) -> tuple[tuple[Sign, ...], ...]:
    """What a witness saw is told of tokens and read tensors."""
    seen = _witness(state, layout)
    return tuple(
        tuple(
            _sign(p in reached, r < len(padded) and p in padded[r], seen is None or p in seen[r])
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
    seen = layout.witness
    return seen.others.get(state.name, seen.tokens) if state.role == "tokens" else seen.reads.get(state.name)


def _sign(reaches: bool, padding: bool, seen: bool) -> Sign:
    if not reaches:
        return "pad" if padding else "no"
    if not seen:
        return "may"
    return "leak" if padding else "yes"


def _folded(rows: Sequence[ConeRow]) -> list[ConeRow]:
    """Hidden states in a row with the same cells, and with names that differ in a number alone, as one."""
    folded = []
    for _, group in groupby(rows, key=lambda row: (row.role, re.sub(r"\d+", "", row.name), row.cells)):
        alike = list(group)
        if alike[0].role == "hidden" and len(alike) > 1:
            folded.append(replace(alike[0], name=_joined(alike), alike=len(alike), note=f"{len(alike)} alike"))
        else:
            folded += alike
    return folded


def _joined(rows: Sequence[ConeRow]) -> str:
    """ "hidden_states[1] to [11]"; names that share nothing stand whole."""
    first, last = rows[0].name, rows[-1].name
    stem, bracket, end = last.rpartition("[")
    return f"{first} to [{end}" if bracket and first.startswith(f"{stem}[") else f"{first} to {last}"


def ranges(positions: Sequence[int]) -> str:
    """Sorted positions in words: "0 to 3, 7"; "none"."""
    return ", ".join(f"{a} to {b}" if b > a else str(a) for a, b in runs(positions)) or "none"
