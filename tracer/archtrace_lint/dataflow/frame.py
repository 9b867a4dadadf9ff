"""A frame of evaluation: the names in scope, the function, what the conditions around it checked; and the evaluator."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    Count,
    Encoding,
    FirstPad,
    Hidden,
    ModelOutput,
    TokenIds,
    Tokens,
)
from archtrace_lint.dataflow.events import Event, Scope, SourceModule
from archtrace_lint.dataflow.name_meanings import name_meaning, refined_by_name
from archtrace_lint.dataflow.setting_defaults import setting_defaults

#: What evaluates one kind of expression, and what runs one kind of statement: True when nothing after it is reached.
ExpressionHandler: TypeAlias = "Callable[[Any, Frame], AbstractValues]"
StatementHandler: TypeAlias = "Callable[[Any, Frame], bool]"

#: An expression may be this many things; beyond, it is unknown.
LIMIT = 8


@dataclass(frozen=True)
class Evaluator:
    """What evaluates each kind of node.

    Expressions hold calls, calls lead into functions, functions hold statements, and these hold expressions again. A
    handler reaches the parts of its node by `frame.evaluate` and `frame.run`, which look the next handler up here, so
    no file imports one that imports it. `follow.py`, which imports them all, puts the two tables together.
    """

    expressions: Mapping[type[ast.expr], ExpressionHandler]
    statements: Mapping[type[ast.stmt], StatementHandler]


def _is_textual(value: AbstractValue) -> bool:
    """Ids, an encoding, a strong mask, or what surely came out of a language model."""
    if isinstance(value, TokenIds | Tokens):
        return not value.weak
    return isinstance(value, Encoding) or (isinstance(value, Hidden | ModelOutput) and value.sure)


def _reveals_padding(value: Tokens | ModelOutput) -> bool:
    return value.sure if isinstance(value, ModelOutput) else value.attended and not value.unpadded


@dataclass
class FileContext:
    """What all frames of one file share."""

    module: SourceModule
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    fields: dict[str, dict[str, AbstractValues]] = field(default_factory=dict)
    #: The module names a side of padding somewhere.
    mentions_side: bool = True
    #: It makes a softmax somewhere that is a module.
    mentions_softmax: bool = True
    #: Lines on which a call reveals what one of its arguments is.
    inference_lines: list[int] = field(default_factory=list)
    inferred: dict[ast.AST, dict[str, AbstractValues]] = field(default_factory=dict)
    #: The module loads checkpoints and has settings that concern a rule; functions that load one.
    loads_checkpoints: bool = False
    loads_by_function: dict[ast.FunctionDef, bool] = field(default_factory=dict)
    _setting_defaults: dict[str, AbstractValues] | None = None
    helper_results: dict[tuple[object, ...], AbstractValues] = field(default_factory=dict)

    def default(self, name: str) -> AbstractValues:
        """The default of a setting of this name; the tree is searched on the first call."""
        if self._setting_defaults is None:
            self._setting_defaults = setting_defaults(self.module.tree)
        return self._setting_defaults.get(name, UNKNOWN)


@dataclass
class Frame:
    """One function being followed. `inferred`: the values of its names, inferred from their uses anywhere in it."""

    evaluator: Evaluator
    file: FileContext
    names: dict[str, AbstractValues]
    inferred: dict[str, AbstractValues] = field(default_factory=dict)
    local: dict[str, ast.FunctionDef] = field(default_factory=dict)
    function: str = ""
    owner: ast.ClassDef | None = None
    depth: int = 0
    without_mask: bool = False
    side_checked: bool = False
    returned: AbstractValues = UNKNOWN

    def evaluate(self, node: ast.expr | None) -> AbstractValues:
        """What an expression may be; all its parts are evaluated."""
        if node is None:
            return UNKNOWN
        handler = self.evaluator.expressions.get(type(node))
        values = handler(node, self) if handler else self.evaluate_parts(node)
        return values if len(values) <= LIMIT else UNKNOWN

    def evaluate_parts(self, node: ast.AST) -> AbstractValues:
        """Follow the expressions right below a node of which nothing is known itself."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
        return UNKNOWN

    def run(self, body: Iterable[ast.stmt]) -> bool:
        """Run statements in order; True when the end is not reached. `without_mask` is restored after the block."""
        before = self.without_mask
        ended = any(self._run_one(node) for node in body)
        self.without_mask = before
        return ended

    def _run_one(self, node: ast.stmt) -> bool:
        handler = self.evaluator.statements.get(type(node))
        if handler:
            return handler(node, self)
        self.evaluate_parts(node)
        return False

    def lookup(self, name: str) -> AbstractValues:
        """What is known of a name: the assigned values, else what the name means."""
        assigned = self.names.get(name)
        return self.meaning_of(name) if assigned is None else assigned

    def meaning_of(self, name: str) -> AbstractValues:
        """What a name means by its uses in this function, or else by itself."""
        return self.inferred.get(name) or name_meaning(name)

    def bind(self, name: str, values: AbstractValues) -> None:
        """Assign to a name; an unknown value is replaced by what the name means."""
        self.names[name] = refined_by_name(self.meaning_of(name), values)

    def remember(self, spelling: str, values: AbstractValues) -> None:
        """Remember a value that a function reads or makes without assigning it; `spelling` is its source text.

        Only masks and sure outputs of a language model, since these reveal a text and its padding.
        """
        if self.function and any(isinstance(v, Tokens | ModelOutput) and _reveals_padding(v) for v in values):
            self.names[spelling] = values

    def self_attribute(self, name: str) -> AbstractValues:
        """The attribute of self."""
        fields = self.file.fields.get(self.owner.name, {}) if self.owner else {}
        return fields.get(name) or name_meaning(name)

    def scope(self, index: AbstractValues = UNKNOWN) -> Scope:
        """The scope of an event here; `has_text` is worked out only for an index by an ambiguous name."""
        loose = any(isinstance(v, Count | FirstPad) and v.weak for v in index)
        return Scope(self.function, self.owner, self.without_mask, self.side_checked, loose and self.has_text())

    def has_text(self) -> bool:
        """Token ids, an encoding, a certain mask, or the output of a language model have a name in this function."""
        return any(map(_is_textual, self._values()))

    def mask_in_sight(self, *, text: bool = False) -> bool:
        """A mask over tokens, or a padded batch, has a name in this function; with `text`, an ambiguous one counts."""
        return any(
            (isinstance(v, Tokens) and v.attended and not v.unpadded and (text or not v.weak))
            or (isinstance(v, Encoding) and v.padded)
            for v in self._values()
        )

    def _values(self) -> Iterator[AbstractValue]:
        return (v for values in self.names.values() for v in values)

    def emit(self, event: Event) -> None:
        """Append an event to the module's."""
        self.file.module.events.append(event)

    def method(self, name: str) -> ast.FunctionDef | None:
        """A method of the class that is being followed."""
        for item in self.owner.body if self.owner else ():
            if isinstance(item, ast.FunctionDef) and item.name == name:
                return item
        return None
