"""Cautions: what to watch out for, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archtrace.answer.result import Finding, Result
from archtrace_reports.text.tokens import leaked

#: Findings that mean that an answer, or what the model computes, is wrong: they stand above all else. The sentence
#: stands for the finding's own message where that goes into more detail than an opening bears.
GRAVE = {
    "missed": "",
    "replay-differs": "",
    "rows-mix": "",
    "other-head": "",
    "pad-is-eos": "",
    "reads-constant": "in some layouts a state is read that is the same for every text",
}
#: Findings that are worth a note.
NOTED = frozenset({"padding-moves"})
#: By the layouts in which padding is read: what happens there, and what to do.
PADDED = {
    "left_padded": "pad on the right: with padding on the left, a padding token is read",
    "right_padded": "pad on the left: with padding on the right, a padding token is read",
    "padded_inside": "padding inside a text is read",
    "masked_tail": "padding is recognised by pad_token_id alone: any other id counts as text, even where it is masked",
}
#: Where padding is read on either side, no side fixes it.
ANYWHERE = "padding is read like text, on either side: give texts of one length, or one text at a time"
#: Where masked padding stands that reaches the logits.
WHERE = {"left_padded": "on the left", "right_padded": "on the right", "padded_inside": "inside a text"}


@dataclass(frozen=True)
class Caution:
    """One sentence; grave where the logits, or the answer, are wrong."""

    text: str
    grave: bool = False

    @property
    def label(self) -> str:
        """What stands before it."""
        return "Watch out" if self.grave else "Note"


def cautions(result: Result) -> list[Caution]:
    """What to watch out for, the grave first."""
    return sorted(_all(result), key=lambda caution: not caution.grave)


def others(result: Result) -> list[Finding]:
    """The findings that no caution states in full."""
    in_cautions = {*NOTED, *(code for code, sentence in GRAVE.items() if not sentence)}
    return [finding for finding in result.findings if finding.code not in in_cautions and not _assumed(finding)]


def _all(result: Result) -> Iterator[Caution]:
    for finding in result.findings:
        if finding.code in GRAVE:
            yield Caution(GRAVE[finding.code] or finding.message, grave=True)
    if result.padding.leaks:
        yield Caution(_leaks(result), grave=True)
    yield from (Caution(finding.message) for finding in result.findings if _assumed(finding))
    yield from (Caution(finding.message) for finding in result.findings if finding.code in NOTED)
    yield from map(Caution, _read(result.padding.reads_padding))


def _assumed(finding: Finding) -> bool:
    """Whether it says that a pad id was filled in, on which all statements about padding rest."""
    return finding.code == "config-filled" and finding.field.endswith("pad_token_id")


def _leaks(result: Result) -> str:
    """Where masked padding reaches the logits although it is not read, and where it does not."""
    ran = [layout for layout in result.layouts if layout.refused is None]
    tried, places = {layout.name for layout in ran}, {layout.name for layout in ran if leaked(layout)}
    stands = " or ".join(where for name, where in WHERE.items() if name in places)
    what = "what only the mask hides" if places == {"masked_tail"} else f"masked padding {stands}".rstrip()
    not_right = " (on the right it does not)" if stands and "right_padded" in tried - places else ""
    may = "reaches" if result.status == "exact" else "may reach"
    return f"{what} {may} the logits{not_right}: the same text may get other logits in another batch"


def _read(layouts: tuple[str, ...]) -> Iterator[str]:
    """One sentence for each side; that ids and mask disagree is added where no side implies it."""
    sides = [name for name in ("left_padded", "right_padded") if name in layouts]
    if len(sides) == 2:
        yield ANYWHERE
        return
    for name in sides or layouts[:1]:
        yield PADDED.get(name, f"padding is read in {name.replace('_', ' ')}")
