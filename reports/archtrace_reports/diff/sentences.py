"""Sentences: a comparison in words, for every format."""

from __future__ import annotations

from collections.abc import Mapping

from archtrace_reports.diff.compare import Comparison, Lost, Side

#: The side without an answer -> what that means.
LOST: Mapping[Side, str] = {"right": "no longer answered", "left": "new", "same": "answered on neither side"}


def change_sentences(comparison: Comparison) -> tuple[str, ...]:
    """The sentences; or one that says that nothing changed."""
    if comparison.sentences:
        return comparison.sentences
    if comparison.renamed:
        return ("The same but for names: both read the same, by the same rule, and do the same with it.",)
    return ("Both read the same, by the same rule.",)


def lost(target: Lost) -> str:
    """A target that one side has no answer about."""
    return f"{LOST[target.side]}: {target.reason}"
