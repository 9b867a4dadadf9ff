"""What is said of a model and some texts, with the diagnosis of its setup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.result import Result
from archtrace.errors import ArchtraceError
from archtrace.setup.examination import SAMPLES, diagnosed
from archtrace.setup.given_texts import GivenTexts, extremes
from archtrace.setup.pad_id import first_line
from archtrace.targets import folders
from archtrace.targets.tokenized import tokenizer_of
from archtrace.tracing.trace import Trace


def with_setup(traced: Trace, target: object, arguments: Mapping[str, Any]) -> Result:
    """The result of a trace with the diagnosis of its setup: of texts that were given, and without any of a checkpoint
    in a folder that holds a tokenizer, on samples.

    `target` and `arguments` are what `archtrace.trace` was given: `text`, a list, and `text_pair` among them.
    """
    texts = arguments.get("text")
    if not texts and not _with_tokenizer(traced.target.name):
        return traced.result
    wishes = {name: value for name, value in arguments.items() if name not in ("text", "text_pair")}
    try:
        tokenizer = tokenizer_of(traced.target)
        given = GivenTexts(tokenizer, texts or SAMPLES, arguments.get("text_pair"), sampled=not texts)
        found = diagnosed(traced, target, extremes(given), wishes)
    except ArchtraceError as error:  # the answer stands without it
        found = Diagnosis(traced.target.name, "unknown", first_line(error))
    # Of samples that nobody asked about an opinion is told, and not that there is none.
    return replace(traced.result, setup=found) if texts or found.opinion != "unknown" else traced.result


def _with_tokenizer(name: str) -> bool:
    """Whether a target is a folder in which a tokenizer was saved."""
    document = folders.document(name.strip())
    return document is not None and folders.has_tokenizer(document.parent)
