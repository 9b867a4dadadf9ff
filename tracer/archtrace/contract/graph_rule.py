"""What a graph rule is: it looks at a traced model, where a source rule reads code. Codes are shared between both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archtrace.contract.traced_model import ContractViolation, TracedModel

Check: TypeAlias = Callable[[TracedModel], Iterator[ContractViolation]]


@dataclass(frozen=True)
class Words:
    """What a code means, where no source rule of that code tells."""

    summary: str
    why: str
    real: tuple[str, ...]
    instead: str


@dataclass(frozen=True)
class GraphRule:
    """One rule. `seen`: what it looks at in a traced model; `unseen`: what it cannot see.

    `right` and `wrong`: name -> code of a class Classifier, or that sets TARGET, and where it matters CONTRACT (a
    table); tests and pages are made from them.
    """

    code: str
    name: str
    seen: str
    unseen: str
    right: dict[str, str]
    wrong: dict[str, str]
    check: Check
    words: Words | None = None
