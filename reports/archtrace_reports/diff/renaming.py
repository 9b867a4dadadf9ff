"""Names: what an architecture calls its parts, which is no difference between two that do the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from archtrace.answer.result import Result


def nameless(result: Result) -> Callable[[str], str]:
    """A function that takes out of a text the model type's name, however it is spelled ("XLMRoberta", "xlm_roberta"),
    and the backbone's place in the model ("roberta.", "model.")."""
    patterns = [re.compile(pattern) for pattern in _patterns(result)]

    def stripped(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub("", text)
        return text

    return stripped


def _patterns(result: Result) -> Iterator[str]:
    for module in sorted({readout.module for readout in result.readouts if readout.module}, key=len, reverse=True):
        yield rf"(?<![\w.]){re.escape(module)}\."
    letters = [re.escape(letter) for letter in result.model_type or "" if letter.isalnum()]
    if letters:
        # "opt" begins OPTForSequenceClassification and modeling_opt.py; it is no part of "optional" or "adopt".
        yield rf"(?<![A-Za-z])(?i:{'[-_]?'.join(letters)})(?![a-z])"
