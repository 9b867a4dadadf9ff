"""Walks over the statements and functions of a syntax tree, and its dotted names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements in a tree, at any depth, each before those within it; handlers and cases among them."""
    for child in ast.iter_child_nodes(tree):
        # Most nodes of a tree are expressions, which contain no statements.
        if not isinstance(child, ast.expr):
            yield child
            yield from statements(child)


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """All functions of a tree by their qualified names, each before those within it."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.expr):
            continue
        has_name = isinstance(child, (*FUNCTIONS, ast.ClassDef))
        inner = f"{prefix}.{child.name}".lstrip(".") if has_name else prefix  # type: ignore[attr-defined]
        if isinstance(child, FUNCTIONS):
            yield inner, child
        yield from functions(child, inner)


def nodes_by_function(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    """All nodes of a tree, each with the qualified name of the function around it."""
    for child in ast.iter_child_nodes(tree):
        yield function, child
        has_name = isinstance(child, (*FUNCTIONS, ast.ClassDef))
        inner = f"{function}.{child.name}".lstrip(".") if has_name else function  # type: ignore[attr-defined]
        yield from nodes_by_function(child, inner)


def last_word(node: ast.AST) -> str:
    """`c` of `a.b.c`; "" for anything but a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def root_name(node: ast.expr) -> str:
    """The first word of a dotted name, "" for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
