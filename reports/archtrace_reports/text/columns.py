"""Columns: the tokens above the positions of a picture, those that are read marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from archtrace.answer.result import LayoutResult, Result
from archtrace.answer.texts import SpecialTokens
from archtrace_reports.text.tokens import padding, shape
from archtrace_reports.text.wording import tokens_stand_in

#: For each row of the batch each token, and whether it stands where a hidden state is read.
Columns: TypeAlias = tuple[tuple[tuple[str, bool], ...], ...]

#: A token of the text itself, where no text was given.
WORD = "tok"


def columns(layout: LayoutResult, result: Result) -> Columns:
    """The tokens of the texts that were given, or of any text in the frame of the tokenizer; empty where neither is
    known, or the positions of what is read do not stand for tokens. An output with positions reads each: none is
    marked."""
    if layout.texts is not None:
        return _marked(layout.texts.tokens, layout.texts.read)
    size, tensors = shape(layout), [readout.tensor for readout in result.readouts]
    told = size and tensors and all(tokens_stand_in(tensor, result) for tensor in tensors)
    if result.frame is None or size is None or not told:
        return ()
    rows, length = size
    pads = padding(layout, "input_ids") or ((),) * rows
    marked = [] if layout.each else tensors
    read = [set().union(*(layout.bound.reads[tensor][row] for tensor in marked)) for row in range(rows)]
    return _marked([[*_tokens(length, set(padded), result.frame)] for padded in pads], read)


def _marked(tokens: Iterable[Sequence[str]], read: Iterable[Iterable[int]]) -> Columns:
    rows = zip(tokens, map(set, read), strict=True)
    return tuple(tuple((token, p in there) for p, token in enumerate(row)) for row, there in rows)


def _tokens(length: int, padded: set[int], frame: SpecialTokens) -> Iterator[str]:
    """A text between the special tokens of its frame, and padding wherever the layout has it."""
    count = length - len(padded)
    inner = [WORD] * (count - len(frame.before) - len(frame.after))
    text = iter([*frame.before, *inner, *frame.after])
    for position in range(length):
        yield (frame.padding or "pad") if position in padded else next(text, WORD)
