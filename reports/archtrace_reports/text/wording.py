"""Words: an answer in plain English; what each kind is called stands in the table of kinds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archtrace.answer.kinds import KINDS, noun
from archtrace.answer.result import Readout, Result

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
    letters = (text for letter, text in LETTERS.items() if _holds(readout.slice, letter) and not _holds(own, letter))
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
    return "reads only" if len(readouts) > 1 or KINDS[readouts[0].kind].partial else "reads"


def _object(readout: Readout, result: Result) -> str:
    if any(relation.of == readout.tensor and relation.name not in ("all", "same") for relation in result.relations):
        return f"{readout.slice} for position i of {result.output}"
    last = readout.tensor == "last_hidden_state"
    of = "the final hidden state of" if last else f"{readout.tensor} at"
    if of_given(result) and KINDS[readout.kind].predict is not None:
        return f"{of} {_given(result) or f'one position of each row ({readout.slice})'}"
    return KINDS[readout.kind].object.format(
        slice=readout.slice,
        tensor=readout.tensor,
        state="the final hidden state" if last else readout.tensor,
        states="the final hidden states" if last else readout.tensor,
        of=of,
        place="token" if tokens_stand_in(readout.tensor, result) else "position",
        named=_named(readout, result),
        output=result.output,
    )


def _given(result: Result) -> str:
    """The tokens that are read of few texts: "film (3) and long (3)"; empty where no text was given."""
    words = [*dict.fromkeys(word for layout in result.layouts if layout.texts for word in layout.texts.words)]
    return enumerate_words(words if len(words) <= FEW else [*words[: FEW - 1], f"{len(words) - FEW + 1:,} more"])


def tokens_stand_in(tensor: str, result: Result) -> bool:
    """Whether position i of a tensor stands for token i of its text, as the layouts with padding show."""
    padded = [layout.padding for layout in result.layouts if any(layout.padding.get("input_ids", ()))]
    return bool(padded) and all(rows.get(tensor) == rows["input_ids"] for rows in padded)


def _named(readout: Readout, result: Result) -> str:
    """What stands at the end that is read, in brackets, where that is known."""
    edge, frame = KINDS[readout.kind].edge, result.frame
    if edge is None:
        return ""
    if frame is not None and tokens_stand_in(readout.tensor, result):
        token = (*frame.before, "", *frame.after)[edge]
        return f" ({token})" if token else ""
    empty = any(fields.tensor == readout.tensor and fields.of[edge] is None for fields in result.fields)
    return " (a class token: no part of the image)" if empty else ""


def _without(result: Result) -> str:
    tokens = any(row for layout in result.layouts for row in layout.bound.tokens)
    return "tokens reach the logits through no tensor that is sliced" if tokens else "no token reaches the logits"


def enumerate_words(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def count(number: int, noun: str) -> str:
    """1 layout, 2 layouts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
