"""Answered: what is said of a model and some texts, with the diagnosis of its setup."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archtrace.answer.result import Result
from archtrace.errors import ArchtraceError
from archtrace.setup.examination import diagnosed
from archtrace.setup.given import GivenTexts, extremes
from archtrace.targets.texts import tokenizer_of
from archtrace.tracing import Trace


def with_setup(traced: Trace, target: Any, arguments: Mapping[str, Any]) -> Result:
    """The result of a trace of texts, with the diagnosis of its setup where there is one.

    `target` and `arguments` are what `archtrace.trace` was given: `text`, a list, and `text_pair` among them.
    """
    wishes = {name: value for name, value in arguments.items() if name not in ("text", "text_pair")}
    with contextlib.suppress(ArchtraceError):  # the answer stands without it
        given = extremes(GivenTexts(tokenizer_of(traced.target), arguments["text"], arguments["text_pair"]))
        return replace(traced.result, setup=diagnosed(traced, target, given, wishes))
    return traced.result
