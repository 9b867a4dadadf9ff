"""Cautions: what to watch out for, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archtrace.answer.result import Result
from archtrace_reports.tokens import leaked

#: Findings that mean that an answer, or what the model computes, is wrong: they stand above all else. The sentence
#: stands for the finding's own message where that goes into more detail than an opening bears.
GRAVE = {
    "missed": "",
    "replay-differs": "",
    "rows-mix": "",
    "other-head": "",
    "reads-constant": "where it reads padding, the state is the same for every text, and so are the logits",
}
#: Where padding stands in a layout.
WHERE = {
    "left_padded": "on the left",
    "right_padded": "on the right",
    "padded_inside": "inside a text",
    "masked_tail": "in the mask alone",
}
#: By the layouts in which padding is read: what happens there, and what to do.
PADDED = {
    "left_padded": "padding on the left puts a padding token where it reads: pad on the right",
    "right_padded": "padding on the right puts a padding token where it reads: pad on the left",
    "padded_inside": "padding inside a text is read",
    "masked_tail": "a token counts as text unless its id is pad_token_id, whatever the attention mask says",
}
#: Where padding is read on either side, no side mends it.
ANYWHERE = "padding is read as text, on whichever side it stands: give texts of one length, or one text at a time"


@dataclass(frozen=True)
class Caution:
    """One sentence; grave where the logits, or the answer, are wrong."""

    text: str
    grave: bool = False


def cautions(result: Result) -> list[Caution]:
    """What to watch out for, the grave first."""
    return sorted(_all(result), key=lambda caution: not caution.grave)


def _all(result: Result) -> Iterator[Caution]:
    for finding in result.findings:
        if finding.code in GRAVE:
            yield Caution(GRAVE[finding.code] or finding.message, grave=True)
    if result.padding.leaks:
        yield Caution(_leaks(result), grave=True)
    yield from map(Caution, _read(result.padding.reads_padding))


def _leaks(result: Result) -> str:
    places = [*dict.fromkeys(layout.name for layout in result.layouts if leaked(layout))]
    known = [WHERE[name] for name in places if name in WHERE]
    stands = f" when it stands {' or '.join(known)}" if known else ""
    may = "reaches" if result.status == "exact" else "may reach"
    mended = ": pad on the right" if "left_padded" in places and not {"right_padded", "masked_tail"} & {*places} else ""
    what = f"masked padding {may} the logits{stands}, so that the same text may get other logits in another batch"
    return what + mended


def _read(layouts: tuple[str, ...]) -> Iterator[str]:
    """One sentence for each side; that ids and mask disagree is told where the sides say nothing of it."""
    sides = [name for name in ("left_padded", "right_padded") if name in layouts]
    if len(sides) == 2:
        yield ANYWHERE
        return
    for name in sides or layouts[:1]:
        yield PADDED.get(name, f"padding is read in {name.replace('_', ' ')}")
