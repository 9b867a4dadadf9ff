"""Cone geometry, in units of cells: where cells stand, and the beam between two rows; pages and pictures share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archtrace_reports.text.cone import ConeLayout, ConeRow, Sign

#: The signs of what reaches the logits.
LIT: frozenset[Sign] = frozenset({"yes", "leak", "may"})
#: Cells that a vector is wide.
WIDTH = 3


@dataclass(frozen=True)
class Beam:
    """What lies between a row and the one above it: the lit part of each, from `left` to `right`, as (below, above),
    and a ray from the middle of each cell that reaches the only one above."""

    left: tuple[float, float]
    right: tuple[float, float]
    rays: tuple[tuple[float, float], ...] = ()

    def hull(self, width: float = 1, left: float = 0, top: float = 0, bottom: float = 1) -> str:
        """The lit part as an SVG path: a cell is `width`, the row above ends at `top`, that below at `bottom`."""
        low, up, high, down = (f"{left + width * x:g}" for x in (*self.left, *self.right[::-1]))
        return f"M{low} {bottom:g}L{up} {top:g}H{high}L{down} {bottom:g}z"

    def lines(self, width: float = 1, left: float = 0, top: float = 0, bottom: float = 1) -> str:
        """The rays, likewise."""
        placed = ((left + width * low, left + width * up) for low, up in self.rays)
        return "".join(f"M{low:g} {bottom:g}L{up:g} {top:g}" for low, up in placed)


@dataclass(frozen=True)
class Level:
    """A row of one text: its cells, where the first of them begins and how many columns each is wide, and the beam to
    the row above it, None where it narrows nothing."""

    row: ConeRow
    cells: tuple[Sign, ...]
    start: float = 0
    span: int = 1
    beam: Beam | None = None

    @property
    def lit(self) -> list[float]:
        """The middle of each cell that reaches the logits."""
        reaching = (p for p, sign in enumerate(self.cells) if sign in LIT)
        return [self.start + self.span * (p + 0.5) for p in reaching]


def levels(layout: ConeLayout, text: int) -> list[Level]:
    """The rows of one text, the logits first: a cone stands on its tokens. A vector stands above what it is made of."""
    placed: list[Level] = []
    for row in layout.rows:
        placed.append(_placed(row, row.cells[text * len(row.cells) // layout.texts], placed, layout.widest))
    single = sum(row.role == "read" for row in layout.rows) == 1
    pairs = zip(placed, [*placed[1:], None], strict=True)
    return [Level(low.row, low.cells, low.start, low.span, _beam(low, up, single)) for low, up in pairs][::-1]


def _placed(row: ConeRow, cells: tuple[Sign, ...], below: Sequence[Level], widest: int) -> Level:
    if len(cells) > 1 or widest == 1:
        return Level(row, cells)
    if not below:
        return Level(row, cells, 0, widest)
    width = min(WIDTH, widest)
    lit = below[-1].lit or [widest / 2]
    return Level(row, cells, _clamped((lit[0] + lit[-1] - width) / 2, widest - width), width)


def _clamped(start: float, most: int) -> int:
    return min(max(round(start), 0), most)


def _beam(low: Level, up: Level | None, single: bool) -> Beam | None:
    """None between rows that are lit alike, for each position of the output too. Rays are drawn to a vector, and to the
    only cell of the only read tensor: of others it is not known which position below reaches which one above."""
    if up is None or not low.lit or not up.lit or _alike(low, up):
        return None
    half, top = low.span / 2, up.span / 2
    has_rays = len(up.lit) == 1 and up.row.role != "hidden" and (single or up.row.role in ("vector", "logits"))
    rays = tuple((x, up.lit[0]) for x in low.lit) if has_rays else ()
    return Beam((low.lit[0] - half, up.lit[0] - top), (low.lit[-1] + half, up.lit[-1] + top), rays)


def _alike(low: Level, up: Level) -> bool:
    return len(low.lit) > 1 and (low.lit, low.span, low.row.each) == (up.lit, up.span, up.row.each)
