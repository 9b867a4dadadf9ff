"""What a condition checks: whether there is a mask, on which side padding is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from archtrace_lint.dataflow.abstract_values import Count, Many, Side, Tokens, has, only
from archtrace_lint.dataflow.frame import Frame
from archtrace_lint.dataflow.spellings import meaning


def no_mask(test: ast.expr, frame: Frame, *, holds: bool) -> bool:
    """True when `test`, if it is true (`holds`) or false (not `holds`), implies no mask or no attended token."""
    if isinstance(test, ast.BoolOp):
        # If `a and b` holds, both hold; if `a or b` fails, both fail. Otherwise neither is certain.
        sure = isinstance(test.op, ast.And) == holds
        return any(no_mask(t, frame, holds=holds) for t in test.values) if sure else False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return no_mask(test.operand, frame, holds=not holds)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return not holds and _false_without_tokens(test, frame)
    operator, other = test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Is | ast.IsNot) and isinstance(other, ast.Constant) and other.value is None:
        return isinstance(operator, ast.Is) == holds and _is_mask(test.left, frame)
    if isinstance(operator, ast.In | ast.NotIn) and isinstance(test.left, ast.Constant):
        return isinstance(operator, ast.NotIn) == holds and meaning(str(test.left.value)) == "attended"
    zero_holds = ZERO.get((type(operator), other.value if isinstance(other, ast.Constant) else ...))
    return zero_holds is holds and _counts_tokens(test.left, frame)


#: Comparison of a number that is not negative with a number -> whether it holds of 0.
ZERO: dict[tuple[type[ast.cmpop], object], bool] = {
    (ast.Eq, 0): True,
    (ast.LtE, 0): True,
    (ast.Lt, 1): True,
    (ast.NotEq, 0): False,
    (ast.Gt, 0): False,
    (ast.GtE, 1): False,
}


def _false_without_tokens(node: ast.expr, frame: Frame) -> bool:
    """An expression that is false without tokens: `mask.any()`, `mask.sum()`, and a list that starts empty."""
    if isinstance(node, ast.Name):
        return Many(()) in frame.lookup(node.id)
    return _counts_tokens(node, frame)


def _counts_tokens(node: ast.expr, frame: Frame) -> bool:
    """A count over a whole mask: `mask.sum()`, `mask.any()`; or the length of a list that starts empty."""
    if isinstance(node, ast.Name):
        return any(c.whole_batch for c in only(frame.lookup(node.id), Count))
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name) and node.func.id == "len" and node.args:
        return _false_without_tokens(node.args[0], frame) if isinstance(node.args[0], ast.Name) else False
    if not isinstance(node.func, ast.Attribute) or node.args or node.keywords:
        return False
    if node.func.attr == "item":
        return _counts_tokens(node.func.value, frame)
    return node.func.attr in ("sum", "any", "count_nonzero") and _is_mask(node.func.value, frame)


def _is_mask(node: ast.expr, frame: Frame) -> bool:
    word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    # By the name: a mask that is None on this path has no value to look at.
    return "mask" in word or (isinstance(node, ast.Name) and has(frame.lookup(node.id), Tokens))


def checks_side(test: ast.expr, frame: Frame) -> bool:
    """True when the test looks at the side of padding."""
    if has(frame.evaluate(test), Side):
        return True
    # Most files name no side of padding: then no condition needs a walk.
    if not frame.file.mentions_side:
        return False
    names = (
        n.id if isinstance(n, ast.Name) else n.attr if isinstance(n, ast.Attribute) else "" for n in ast.walk(test)
    )
    return any(meaning(word) == "side" for word in names if word)


@contextmanager
def assuming(test: ast.expr, frame: Frame, *, holds: bool) -> Iterator[None]:
    """Follow a branch on the assumption that the test holds, or that it does not; the test is evaluated only once.

    `side_checked` stays set after the branch.
    """
    if holds:
        frame.side_checked = checks_side(test, frame) or frame.side_checked
    before = frame.without_mask
    frame.without_mask = before or no_mask(test, frame, holds=holds)
    try:
        yield
    finally:
        frame.without_mask = before
