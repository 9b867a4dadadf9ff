"""A contract: the terms that a project declares for one model. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from archtrace.answer import kinds as table
from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Readout
from archtrace.answer.serving import SERVERS, ServerName
from archtrace.errors import did_you_mean, refusal

#: A term as a value of TOML; None where the contract should not have it.
Term: TypeAlias = str | bool | list[str] | None
#: What `padding` may say -> the sides on which the readout must not fall on a pad.
SIDES: Mapping[str, tuple[str, ...]] = {"left": ("left",), "right": ("right",), "either": ("right", "left")}


@dataclass(frozen=True)
class Contract:
    """The terms. `reads`: kinds or slices, one for each readout. `dead_parameters`: names that may be dead; `*` stands
    for any letters. `modules_to_save`: what a PEFT adapter saves beside `classifier` and `score`. None: not declared.

    `served_by`: the servers that must pool what is read.
    `tokenizer`: a folder, or an id of the Hub, whose tokenizer the model must go together with.
    `config`, `num_labels` and `inputs` say how the target is traced, as the arguments of `archtrace.trace` do.
    """

    name: str
    target: str
    reads: tuple[str, ...] | None = None
    padding: str | None = None
    pad_leak: bool = False
    dead_parameters: tuple[str, ...] = ()
    modules_to_save: tuple[str, ...] | None = None
    served_by: tuple[ServerName, ...] = ()
    config: str | Mapping[str, object] | None = None
    num_labels: int | None = None
    inputs: Mapping[str, object] | None = None
    tokenizer: str | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of padding on which the readout must not fall on a pad."""
        return SIDES[self.padding] if self.padding else ()


def declared(name: str, table: object, where: str) -> Contract:
    """The contract that a table of TOML declares. Raises TargetError for a table that declares none; `where` names the
    table's place in the message."""
    if not isinstance(table, Mapping):
        raise refusal(f"the contract {name} is no table", where=where, do=f'write target = "…" below [{name}]')
    unknown = next((str(key) for key in table if key not in _TERM_READERS), None)
    if unknown is not None:
        raise refusal(
            f"the contract {name} has no term {unknown!r}",
            where=where,
            do=f"{did_you_mean(unknown, _TERM_READERS)}the terms are {', '.join(_TERM_READERS)}",
        )
    if "target" not in table:
        raise refusal(f"the contract {name} has no target", where=where, do='add target = "package.module:Class"')
    terms: dict[str, Any] = {key: _TERM_READERS[key](value, f"{name}: {key}", where) for key, value in table.items()}
    return Contract(name, **terms)


def with_terms(contract: Contract, terms: Mapping[str, object]) -> Contract:
    """A contract with other terms, as values of TOML; None takes a term away."""
    changes: dict[str, Any] = {
        key: None if value is None else _TERM_READERS[key](value, key, contract.name) for key, value in terms.items()
    }
    return replace(contract, **changes)


def matches(term: str, readout: Readout) -> bool:
    """Whether a term names what a readout reads: its kind, or its slice.

    Spaces do not count, and a tensor may be named from any module on: `last_hidden_state[:, 0]` is
    `bert.last_hidden_state[:, 0]`.
    """
    parts = readout.tensor.split(".")
    names = [".".join(parts[n:]) for n in range(len(parts))]
    slices = {_without_spaces(readout.slice.replace(readout.tensor, name)) for name in names}
    return term == readout.kind or _without_spaces(term) in slices


def called(term: str) -> str:
    """A term within a sentence."""
    return table.noun_of_kind(term) if term in KINDS else f"`{term}`"


def _without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _text(value: object, what: str, where: str) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise refusal(f"{what} is no text: {value!r}", where=where, do="write it in quotes")


def _texts(value: object, what: str, where: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if isinstance(values, list | tuple) and all(isinstance(v, str) and v.strip() for v in values):
        return tuple(values)
    raise refusal(f"{what} is no text, and no list of texts: {value!r}", where=where, do='write ["…", "…"]')


def _reads(value: object, what: str, where: str) -> tuple[str, ...]:
    kinds = tuple(KINDS)
    terms = _texts(value, what, where)
    for term in terms:
        if term not in kinds and not re.search(r"[\s\[(]", term):
            raise refusal(
                f"{what} is neither a slice nor a kind: {term!r}",
                where=where,
                do=f'{did_you_mean(term, kinds)}write a slice, such as "last_hidden_state[:, 0]", or one of '
                f"{', '.join(kinds)}",
            )
    return terms


def _servers(value: object, what: str, where: str) -> tuple[str, ...]:
    terms = _texts(value, what, where)
    unknown = next((term for term in terms if term not in SERVERS), None)
    if unknown is not None:
        raise refusal(
            f"{what} is no server that is known: {unknown!r}",
            where=where,
            do=f"{did_you_mean(unknown, SERVERS)}write one of {', '.join(SERVERS)}",
        )
    return terms


def _side(value: object, what: str, where: str) -> str:
    if isinstance(value, str) and value in SIDES:
        return str(value)
    raise refusal(f"{what} is no side: {value!r}", where=where, do=f"write one of {', '.join(SIDES)}")


def _flag(value: object, what: str, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise refusal(f"{what} is neither true nor false: {value!r}", where=where, do="write one of them")


def _table(value: object, what: str, where: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise refusal(f"{what} is no table: {value!r}", where=where, do="write { name = value }")


def _config(value: object, what: str, where: str) -> str | Mapping[str, object]:
    return _text(value, what, where) if isinstance(value, str) else _table(value, what, where)


def _number(value: object, what: str, where: str) -> int:
    if type(value) is int and value > 0:
        return value
    raise refusal(f"{what} is no number of labels: {value!r}", where=where, do="write a whole number above 0")


#: term -> the function that reads its value.
_TERM_READERS: Mapping[str, Callable[[object, str, str], object]] = {
    "target": _text,
    "reads": _reads,
    "padding": _side,
    "pad_leak": _flag,
    "dead_parameters": _texts,
    "modules_to_save": _texts,
    "served_by": _servers,
    "config": _config,
    "num_labels": _number,
    "inputs": _table,
    "tokenizer": _text,
}
