"""Where evaluation stands: the names in sight, the function, what the conditions around have asked."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from archtrace.lint.events import Event, Module, Scope
from archtrace.lint.facts import PROMPTS, TEXT_NAMES, meaning
from archtrace.lint.values import (
    UNKNOWN,
    Encoding,
    EosId,
    EosMask,
    Hidden,
    Ids,
    Outputs,
    PadId,
    Prompts,
    Side,
    Tokens,
    Value,
    Values,
    has,
    one,
    only,
)

#: What a name can mean -> the value that it stands for.
MEANINGS: dict[str, Value] = {
    "pad": PadId(),
    "eos": EosId(),
    "side": Side(),
    "ids": Ids(),
    "padded": Tokens(attended=False),
    "attended": Tokens(attended=True),
    "hidden": Hidden(),
    "logits": Hidden("logits"),
    "weak": Hidden("weak"),
    "scores": Hidden("scores"),
    "eosmask": EosMask(),
    "outputs": Outputs(sure=False),
}


def named(name: str) -> Values:
    """What a name alone says."""
    if name in TEXT_NAMES:
        return one(Ids(weak=True))
    if PROMPTS.fullmatch(name):
        return one(Prompts())
    return one(MEANINGS.get(meaning(name)))


def spoken(name: str, values: Values) -> Values:
    """What is bound to a name: the values, or what it says where they are unknown.

    A name says more than the ids out of which one was taken, and than a model that returns hidden states alone.
    """
    said = named(name)
    if not values or (has(values, Ids) and (has(said, PadId) or has(said, EosId))):
        return said
    hidden = [replace(h, encoding=o.encoding) for h in only(said, Hidden) for o in only(values, Outputs)]
    return values | frozenset(hidden)


@dataclass
class Machine:
    """What all frames of one module share."""

    module: Module
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    fields: dict[str, dict[str, Values]] = field(default_factory=dict)
    #: The module names a side of padding somewhere.
    names_side: bool = True
    answers: dict[tuple[object, ...], Values] = field(default_factory=dict)
    #: Runs a function's body; given by the file that knows statements.
    run: Callable[[ast.FunctionDef, Frame, dict[str, Values]], Values] = lambda function, frame, given: UNKNOWN


@dataclass
class Frame:
    """One function being followed."""

    machine: Machine
    names: dict[str, Values]
    function: str = ""
    owner: ast.ClassDef | None = None
    depth: int = 0
    without_mask: bool = False
    side_asked: bool = False
    returned: Values = UNKNOWN

    def look(self, name: str) -> Values:
        """What is known of a name: what was assigned to it, else what it says."""
        found = self.names.get(name)
        return named(name) if found is None else found

    def bind(self, name: str, values: Values) -> None:
        """Assign to a name; where the value is unknown, the name speaks."""
        self.names[name] = spoken(name, values)

    def own(self, name: str) -> Values:
        """The attribute of self."""
        fields = self.machine.fields.get(self.owner.name, {}) if self.owner else {}
        return fields.get(name) or named(name)

    def scope(self) -> Scope:
        """What an event here is told."""
        return Scope(self.function, self.owner, self.without_mask, self.side_asked)

    def mask_around(self) -> bool:
        """A mask over tokens, or a padded batch, has a name in this function."""
        return any(
            (isinstance(v, Tokens) and v.attended) or (isinstance(v, Encoding) and v.padded)
            for values in self.names.values()
            for v in values
        )

    def emit(self, event: Event) -> None:
        """Something happened."""
        self.machine.module.events.append(event)

    def method(self, name: str) -> ast.FunctionDef | None:
        """A method of the class that is being followed."""
        for item in self.owner.body if self.owner else ():
            if isinstance(item, ast.FunctionDef) and item.name == name:
                return item
        return None
