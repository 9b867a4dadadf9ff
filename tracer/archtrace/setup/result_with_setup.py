"""The result of a trace together with the diagnosis of its setup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.result import Result
from archtrace.errors import ArchtraceError
from archtrace.setup.examination import SAMPLES, diagnose
from archtrace.setup.given_texts import GivenTexts, shortest_and_longest
from archtrace.setup.pad_id import first_line
from archtrace.targets import folders
from archtrace.targets.tokenized import tokenizer_of
from archtrace.tracing.trace import Trace


def with_setup(traced: Trace, target: object, arguments: Mapping[str, Any]) -> Result:
    """The result of a trace with the diagnosis of its setup: on the given texts, or without any, on samples where the
    target is a folder that holds a tokenizer.

    `target` and `arguments` are those of the trace, `text` (a list) and `text_pair` among them.
    """
    texts = arguments.get("text")
    if not texts and not _is_folder_with_tokenizer(traced.target.name):
        return traced.result
    options = {name: value for name, value in arguments.items() if name not in ("text", "text_pair")}
    try:
        tokenizer = tokenizer_of(traced.target)
        given = GivenTexts(tokenizer, texts or SAMPLES, arguments.get("text_pair"), sampled=not texts)
        diagnosis = diagnose(traced, target, shortest_and_longest(given), options)
    except ArchtraceError as error:  # the answer about the model stands without a diagnosis
        diagnosis = Diagnosis(traced.target.name, "unknown", first_line(error))
    # The user gave no text: that samples show nothing is no news.
    return replace(traced.result, setup=diagnosis) if texts or diagnosis.opinion != "unknown" else traced.result


def _is_folder_with_tokenizer(name: str) -> bool:
    """Whether a target is the folder of a checkpoint with its tokenizer."""
    document = folders.document(name.strip())
    return document is not None and folders.has_tokenizer(document.parent)
