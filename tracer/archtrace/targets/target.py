"""Target: a model that can be built, and where its config came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from archtrace.answer.result import ConfigSource, Finding, Readout


def nothing(module: Any, readouts: Sequence[Readout]) -> tuple[Finding, ...]:
    """What is to be said of most models once they are traced."""
    return ()


@dataclass(frozen=True, eq=False)
class Target:
    """What a user's word stands for.

    `make(config)` constructs the module (`config` is None where the class takes none); `module` is the live module
    when the user gave one. `findings` say what had to be assumed or filled in; `told` says what only the built module
    and its readouts show. `class_name` is empty where it is known of the built module alone.
    """

    name: str
    class_name: str
    model_type: str | None
    config: Any
    config_source: ConfigSource
    make: Callable[[Any], Any]
    module: Any = None
    findings: tuple[Finding, ...] = ()
    told: Callable[[Any, Sequence[Readout]], tuple[Finding, ...]] = nothing
