"""Picture: a line a layout, a character a position: read or not, padding or not. What looks alike stands once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len

from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Result
from archtrace_reports.text.field_lines import without_tokens
from archtrace_reports.text.lines import pad, row, wrap
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.tokens import padding, row_at, shape
from archtrace_reports.text.wording import count, enumerate_words

#: sign -> style and meaning, in the order of the legend.
SIGNS = {
    "#": ("green", "reaches the logits"),
    "·": ("dim", "does not"),
    "!": ("bold red", "padding that does"),
    "-": ("dim", "padding that does not"),
    "?": ("yellow", "may (within the bound, without a witness)"),
}
GAP = 3
NAME = 16
#: In a narrower column a text of the usual length would break; then the tokens stand alone.
NARROWEST = 19


@dataclass(frozen=True)
class Drawn:
    """A layout's cells, a string for each column: the rows of the batch side by side, like rows once."""

    name: str
    cells: tuple[str, ...]


def picture(result: Result, width: int) -> list[StyledLine]:
    """The layouts as a table, its legend, and the layouts that look like one shown or are shorter."""
    chosen, hidden = _choose(result.layouts)
    names, tokens = _names(result)
    if tokens and (width - NAME - GAP * (len(names) - 1)) // len(names) < NARROWEST:
        names = tokens
    drawn, alike = _fold(_drawn(chosen, names))
    lines = _table(drawn, names, width) if drawn else []
    for layout in chosen:
        lines += [] if layout.refused is None else _refusal(layout, width)
    shorter = [f"and {count(hidden, 'shorter layout')}"] if hidden else []
    return lines + _legend("".join("".join(d.cells) for d in drawn), [*alike, *shorter], width)


def strips(result: Result) -> tuple[list[str], list[Drawn], list[str]]:
    """The names of the columns, the layouts that look different, and notes on those that look like one of them."""
    names, _ = _names(result)
    return names, *_fold(_drawn(_choose(result.layouts)[0], names))


def _names(result: Result) -> tuple[list[str], list[str]]:
    """The columns: the tensors that are read, then the tokens of each text; and the latter alone."""
    others = dict.fromkeys(text for layout in result.layouts for text in layout.bound.others)
    tokens = [] if without_tokens(result) else ["tokens", *others]
    return [*dict.fromkeys(readout.tensor for readout in result.readouts), *tokens], tokens


def _drawn(layouts: Iterable[LayoutResult], names: Sequence[str]) -> list[Drawn]:
    return [_draw(layout, names) for layout in layouts if layout.refused is None]


def _choose(layouts: Sequence[LayoutResult]) -> tuple[list[LayoutResult], int]:
    """The layouts of the greatest length, and all that differ in more than their length."""
    longest = max((_length(layout) for layout in layouts), default=0)
    shown = [x for x in layouts if _length(x) == longest or x.refused is not None or x.status != "exact"]
    return shown, len(layouts) - len(shown)


def _length(layout: LayoutResult) -> int:
    size = shape(layout)
    return size[1] if size else 0


def _draw(layout: LayoutResult, names: Sequence[str]) -> Drawn:
    rows = zip(*(_column(layout, name) for name in names), strict=False)
    return Drawn(_plain(layout.name), tuple(map(" ".join, zip(*dict.fromkeys(rows), strict=True))))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _column(layout: LayoutResult, name: str) -> list[str]:
    """A string for each row of the batch: of a read tensor, or with "tokens" of the input."""
    bound, witness = layout.bound, layout.witness
    if name == "tokens":
        return _rows(layout, bound.tokens, witness.tokens if witness else (), padding(layout))
    reaching = {**bound.reads, **bound.others}.get(name, ())
    shown = {**witness.reads, **witness.others}.get(name, ()) if witness else ()
    return _rows(layout, reaching, shown, padding(layout, name))


def _rows(layout: LayoutResult, bound: Rows, shown: Rows, masked: Rows) -> list[str]:
    size = max([_length(layout), *(max(row) + 1 for row in (*bound, *masked) if row)])
    return [
        _cells(size, *(frozenset(row_at(rows, n)) for rows in (bound, shown, masked)))
        for n in range(len(layout.bound.tokens))
    ]


