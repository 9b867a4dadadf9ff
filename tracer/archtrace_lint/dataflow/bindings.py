"""Where evaluation stands: the names in sight, the function, what the conditions around have asked."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    Count,
    Encoding,
    EosId,
    EosMask,
    FirstPad,
    Hidden,
    ModelOutput,
    PadId,
    Prompts,
    Side,
    TokenIds,
    Tokens,
    has,
    one,
    only,
)
from archtrace_lint.dataflow.defaults import defaults
from archtrace_lint.dataflow.events import Event, Scope, SourceModule
from archtrace_lint.dataflow.spellings import PROMPTS, TEXT_NAMES, meaning

#: Runs the body of a function with the values that it is given, by the names of its parameters; what it returns.
RunBody: TypeAlias = "Callable[[ast.FunctionDef, Frame, dict[str, AbstractValues]], AbstractValues]"

#: What a name can mean -> the value that it stands for.
MEANINGS: dict[str, AbstractValue] = {
    "pad": PadId(),
    "eos": EosId(),
    "side": Side(),
    "ids": TokenIds(),
    "padded": Tokens(attended=False),
    "attended": Tokens(attended=True),
    "hidden": Hidden(),
    "logits": Hidden("logits"),
    "weak": Hidden("weak"),
    "scores": Hidden("scores"),
    "eosmask": EosMask(),
    "outputs": ModelOutput(sure=False),
    "mask": Tokens(attended=True, weak=True),
}


@lru_cache(maxsize=4096)
def named(name: str) -> AbstractValues:
    """What a name alone says."""
    if name in TEXT_NAMES:
        return one(TokenIds(weak=True))
    if PROMPTS.fullmatch(name):
        return one(Prompts())
    return one(MEANINGS.get(meaning(name)))


def spoken(said: AbstractValues, values: AbstractValues) -> AbstractValues:
    """What is bound to a name that says this much: the values, or what it says where they are unknown.

    A name says more than the ids out of which one was taken, than a loose name's part (`ids, mask = x[0], x[2]`), and
    than a model that returns hidden states alone.
    """
    if not values or (has(values, TokenIds) and (has(said, PadId) or has(said, EosId))):
        return said
    if (has(said, TokenIds) or has(said, Tokens)) and all(isinstance(v, Hidden) and v.what == "weak" for v in values):
        return said
    strong = [h for h in only(said, Hidden) if h.what != "weak"]
    return values | frozenset(replace(h, encoding=o.encoding) for h in strong for o in only(values, ModelOutput))


def _of_text(value: AbstractValue) -> bool:
    """Ids, an encoding, a strong mask, or what surely came out of a language model."""
    if isinstance(value, TokenIds | Tokens):
        return not value.weak
    return isinstance(value, Encoding) or (isinstance(value, Hidden | ModelOutput) and value.sure)


def _of_padding(value: Tokens | ModelOutput) -> bool:
    return value.sure if isinstance(value, ModelOutput) else value.attended and not value.alone


@dataclass
class Machine:
    """What all frames of one module share."""

    module: SourceModule
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    fields: dict[str, dict[str, AbstractValues]] = field(default_factory=dict)
    #: The module names a side of padding somewhere.
    names_side: bool = True
    #: It makes a softmax somewhere that is a module.
    names_softmax: bool = True
    #: Lines on which a call tells what a name is that it is given.
    teaching: list[int] = field(default_factory=list)
    learnt: dict[ast.AST, dict[str, AbstractValues]] = field(default_factory=dict)
    #: The module loads checkpoints, and does to them what rules ask about; functions that load one.
    loads: bool = False
    loaders: dict[ast.FunctionDef, bool] = field(default_factory=dict)
    _defaults: dict[str, AbstractValues] | None = None
    answers: dict[tuple[object, ...], AbstractValues] = field(default_factory=dict)
    #: Runs a function's body; given by the file that knows statements.
    run: RunBody = lambda function, frame, given: UNKNOWN

    def default(self, name: str) -> AbstractValues:
        """What a setting of this name is by default; the tree is searched when the first is asked for."""
        if self._defaults is None:
            self._defaults = defaults(self.module.tree)
        return self._defaults.get(name, UNKNOWN)


@dataclass
class Frame:
    """One function being followed. `learnt`: what its names are, as their uses anywhere in it tell."""

    machine: Machine
    names: dict[str, AbstractValues]
    learnt: dict[str, AbstractValues] = field(default_factory=dict)
    local: dict[str, ast.FunctionDef] = field(default_factory=dict)
    function: str = ""
    owner: ast.ClassDef | None = None
    depth: int = 0
    without_mask: bool = False
    side_asked: bool = False
    returned: AbstractValues = UNKNOWN

    def look(self, name: str) -> AbstractValues:
        """What is known of a name: what was assigned to it, else what it says."""
        found = self.names.get(name)
        return self.said(name) if found is None else found

    def said(self, name: str) -> AbstractValues:
        """What a name says by its uses in this function, or else by itself."""
        return self.learnt.get(name) or named(name)

    def bind(self, name: str, values: AbstractValues) -> None:
        """Assign to a name; where the value is unknown, the name speaks."""
        self.names[name] = spoken(self.said(name), values)

    def note(self, words: str, values: AbstractValues) -> None:
        """Remember what a function reads or makes without giving it a name; `words` are no name, but how it is written.

        Masks alone, and what a language model surely returned: these tell of a text, and of its padding.
        """
        if self.function and any(isinstance(v, Tokens | ModelOutput) and _of_padding(v) for v in values):
            self.names[words] = values

    def own(self, name: str) -> AbstractValues:
        """The attribute of self."""
        fields = self.machine.fields.get(self.owner.name, {}) if self.owner else {}
        return fields.get(name) or named(name)

    def scope(self, index: AbstractValues = UNKNOWN) -> Scope:
        """What an event here is told; whether a text is about is looked into for the sake of a loose name's index."""
        loose = any(isinstance(v, Count | FirstPad) and v.weak for v in index)
        return Scope(self.function, self.owner, self.without_mask, self.side_asked, loose and self.text())

    def text(self) -> bool:
        """Token ids, an encoding, a mask that is surely one, or what a language model returned, are in sight."""
        return any(map(_of_text, self._values()))

    def mask_around(self, *, text: bool = False) -> bool:
        """A mask over tokens, or a padded batch, has a name in this function; a loose name will do where text is."""
        return any(
            (isinstance(v, Tokens) and v.attended and not v.alone and (text or not v.weak))
            or (isinstance(v, Encoding) and v.padded)
            for v in self._values()
        )

    def _values(self) -> Iterator[AbstractValue]:
        return (v for values in self.names.values() for v in values)

    def emit(self, event: Event) -> None:
        """Something happened."""
        self.machine.module.events.append(event)

    def method(self, name: str) -> ast.FunctionDef | None:
        """A method of the class that is being followed."""
        for item in self.owner.body if self.owner else ():
            if isinstance(item, ast.FunctionDef) and item.name == name:
                return item
        return None
