"""Index expressions: a known value written out in terms of the inputs, as the graph computes it."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Collection, Mapping, Sequence

import torch

from archtrace.capture.program import Node, NodeKind, Program, Ref
from archtrace.ops import (
    EQUALITIES,
    EVALUATED,
    FUNCTIONS,
    RESHAPES,
    SUBSCRIPTS,
    UNWRITTEN,
    WRITES_PARTS,
    WRITTEN,
    WRITTEN_WITHOUT,
    plain,
)
from archtrace.reach.bound import Bound
from archtrace.reach.values import Unknown

_BINDING = {"+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "&", "|"}
#: The field of a template that stands alone or between brackets: a sign or a bracket beside any other binds tighter
#: than the operators in it (`~a == b` is `(~a) == b`).
_APART = re.compile(r"(?:^|\[)\{(\d)\}(?=\]|$)")
#: Longer expressions are cut: nobody reads them.
LONGEST = 160


class Printer:
    """Writes known values of one layout; `names` gives ids that mean something their names (0: "pad_token_id")."""

    def __init__(self, bound: Bound, names: Mapping[int, str]) -> None:
        self._bound = bound
        self._program = bound.program
        self._names = names

    def write(self, value: object) -> str:
        """The expression of an argument: a reference to a node, or a constant."""
        text = self._write(value)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

    def _write(self, value: object) -> str:
        if isinstance(value, Ref):
            return self._node(self._program.nodes[value.index])
        if isinstance(value, list | tuple):
            return ", ".join(self._write(v) for v in value if v is not None)
        return str(value)

    def _node(self, node: Node) -> str:  # noqa: PLR0911  a line a way to write an op
        if node.kind is not NodeKind.OP:
            return node.tensor_name.rsplit(".", 1)[-1] if node.kind is NodeKind.BUFFER else node.tensor_name
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
        shown: Sequence[object] = node.args[:1] if node.op in FUNCTIONS else node.args
        return f"{name.split('::')[-1]}({', '.join(map(self._write, shown))})"

    def _arange(self, node: Node) -> str:
        assert node.results is not None
        size = node.results[0][0][0]
        # An axis as long as the tokens of some input is s, one as long as its rows b; any other is its number.
        shapes = self._program.shapes.values()
        names = [name for name, axis in (("s", 1), ("b", 0)) if any(size in shape[axis:][:1] for shape in shapes)]
        return f"arange({next(iter(names), size)})"

    def _subscript(self, node: Node, name: str) -> str:
        _, axis, *rest = node.args
        # x[:] is x: torch slices axes that nobody wrote a slice for.
        whole = name == "slice" and (not rest or (rest[0] in (0, None) and (len(rest) < 2 or _is_endless(rest[1]))))
        if whole:
            return self._write(node.args[0])
        inside = self._write(rest[0]) if name == "select" else ":".join(_bound(r) for r in (*rest, None)[:2])
        lead = ":, " * axis if isinstance(axis, int) and axis > 0 else ""
        return f"{self._atom(node.args[0])}[{lead}{inside}]"

    def _template(self, node: Node, name: str) -> str:
        arguments = _arguments(node)
        missing = (
            WRITTEN_WITHOUT[name][i] for i in WRITTEN_WITHOUT.get(name, ()) if arguments[i : i + 1] in ([], [None])
        )
        template = next(missing, WRITTEN[name])
        fields = [int(f) for _, f, _, _ in string.Formatter().parse(template) if f]
        apart = {int(field) for field in _APART.findall(template)}
        texts = {}
        for field in fields:
            argument = arguments[field] if field < len(arguments) else None
            write = self._write if field in apart else self._atom
            texts[field] = self._named(node, argument) or self._of_rows(node, argument) or write(argument)
        return template.format(*(texts.get(i, "") for i in range(max(fields, default=-1) + 1)))

    def _named(self, node: Node, argument: object) -> str | None:
        """An id compared with input ids is called by its name; the 0 of a mask is none."""
        if node.op not in EQUALITIES or not isinstance(argument, int):
            return None
        values = (self._bound.run.values[ref] for ref in node.refs)
        ids = any(isinstance(value, Unknown) and value.ids for value in values)
        return self._names.get(argument) if ids else None

    def _of_rows(self, node: Node, argument: object) -> str | None:
        """A number a row beside what has positions: `arange(s) < lengths[:, None]`."""
        part = self._program.nodes[argument.index] if isinstance(argument, Ref) else None
        if part is None or part.op not in RESHAPES or not (part.refs and part.results and node.results):
            return None
        inner = self._program.nodes[part.refs[0]].results
        flat = inner is not None and len(inner[0][0]) == 1 and part.results[0][0] == (*inner[0][0], 1)
        return f"{self._atom(part.args[0])}[:, None]" if flat and node.results[0][0][-1] > 1 else None

    def _atom(self, value: object) -> str:
        text = self._write(value)
        return f"({text})" if any(f" {sign} " in text for sign in _BINDING) and not _is_enclosed(text) else text


def _arguments(node: Node) -> list[object]:
    """The arguments in the order of the schema, those given by name too; None for what is left out."""
    schema: torch.FunctionSchema | None = getattr(node.target, "_schema", None)
    names = [argument.name for argument in schema.arguments] if node.kwargs and schema is not None else []
    return [*node.args, *(node.kwargs.get(name) for name in names[len(node.args) :])]


def _is_enclosed(text: str) -> bool:
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == " " and depth == 0:
            return False
        del position
    return True


def _is_endless(stop: object) -> bool:
    return stop is None or (isinstance(stop, int) and stop > 2**31)


def _bound(value: object) -> str:
    return "" if value is None or _is_endless(value) or value == 0 else str(value)


def inputs_behind(program: Program, indices: set[int]) -> tuple[str, ...]:
    """The inputs from which known nodes are computed, in the order of the inputs."""
    behind = program.behind(indices)
    return tuple(name for name, index in program.inputs.items() if index in behind)


def evaluates(text: str, names: Collection[str]) -> bool:
    """Whether a subscript can be evaluated as it is written, by the names of inputs and special ids (and s)."""
    try:
        parts = list(ast.walk(ast.parse(f"x{text}")))
    except SyntaxError:  # cut, or an op that is written as no Python
        return False
    known = {*names, *map(plain, EVALUATED), *_WORDS, "x"}
    return all(part.id in known for part in parts if isinstance(part, ast.Name))


#: What templates of ops are made of.
_WORDS = ("s", "arange", "where", "clamp", "inf")


#: A whole number that stands by itself.
_NUMBER = re.compile(r"(?<![\w.])(\d+)(?![\w.])")


def numbers_near(text: str, length: int) -> bool:
    """Whether a number in a text may follow the length: itself or nearly, a part of it, or a multiple."""
    numbers = [int(number) for number in _NUMBER.findall(text) if int(number) > 1]
    return any(n > length - 3 or n in {length // part for part in range(2, 9)} for n in numbers)


def at_any_length(texts: Sequence[str], lengths: Sequence[int]) -> str:
    """One expression for several lengths: a number that follows them is written with s ("18 - i" as "s - 1 - i")."""
    pieces = [_NUMBER.split(text) for text in texts]
    words = {tuple(piece[::2]) for piece in pieces}
    if len(set(texts)) == 1 or len(words) > 1:
        return texts[0]
    numbers = [[int(number) for number in piece[1::2]] for piece in pieces]
    parts = list(pieces[0])
    for place, values in enumerate(zip(*numbers, strict=True)):
        formula = _following(values, lengths)
        if formula is not None:
            bound = parts[2 * place].endswith(("- ", "* ", "/ ", "% ")) or parts[2 * place + 2].startswith(_BINDS)
            parts[2 * place + 1] = f"({formula})" if bound and " " in formula else formula
    return "".join(parts)


#: What takes a sum on its left for a part of it.
_BINDS = (" *", " /", " %")


def _following(values: Sequence[int], lengths: Sequence[int]) -> str | None:
    """How numbers follow from lengths; None where they are one number, or nothing tells."""
    if len(set(values)) == 1:
        return None
    pairs = list(zip(values, lengths, strict=True))
    offsets = {value - length for value, length in pairs}
    if len(offsets) == 1:
        offset = offsets.pop()
        return f"s {'+' if offset > 0 else '-'} {abs(offset)}" if offset else "s"
    parts = (n for n in range(2, 9) if all(value == length // n for value, length in pairs))
    times = (n for n in range(2, 9) if all(value == length * n for value, length in pairs))
    return next((f"s // {n}" for n in parts), None) or next((f"{n} * s" for n in times), None)
