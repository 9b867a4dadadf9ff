"""Index expressions: a known value written out in terms of the inputs, as the graph computes it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from archtrace.capture.program import Kind, Node, Program, Ref
from archtrace.ops import EQUALITIES, FUNCTIONS, SUBSCRIPTS, UNWRITTEN, WRITES_PARTS, WRITTEN, plain

_BINDING = {"+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "&", "|"}
#: Longer expressions are cut: nobody reads them.
LONGEST = 160


class Printer:
    """Writes known values of one program; `names` gives ids that mean something their names (0: "pad_token_id")."""

    def __init__(self, program: Program, names: Mapping[int, str]) -> None:
        self._program = program
        self._names = names

    def write(self, value: Any) -> str:
        """The expression of an argument: a reference to a node, or a constant."""
        text = self._write(value)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

    def _write(self, value: Any) -> str:
        if isinstance(value, Ref):
            return self._node(self._program.nodes[value.index])
        if isinstance(value, list | tuple):
            return ", ".join(self._write(v) for v in value if v is not None)
        return str(value)

    def _node(self, node: Node) -> str:  # noqa: PLR0911  a line a way to write an op
        if node.kind is not Kind.OP:
            return node.target.rsplit(".", 1)[-1] if node.kind is Kind.BUFFER else str(node.target)
        name = plain(node.op)
        if node.op in UNWRITTEN:
            return self._write(node.args[0])
        if node.op in WRITES_PARTS:  # piece by piece, as in a shift to the right: no formula that a person would write
            return f"f({', '.join(inputs_behind(self._program, {node.index}))})"
        if name == "arange":
            return self._arange(node)
        if name in WRITTEN:
            return self._template(node, name)
        if node.op in SUBSCRIPTS:
            return self._subscript(node, name)
        shown = node.args[:1] if node.op in FUNCTIONS else node.args
        return f"{name.split('::')[-1]}({', '.join(map(self._write, shown))})"

    def _arange(self, node: Node) -> str:
        assert node.results is not None
        size = node.results[0][0][0]
        # an axis as long as the tokens of some input is s; any other (the rows) is its number
        return "arange(s)" if any(size in shape[1:2] for shape in self._program.shapes.values()) else f"arange({size})"

    def _subscript(self, node: Node, name: str) -> str:
        axis, *rest = node.args[1:]
        # x[:] is x: torch slices axes that nobody wrote a slice for.
        whole = name == "slice" and (not rest or (rest[0] in (0, None) and (len(rest) < 2 or _endless(rest[1]))))
        if whole:
            return self._write(node.args[0])
        inside = self._write(rest[0]) if name == "select" else ":".join(_bound(r) for r in (*rest, None)[:2])
        lead = ":, " * axis if isinstance(axis, int) and axis > 0 else ""
        return f"{self._atom(node.args[0])}[{lead}{inside}]"

    def _template(self, node: Node, name: str) -> str:
        template = WRITTEN[name]
        fields = [int(f) for _, f, _, _ in string.Formatter().parse(template) if f]
        texts = {}
        for field in fields:
            argument = node.args[field] if field < len(node.args) else None
            write = self._atom if " " in template else self._write
            texts[field] = self._named(node, argument) or write(argument)
        return template.format(*(texts.get(i, "") for i in range(max(fields, default=-1) + 1)))

    def _named(self, node: Node, argument: Any) -> str | None:
        """An id compared with input ids is called by its name."""
        if node.op not in EQUALITIES or not isinstance(argument, int):
            return None
        return self._names.get(argument)

    def _atom(self, value: Any) -> str:
        text = self._write(value)
        return f"({text})" if any(f" {sign} " in text for sign in _BINDING) and not _enclosed(text) else text


def _enclosed(text: str) -> bool:
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == " " and depth == 0:
            return False
        del position
    return True


def _endless(stop: Any) -> bool:
    return stop is None or (isinstance(stop, int) and stop > 2**31)


def _bound(value: Any) -> str:
    return "" if value is None or _endless(value) or value == 0 else str(value)


def inputs_behind(program: Program, indices: set[int]) -> tuple[str, ...]:
    """The inputs from which known nodes are computed, in the order of the inputs."""
    seen, todo = set(indices), list(indices)
    while todo:
        for ref in program.nodes[todo.pop()].refs:
            if ref not in seen:
                seen.add(ref)
                todo.append(ref)
    return tuple(name for name, index in program.inputs.items() if index in seen)
