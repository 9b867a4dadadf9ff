"""Answered: what is said of a model and some texts, with the diagnosis of its setup."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archtrace.answer.result import Result
from archtrace.errors import ArchtraceError
from archtrace.setup.examination import SAMPLES, diagnosed
from archtrace.setup.given import GivenTexts, extremes
from archtrace.targets import folders
from archtrace.targets.texts import tokenizer_of
from archtrace.tracing import Trace


def with_setup(traced: Trace, target: Any, arguments: Mapping[str, Any]) -> Result:
    """The result of a trace with the diagnosis of its setup: of texts that were given, and without any of a checkpoint
    in a folder that holds a tokenizer, on samples.

    `target` and `arguments` are what `archtrace.trace` was given: `text`, a list, and `text_pair` among them.
    """
    texts = arguments.get("text")
    if not texts and not _with_tokenizer(traced.target.name):
        return traced.result
    wishes = {name: value for name, value in arguments.items() if name not in ("text", "text_pair")}
    with contextlib.suppress(ArchtraceError):  # the answer stands without it
        tokenizer = tokenizer_of(traced.target)
        given = GivenTexts(tokenizer, texts or SAMPLES, arguments.get("text_pair"), sampled=not texts)
        found = diagnosed(traced, target, extremes(given), wishes)
        if texts or found.opinion != "unknown":
            return replace(traced.result, setup=found)
    return traced.result


def _with_tokenizer(name: str) -> bool:
    """Whether a target is a folder in which a tokenizer was saved."""
    document = folders.document(name.strip())
    return document is not None and folders.has_tokenizer(document.parent)
