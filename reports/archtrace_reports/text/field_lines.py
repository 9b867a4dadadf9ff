"""Fields in words: patches of an image, frames of a sound, and the positions that hold neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archtrace.answer.fields import Fields
from archtrace.answer.result import Result
from archtrace_reports.text.wording import count, enumerate_words

#: What the numbers of an input are called; "values" where they have no name.
UNITS: Mapping[str, str] = {"pixel_values": "pixels", "input_values": "samples"}
#: As many scattered positions are listed.
FEW = 4


def without_tokens(result: Result) -> bool:
    """True where the positions of what is read stand for parts of an image or a sound: no input is a row of tokens."""
    layouts = (layout for layout in result.layouts if layout.refused is None)
    return bool(result.fields) and not any("input_ids" in layout.inputs for layout in layouts)


def fields_words(result: Result) -> str:
    """What stands at the positions of what is read; empty where they are those of tokens."""
    return "; ".join(map(_words, result.fields))


def _words(fields: Fields) -> str:
    filled = [i for i, field in enumerate(fields.of) if field is not None]
    unit = UNITS.get(fields.input, f"values of {fields.input}")
    sizes = {tuple(stop - start for start, stop in field) for field in fields.of if field is not None}
    noun = "patch" if len(fields.axes) > 1 else "frame"
    size = f" of {' × '.join(map(str, sizes.pop()))} {unit}" if len(sizes) == 1 else f" of {unit}"
    parts = [f"{_span(filled)} of {fields.tensor} {_verb(filled)} {_several(noun, filled)}{size}{_grid(fields)}"]
    if fields.empty:
        parts.append(f"{_span(fields.empty)} {_verb(fields.empty)} none (class tokens and the like)")
    return "; ".join(parts)


def _grid(fields: Fields) -> str:
    if fields.grid is None or len(fields.axes) < 2:
        step = {b[0][0] - a[0][0] for a, b in zip(fields.of, fields.of[1:], strict=False) if a and b}
        return f", one every {step.pop()}" if len(fields.axes) == 1 and len(step) == 1 else ""
    return f", a grid of {' × '.join(map(str, fields.grid))}"


def _verb(positions: Sequence[int]) -> str:
    return "holds" if len(positions) == 1 else "hold"


def _several(noun: str, positions: Sequence[int]) -> str:
    return f"a {noun}" if len(positions) == 1 else {"patch": "patches", "frame": "frames"}[noun]


def _span(positions: Sequence[int]) -> str:
    """ "position 0", "positions 1 to 196", or how many where they are scattered."""
    first, last = positions[0], positions[-1]
    if len(positions) == 1:
        return f"position {first}"
    if last - first == len(positions) - 1:
        return f"positions {first} to {last}"
    return count(len(positions), "position") if len(positions) > FEW else f"positions {_listed(positions)}"


def _listed(positions: Sequence[int]) -> str:
    return enumerate_words([str(position) for position in positions])
