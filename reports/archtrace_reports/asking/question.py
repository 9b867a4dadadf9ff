"""Question: a target and how it is asked about; small and plain, so that it travels to a child process as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archtrace_reports.asking.typed_inputs import load_input


@dataclass(frozen=True)
class Question:
    """What `archtrace.trace` is asked. `config` is the path of a JSON file; overrides go on top of it.

    `constructor` are the arguments of a class or of a function that builds a model; `inputs`: by name, JSON or the
    whole path of a file of numbers. `text` and `text_pair` are what the checkpoint's tokenizer makes a batch of.
    `shallow`: of a model with many layers two will do, if it can be built with two. `files` are the small files of a
    checkpoint by their names in its folder: whoever answers need not see the folder, and `target` is then but a name.
    """

    target: str
    num_labels: int | None = None
    config: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    trust_remote_code: bool = False
    output: str = ""
    constructor: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    head: str | None = None
    shallow: bool = False
    text: Sequence[str] = ()
    text_pair: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments for `archtrace.trace`. TargetError for a file of inputs that cannot be read."""
        return {
            "num_labels": self.num_labels,
            "config": Path(self.config) if self.config else None,
            "overrides": dict(self.overrides),
            "trust_remote_code": self.trust_remote_code,
            "output": self.output,
            "arguments": dict(self.constructor),
            "inputs": {name: load_input(name, value) for name, value in self.inputs.items()} or None,
            "head": self.head,
            "text": list(self.text) or None,
            "text_pair": list(self.text_pair) or None,
        }


def override(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as JSON where it is JSON, else as the text itself. ValueError where there is no KEY."""
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise ValueError(f"{text!r} is not KEY=VALUE")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value
