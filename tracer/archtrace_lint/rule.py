"""A rule: its texts, its example cases, and its check."""

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
    """One match of a rule: the node, the function around it, the message; and a replacement if one is certain.

    `message` is at most 90 characters, so that `path:line:col: CODE message` is a line: what is wrong, a semicolon,
    what to do. `read` is the node that reads hidden states at the index made by `node`, if that is another node.
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
