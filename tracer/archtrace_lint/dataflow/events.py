"""What happens in a module, as the rules see it: events, each with the values that flow in."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TypeVar

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Model, Tokenizer
from archtrace_lint.source.import_resolver import ImportResolver


@dataclass(frozen=True)
class Scope:
    """Where an event happens: the function, by its qualified name, its class, and what its conditions checked."""

    function: str
    owner: ast.ClassDef | None = None
    #: The mask is None on this path; the side of padding was checked before.
    without_mask: bool = False
    side_checked: bool = False
    #: Token ids, an encoding or a language model's output are in sight; set only for an index by an ambiguous name.
    has_text: bool = False


@dataclass(frozen=True)
class Event:
    """Base of all events."""

    node: ast.AST
    scope: Scope


@dataclass(frozen=True)
class Gather(Event):
    """`target` is read at `index` along its tokens; `fixed` is that index where it is a literal after a full slice."""

    target: AbstractValues
    index: AbstractValues
    fixed: int | None = None


@dataclass(frozen=True)
class Mean(Event):
    """The mean of `target` over its tokens; `padded`: a mask over tokens or a padded batch is available there."""

    target: AbstractValues
    padded: bool


@dataclass(frozen=True)
class Pool(Event):
    """`operation` ("max" or "softmax") of `target` along `dim`; `padded` as in Mean."""

    node: ast.Call
    operation: str
    target: AbstractValues
    dim: object
    padded: bool


@dataclass(frozen=True)
class ModelRun(Event):
    """A call of what may be a model, on `ids`; `padded` as in Mean."""

    node: ast.Call
    name: str
    models: AbstractValues
    ids: AbstractValues
    padded: bool


@dataclass(frozen=True)
class Fill(Event):
    """`target` is filled with `value` where `mask` is true; the node is the mask."""

    node: ast.expr
    target: AbstractValues
    mask: AbstractValues
    value: ast.expr


@dataclass(frozen=True)
class Divide(Event):
    """`numerator` / `denominator`."""

    numerator: AbstractValues
    denominator: AbstractValues


@dataclass(frozen=True)
class AttributeRead(Event):
    """The attribute `name` of `base` is read."""

    base: AbstractValues
    name: str


@dataclass(frozen=True)
class AttributeStore(Event):
    """`value` is stored as the attribute, key or keyword argument `name` of `owner` (its source text).

    `holder`: the values of the object at the root of `owner`.
    """

    owner: str
    name: str
    value: AbstractValues
    holder: AbstractValues = UNKNOWN


@dataclass(frozen=True)
class Called(Event):
    """A call of `name`, the last word of the callee."""

    node: ast.Call
    name: str
    arguments: tuple[AbstractValues, ...]
    keywords: tuple[tuple[str, AbstractValues], ...]


@dataclass(frozen=True)
class Built(Event):
    """A model or a tokenizer is made here, or a model class is passed to the function that makes it."""

    value: Model | Tokenizer


@dataclass(frozen=True)
class Class(Event):
    """A class definition."""

    node: ast.ClassDef


Some = TypeVar("Some", bound=Event)


@dataclass
class SourceModule:
    """One file: its tree, its imports, and its events."""

    path: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    #: Modules of which all names are imported.
    star_imports: list[str] = field(default_factory=list)
    resolver: ImportResolver = field(default_factory=lambda: ImportResolver(""))
    events: list[Event] = field(default_factory=list)
    #: Models that are built somewhere in the module.
    models: list[Model] = field(default_factory=list)

    def imported_definition(self, name: str) -> ast.stmt | None:
        """The statement in another file of the tree that binds an imported name."""
        dotted = [self.imports[name]] if name in self.imports else [f"{star}.{name}" for star in self.star_imports]
        definitions = (self.resolver.definition(d) for d in dotted if "." in d)
        return next((statement for _, statement in filter(None, definitions)), None)

    def events_of(self, kind: type[Some]) -> list[Some]:
        """The events of one kind, in the order in which they were emitted."""
        return [e for e in self.events if isinstance(e, kind)]
