"""Fixes put into a source: libcst finds the expression that stands at a place, and changes nothing else."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from archtrace.lint.violation import Fix


class _Mend(cst.CSTTransformer):
    """Replaces the expressions at given places."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, fixes: Sequence[Fix]) -> None:
        super().__init__()
        self.at = {(f.line, f.col - 1, f.end_line, f.end_col - 1): f.text for f in fixes}

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        """Replace a node whose place is one of the fixes'; its own parentheses stay."""
        if not isinstance(original_node, cst.BaseExpression) or not isinstance(updated_node, cst.BaseExpression):
            return updated_node
        place = self.get_metadata(PositionProvider, original_node)
        text = self.at.pop(_key(place), None) if isinstance(place, CodeRange) else None
        if text is None:
            return updated_node
        expression = cst.parse_expression(text)
        if updated_node.lpar:
            expression = expression.with_changes(lpar=updated_node.lpar, rpar=updated_node.rpar)
        return expression


def _key(place: CodeRange) -> tuple[int, int, int, int]:
    return place.start.line, place.start.column, place.end.line, place.end.column


def mended(source: str, fixes: Sequence[Fix]) -> str:
    """The source with these fixes; as it was, when it, or what would become of it, does not parse."""
    try:
        result = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True).visit(_Mend(fixes)).code
        ast.parse(result)
    except (cst.ParserSyntaxError, SyntaxError, RecursionError, ValueError):
        return source
    return result
