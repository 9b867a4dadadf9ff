"""What a graph rule is: it looks at a traced model, as a source rule looks at code. Both kinds share their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archtrace.contract.traced_model import ContractViolation, TracedModel

Check: TypeAlias = Callable[[TracedModel], Iterator[ContractViolation]]


@dataclass(frozen=True)
class Words:
    """The texts of a code that no source rule has."""

    summary: str
    why: str
    real: tuple[str, ...]
    instead: str


@dataclass(frozen=True)
class GraphRule:
    """A rule. `sees`: what it looks at in a traced model; `unseen`: what it cannot see there.

    `right` and `wrong`: name -> code of a class Classifier, or that sets TARGET, and where it matters CONTRACT (a
    table); tests and pages are made from them.
    """

    code: str
    name: str
    sees: str
    unseen: str
    right: dict[str, str]
    wrong: dict[str, str]
    check: Check
    words: Words | None = None
