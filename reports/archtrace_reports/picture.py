"""Picture: one line a layout, one character a position: read or not, padding or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archtrace.results import LayoutResult, Result, Rows
from rich.cells import cell_len
from rich.text import Text

from archtrace_reports.lines import pad, row, wrap
from archtrace_reports.tokens import padding, shape
from archtrace_reports.words import count

#: sign -> style and meaning, in the order of the legend.
SIGNS = {
    "#": ("green", "reaches the logits"),
    "·": ("dim", "does not"),
    "-": ("dim", "padding, does not"),
    "!": ("bold red", "padding, does"),
    "?": ("yellow", "may (within the bound, without a witness)"),
}
GAP = 3
NAME = 16


def picture(result: Result, width: int) -> list[Text]:
    """The layouts as a table with its legend; the shorter ones are left out where they show nothing new."""
    shown, hidden = _choose(result.layouts)
    if not any(layout.refused is None for layout in shown):
        return [line for layout in shown for line in _refusal(layout, width)]
    tensors = [*dict.fromkeys(r.tensor for r in result.readouts)]
    columns = _columns(shown, tensors, width)
    lines = [_heading(columns)]
    for layout in shown:
        lines += _refusal(layout, width) if layout.refused is not None else _lines(layout, columns)
    drawn = "".join(_pictures(layout, name) for layout in shown if layout.refused is None for name, _ in columns)
    return lines + _legend(drawn, hidden, width)


def _choose(layouts: Sequence[LayoutResult]) -> tuple[list[LayoutResult], int]:
    """The layouts of the greatest length, and all that differ in more than their length."""
    longest = max((_length(layout) for layout in layouts), default=0)
    shown = [x for x in layouts if _length(x) == longest or x.refused is not None or x.status != "exact"]
    return shown, len(layouts) - len(shown)


def _length(layout: LayoutResult) -> int:
    size = shape(layout)
    return size[1] if size else 0


def _cells(layout: LayoutResult, bound: Rows, seen: Rows | None) -> str:
    """Every row of the batch, side by side."""
    masked = padding(layout)
    size = max([_length(layout), *(max(r) + 1 for r in bound if r)])
    pairs = enumerate(bound)
    return " ".join(
        "".join(_sign(i, row, seen[n] if seen else (), masked[n] if n < len(masked) else ()) for i in range(size))
        for n, row in pairs
    )


def _sign(position: int, bound: Iterable[int], seen: Iterable[int], masked: Iterable[int]) -> str:
    if position not in bound:
        return "-" if position in masked else "·"
    if position not in seen:
        return "?"
    return "!" if position in masked else "#"


def _pictures(layout: LayoutResult, name: str) -> str:
    """One column of a layout: a read tensor's, or with "tokens" the input's."""
    bound, seen = layout.bound, layout.witness
    if name == "tokens":
        return _cells(layout, bound.tokens, seen.tokens if seen else None)
    return _cells(layout, bound.reads.get(name, ()), seen.reads.get(name) if seen else None)


def _columns(layouts: Sequence[LayoutResult], tensors: Sequence[str], width: int) -> list[tuple[str, int]]:
    """Name and width of each column: an equal share at most, so that long pictures wrap within their column."""
    names = [*tensors, "tokens"]
    share = (width - NAME - GAP * (len(names) - 1)) // len(names)
    if share < 12:
        return _columns(layouts, [], width)
    ran = [layout for layout in layouts if layout.refused is None]
    needs = [max(cell_len(name), *(len(_pictures(layout, name)) for layout in ran)) for name in names]
    return [(name, min(need, share)) for name, need in zip(names, needs, strict=True)]


def _heading(columns: Sequence[tuple[str, int]]) -> Text:
    names = (" " * GAP).join(pad(name, size) for name, size in columns)
    return Text(pad("  layout", NAME) + names, "dim")


def _lines(layout: LayoutResult, columns: Sequence[tuple[str, int]]) -> list[Text]:
    """A layout's pictures beside each other, each wrapped within its column."""
    wrapped = [wrap(_pictures(layout, name), size) for name, size in columns]
    names = wrap(layout.name.replace("_", " "), NAME - 3)
    lines = []
    for i in range(max(len(names), *map(len, wrapped))):
        line = Text(pad(f"  {names[i]}" if i < len(names) else "", NAME))
        for cells, (_, size) in zip(wrapped, columns, strict=True):
            line.append_text(_styled(pad(cells[i] if i < len(cells) else "", size + GAP)))
        lines.append(line)
    return lines


def _styled(cells: str) -> Text:
    text = Text()
    for sign in cells:
        text.append(sign, SIGNS.get(sign, ("", ""))[0])
    return text


def _refusal(layout: LayoutResult, width: int) -> list[Text]:
    reason = f"the model refuses it: {layout.refused}"
    return row(layout.name.replace("_", " "), reason, width, NAME, "yellow")


def _legend(drawn: str, hidden: int, width: int) -> list[Text]:
    signs = [f"{sign} {told}" for sign, (_, told) in SIGNS.items() if sign in drawn]
    shorter = [f"and {count(hidden, 'shorter layout')}"] if hidden else []
    return [Text(line, "dim") for line in (" " * NAME + s for s in _spread([*signs, *shorter], width - NAME))]


def _spread(units: Sequence[str], width: int) -> list[str]:
    """Units three spaces apart, as many to a line as fit."""
    lines: list[str] = []
    for unit in units:
        if lines and cell_len(f"{lines[-1]}   {unit}") <= width:
            lines[-1] += f"   {unit}"
        else:
            lines += wrap(unit, width)
    return lines
