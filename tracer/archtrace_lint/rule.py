"""What a rule is: its words, its cases, and its check."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archtrace_lint.dataflow.events import SourceModule


@dataclass(frozen=True)
class Replacement:
    """What fixes a finding: new text for a node, and the statements that are redundant afterwards."""

    text: str
    node: ast.expr
    redundant: tuple[ast.stmt, ...] = ()


@dataclass(frozen=True)
class Match:
    """What a check found: where, in which function, in words; and what fixes it, if that is certain.

    `message` is at most 90 characters, so that `path:line:col: CODE message` is a line: what is wrong, a semicolon,
    what to do. `read` is what reads the hidden states at the index that `node` makes, where that is not `node` itself.
    """

    node: ast.AST
    function: str
    message: str
    replacement: Replacement | None = None
    read: ast.AST | None = None


Check: TypeAlias = "Callable[[SourceModule], Iterator[Match]]"


@dataclass(frozen=True)
class Rule:
    """One rule. `valid` and `invalid`: name -> code that is right or wrong; tests and pages are made from them."""

    code: str
    name: str
    summary: str
    why: str
    real: tuple[str, ...]
    instead: str
    unseen: str
    valid: dict[str, str]
    invalid: dict[str, str]
    check: Check
    fixes: bool = False