def _cells(size: int, bound: AbstractSet[int], shown: AbstractSet[int], masked: AbstractSet[int]) -> str:
    return "".join(_sign(position, bound, shown, masked) for position in range(size))


def _sign(position: int, bound: AbstractSet[int], shown: AbstractSet[int], masked: AbstractSet[int]) -> str:
    if position not in bound:
        return "-" if position in masked else "·"
    if position not in shown:
        return "?"
    return "!" if position in masked else "#"


def _fold(drawn: Sequence[Drawn]) -> tuple[list[Drawn], list[str]]:
    """The first of each that look the same, and a note on the others: "eos early and no eos: as full"."""
    same: dict[tuple[str, ...], list[Drawn]] = {}
    for layout in drawn:
        same.setdefault(layout.cells, []).append(layout)
    notes = [
        f"{enumerate_words([d.name for d in others])}: as {first.name}" for first, *others in same.values() if others
    ]
    return [group[0] for group in same.values()], notes


def _table(drawn: Sequence[Drawn], names: Sequence[str], width: int) -> list[StyledLine]:
    share = (width - NAME - GAP * (len(names) - 1)) // len(names)
    needs = [max(cell_len(name), *(len(d.cells[i]) for d in drawn if d.cells)) for i, name in enumerate(names)]
    fits = sum(needs) + GAP * (len(names) - 1) + NAME <= width
    sizes = needs if fits else [_narrowed(drawn, i, name, share) for i, name in enumerate(names)]
    head = (" " * GAP).join(pad(name, size) for name, size in zip(names, sizes, strict=True))
    lines = [StyledLine(pad("  layout", NAME) + head, "dim")]
    for layout in drawn:
        lines += _lines(layout, sizes)
    return lines


def _narrowed(drawn: Sequence[Drawn], column: int, name: str, share: int) -> int:
    """The width that a column really needs when its cells wrap at its share of the whole."""
    lines = (line for d in drawn if d.cells for line in wrap(d.cells[column], share))
    return min(share, max([cell_len(name), *map(cell_len, lines)]))


def _lines(drawn: Drawn, sizes: Sequence[int]) -> list[StyledLine]:
    """A layout's columns beside each other, each wrapped within its width."""
    wrapped = [wrap(cells, size) for cells, size in zip(drawn.cells, sizes, strict=False)]
    names = wrap(drawn.name, NAME - 3)
    lines = []
    for i in range(max(map(len, [names, *wrapped]))):
        line = StyledLine(pad(f"  {names[i]}" if i < len(names) else "", NAME))
        for cells, size in zip(wrapped, sizes, strict=False):
            line.append_text(_styled(pad(cells[i] if i < len(cells) else "", size + GAP)))
        lines.append(line)
    return lines


def _styled(cells: str) -> StyledLine:
    text = StyledLine()
    for sign, run in groupby(cells):
        text.append("".join(run), SIGNS.get(sign, ("", ""))[0])
    return text


def _refusal(layout: LayoutResult, width: int) -> list[StyledLine]:
    return row(_plain(layout.name), f"the model refuses it: {layout.refused}", width, NAME, "yellow")


def _legend(drawn: str, notes: Sequence[str], width: int) -> list[StyledLine]:
    signs = [f"{sign} {text}" for sign, (_, text) in SIGNS.items() if sign in drawn]
    lines = _spread(signs, width - NAME) + [line for note in notes for line in wrap(note, width - NAME)]
    return [StyledLine(" " * NAME + line, "dim") for line in lines]


def _spread(units: Sequence[str], width: int) -> list[str]:
    """Units three spaces apart, as many to a line as fit."""
    lines: list[str] = []
    for unit in units:
        if lines and cell_len(f"{lines[-1]}   {unit}") <= width:
            lines[-1] += f"   {unit}"
        else:
            lines += wrap(unit, width)
    return lines
