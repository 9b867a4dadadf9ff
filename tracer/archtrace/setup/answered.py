"""Answered: what is said of a model, with the diagnosis of its setup where texts bring a tokenizer along."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archtrace.answer.result import Result
from archtrace.clock import Progress
from archtrace.errors import ArchtraceError
from archtrace.setup.examination import diagnosed
from archtrace.setup.given import GivenTexts, extremes
from archtrace.targets.texts import tokenizer_of
from archtrace.tracing import Trace, trace


def answered(
    target: Any,
    *,
    text: Sequence[str] | None = None,
    text_pair: Sequence[str] | None = None,
    progress: Progress | None = None,
    **wishes: Any,
) -> Result:
    """The result of `archtrace.trace` with these arguments; of texts it holds the diagnosis too, where there is one.

    Raises ArchtraceError where there is nothing to trace.
    """
    traced = trace(target, text=text, text_pair=text_pair, progress=progress, **wishes)
    return _with_setup(traced, target, text, text_pair, wishes) if text else traced.result


def _with_setup(
    traced: Trace, target: Any, texts: Sequence[str], pairs: Sequence[str] | None, wishes: dict[str, Any]
) -> Result:
    with contextlib.suppress(ArchtraceError):  # the answer stands without it
        given = extremes(GivenTexts(tokenizer_of(traced.target), texts, pairs))
        return replace(traced.result, setup=diagnosed(traced, target, given, wishes))
    return traced.result
