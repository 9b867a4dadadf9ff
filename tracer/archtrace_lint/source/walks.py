"""Walks over the statements of a tree: most of its nodes are expressions, which cost most and are left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements in a tree, at any depth, each before those within it; handlers and cases among them."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.expr):
            yield child
            yield from statements(child)


def functions(tree: ast.AST, around: str = "") -> Iterator[tuple[str, Function]]:
    """All functions of a tree by their qualified names, each before those within it."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.expr):
            continue
        named = isinstance(child, (*FUNCTIONS, ast.ClassDef))
        inner = f"{around}.{child.name}".lstrip(".") if named else around  # type: ignore[attr-defined]
        if isinstance(child, FUNCTIONS):
            yield inner, child
        yield from functions(child, inner)
