"""What a script is run with unless it is told otherwise: defaults of its arguments and fields, by their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Const


def setting_defaults(tree: ast.Module) -> dict[str, AbstractValues]:
    """Attribute -> the texts that it is by default: `add_argument("--model", default="x")`, fields of classes.

    A name that several parsers or classes give is any of these.
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
    """Texts that the body of a class gives its names, also by `field(default="x")`."""
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
