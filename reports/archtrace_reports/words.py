"""Words: an answer in plain English; what each kind is called stands in the table of kinds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archtrace.answer.kinds import KINDS, noun
from archtrace.answer.result import LayoutResult, Readout, Result

#: What an answer that is no proof from both sides promises.
BOUND = "bound: nothing else is read, but some of this may turn out not to matter"

#: Tokens of as many texts are named in the headline.
FEW = 3
#: What is written as a letter in a slice.
LETTERS = {"s": "s is the number of positions in a row", "i": "i is the position of the output"}


def meaning(readout: Readout, result: Result) -> str:
    """Which positions the slice holds, and what its letters stand for. Of inputs that were given nothing more is known
    than where they are read."""
    own = f"in these inputs {noun(readout)}" if of_given(result) else KINDS[readout.kind].meaning
    letters = (told for letter, told in LETTERS.items() if _holds(readout.slice, letter) and not _holds(own, letter))
    return "; ".join([own, *letters])


def _holds(text: str, letter: str) -> bool:
    return re.search(rf"\b{letter}\b", text) is not None


def of_given(result: Result) -> bool:
    """Whether nothing was tried but inputs, or texts, that somebody gave: what holds of others is not known then."""
    return {layout.name for layout in result.layouts} == {"given"}


def headline(result: Result) -> str:
    """The answer in one sentence."""
    if not result.readouts:
        return f"{result.class_name} reads no hidden state: {_without(result)}."
    objects = enumerate_words([*dict.fromkeys(_object(readout, result) for readout in result.readouts)])
    return f"{result.class_name} {_verb(result.readouts)} {objects}."


def _verb(readouts: Sequence[Readout]) -> str:
    if any(readout.status == "bound" for readout in readouts):
        return "reads no more than"
    kinds = [KINDS[readout.kind] for readout in readouts]
    alone = len(kinds) > 1 or kinds[0].predict is not None or readouts[0].kind in ("fixed", "other")
    return "reads only" if alone else "reads"


def _object(readout: Readout, result: Result) -> str:
    if any(one.of == readout.tensor and one.name not in ("all", "same") for one in result.relations):
        return f"{readout.slice} for position i of {result.output}"
    last = readout.tensor == "last_hidden_state"
    if of_given(result) and KINDS[readout.kind].predict is not None:
        which = _given(result) or f"one position of each row ({readout.slice})"
        return f"{'the final hidden state of' if last else f'{readout.tensor} at'} {which}"
    return KINDS[readout.kind].object.format(
        slice=readout.slice,
        tensor=readout.tensor,
        state="the final hidden state" if last else readout.tensor,
        states="the final hidden states" if last else readout.tensor,
        of="the final hidden state of" if last else f"{readout.tensor} at",
        place="token" if tokens_stand_in(readout.tensor, result) else "position",
        named=_named(readout, result),
        output=result.output,
    )


def _given(result: Result) -> str:
    """The tokens that are read of few texts: "film (3) and long (3)"; empty where no text was given."""
    words = [*dict.fromkeys(word for layout in result.layouts if layout.texts for word in layout.texts.words)]
    return enumerate_words(words) if len(words) <= FEW else f"{enumerate_words([*words[: FEW - 1], 'so on'])}"


def tokens_stand_in(tensor: str, result: Result) -> bool:
    """Whether position i of a tensor stands for token i of its text, as the layouts with padding show."""
    padded = [layout.padding for layout in result.layouts if any(layout.padding.get("input_ids", ()))]
    return bool(padded) and all(rows.get(tensor) == rows["input_ids"] for rows in padded)


def _named(readout: Readout, result: Result) -> str:
    """What stands at the one position that is read, in brackets, where that is known."""
    told = {name for layout in result.layouts for name in _written(layout)}
    if told:
        return f" ({told.pop()})" if len(told) == 1 else ""
    if tokens_stand_in(readout.tensor, result):
        return f" ({token})" if (token := _framing(readout, result)) else ""
    first = any(fields.tensor == readout.tensor and 0 in fields.empty for fields in result.fields)
    return " (a class token: no part of the image)" if first and readout.kind == "first" else ""


def _written(layout: LayoutResult) -> set[str]:
    """The tokens that are read of texts, where of each it is one."""
    if layout.texts is None:
        return set()
    rows = zip(layout.texts.tokens, layout.texts.read, strict=True)
    return {tokens[read[0]] if len(read) == 1 else "" for tokens, read in rows}


def _framing(readout: Readout, result: Result) -> str:
    """The special token that the tokenizer sets where a kind of one position reads."""
    if result.frame is None:
        return ""
    tokens = {"first": result.frame.before[:1], "last": result.frame.after[-1:]}
    return "".join(tokens.get(readout.kind, ()))


def _without(result: Result) -> str:
    tokens = any(row for layout in result.layouts for row in layout.bound.tokens)
    return "tokens reach the logits through no tensor that is sliced" if tokens else "no token reaches the logits"


def enumerate_words(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def count(number: int, noun: str) -> str:
    """1 layout, 2 layouts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
