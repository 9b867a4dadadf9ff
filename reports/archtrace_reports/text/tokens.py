"""Tokens: which of them are padding, which reach the logits, and what to write above the positions of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Readout, Result
from archtrace.answer.texts import SpecialTokens
from archtrace_reports.text.wording import tokens_stand_in

#: The names of inputs that are 0 at padding.
MASKS = ("attention_mask", "mask", "input_mask")
#: For each row of the batch each token, and whether it stands where a hidden state is read.
TokenColumns: TypeAlias = tuple[tuple[tuple[str, bool], ...], ...]

#: Stands for a token of the text, where no text was given.
WORD = "tok"


def nested(value: Any) -> Any:
    """An input as plain nested lists: the engine may hand over tensors."""
    return value.tolist() if hasattr(value, "tolist") else value


def _matrix(value: Any) -> list[list[Any]] | None:
    """The value as rows, if it has two axes."""
    rows = nested(value)
    two = isinstance(rows, list | tuple) and rows and all(isinstance(r, list | tuple) for r in rows)
    flat = two and not any(isinstance(cell, list | tuple) for r in rows for cell in r)
    return [list(r) for r in rows] if flat else None


def shape(layout: LayoutResult) -> tuple[int, int] | None:
    """Rows and length: those of the first input with two axes."""
    matrix = next((m for m in map(_matrix, layout.inputs.values()) if m is not None), None)
    return (len(matrix), len(matrix[0])) if matrix else None


def padding(layout: LayoutResult, name: str = "") -> Rows:
    """For each row the positions that are padding, of an input that holds tokens (without a name the first), or of a
    read tensor; where nothing tells, none. In an answer of an older format the mask tells."""
    if layout.padding:
        return layout.padding.get(name, ()) if name else next(iter(layout.padding.values()))
    mask = next((m for name in MASKS if (m := _matrix(layout.inputs.get(name))) is not None), None)
    if mask is None:
        return tuple(() for _ in layout.bound.tokens)
    return tuple(tuple(i for i, attended in enumerate(row) if not attended) for row in mask)


def _texts(layout: LayoutResult) -> list[tuple[Rows, Rows]]:
    """Of each text the tokens that reach the logits, and those that are padding."""
    others = ((reached, padding(layout, name)) for name, reached in layout.bound.others.items())
    return [(layout.bound.tokens, padding(layout)), *others]


def leaked(layout: LayoutResult) -> bool:
    """Whether a masked token reaches the logits."""
    return any(set(a) & set(b) for rows, masked in _texts(layout) for a, b in zip(rows, masked, strict=False))


def unreached(layout: LayoutResult) -> int:
    """How many tokens that are not masked do not reach the logits."""
    size = shape(layout)
    every = set(range(size[1] if size else 0))
    return sum(
        len(every - set(reached) - set(row_at(masked, n)))
        for rows, masked in _texts(layout)
        for n, reached in enumerate(rows)
    )


def row_at(rows: Rows, number: int) -> tuple[int, ...]:
    """A row of the batch; empty where there are fewer."""
    return rows[number] if number < len(rows) else ()


def ignored_inputs(readout: Readout, result: Result) -> list[str]:
    """The inputs that show padding, and at which the index of a readout does not look."""
    inputs = dict.fromkeys(name for layout in result.layouts for name in layout.inputs)
    showing = (name for name in inputs if name == "input_ids" or name in MASKS)
    return [name for name in showing if name not in readout.index.depends_on]


def token_columns(layout: LayoutResult, result: Result) -> TokenColumns:
    """The tokens of the texts that were given, or of any text in the frame of the tokenizer; empty where neither is
    known, or the positions of what is read do not stand for tokens. An output with positions reads each: none is
    marked."""
    if layout.texts is not None:
        return _marked(layout.texts.tokens, layout.texts.read)
    size, tensors = shape(layout), [readout.tensor for readout in result.readouts]
    have_tokens = size and tensors and all(tokens_stand_in(tensor, result) for tensor in tensors)
    if result.frame is None or size is None or not have_tokens:
        return ()
    rows, length = size
    pads = padding(layout, "input_ids") or ((),) * rows
    marked = [] if layout.each else tensors
    read = [set().union(*(layout.bound.reads[tensor][row] for tensor in marked)) for row in range(rows)]
    return _marked([[*_tokens(length, set(padded), result.frame)] for padded in pads], read)


def _marked(tokens: Iterable[Sequence[str]], read: Iterable[Iterable[int]]) -> TokenColumns:
    rows = zip(tokens, map(set, read), strict=True)
    return tuple(tuple((token, p in read_positions) for p, token in enumerate(row)) for row, read_positions in rows)


def _tokens(length: int, padded: set[int], frame: SpecialTokens) -> Iterator[str]:
    """A text between the special tokens of its frame, and padding wherever the layout has it."""
    count = length - len(padded)
    inner = [WORD] * (count - len(frame.before) - len(frame.after))
    text = iter([*frame.before, *inner, *frame.after])
    for position in range(length):
        yield (frame.padding or "pad") if position in padded else next(text, WORD)
