"""The defaults of a script's arguments and of the fields of its classes, by their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Const


def setting_defaults(tree: ast.Module) -> dict[str, AbstractValues]:
    """Attribute -> its default strings: `add_argument("--model", default="x")`, fields of classes.

    A name with several parsers or classes has all their defaults.
    """
    defaults: dict[str, AbstractValues] = {}
    for node in ast.walk(tree):
        for name, text in _argument(node) if isinstance(node, ast.Call) else _fields(node):
            defaults[name] = defaults.get(name, UNKNOWN) | frozenset((Const(text),))
    return defaults


def _argument(call: ast.Call) -> Iterator[tuple[str, str]]:
    """`parser.add_argument("--model_name", default="x")`."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "add_argument" or not call.args:
        return
    flags = [text for a in call.args if (text := _text(a)).startswith("--")]
    keywords = {k.arg: _text(k.value) for k in call.keywords}
    # argparse: the attribute is `dest`, else the first long flag with `_` for `-`.
    name = keywords.get("dest") or (flags[0].strip("-").replace("-", "_") if flags else "")
    if name and keywords.get("default"):
        yield name, keywords["default"]


def _fields(node: ast.AST) -> Iterator[tuple[str, str]]:
    """String defaults in the body of a class, also by `field(default="x")`."""
    for part in node.body if isinstance(node, ast.ClassDef) else ():
        if not isinstance(part, ast.AnnAssign | ast.Assign):
            continue
        target = part.target if isinstance(part, ast.AnnAssign) else part.targets[0]
        value = part.value
        if isinstance(value, ast.Call):
            value = next((k.value for k in value.keywords if k.arg == "default"), None)
        if isinstance(target, ast.Name) and _text(value):
            yield target.id, _text(value)


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
