"""Judging: what is wrong with a traced model, by its contract's terms and by the graph rules."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import zip_longest

from archtrace.answer.diagnosis import WRONG
from archtrace.answer.kinds import noun
from archtrace.answer.result import Readout
from archtrace.contract.contract import called, matches
from archtrace.contract.rules import rules
from archtrace.contract.traced import Broken, Traced

#: The code of a term that does not hold, where no rule has a code for it.
CODE = "AT100"


def judge(model: Traced) -> list[Broken]:
    """Everything that is wrong, the terms first."""
    return [*terms(model), *(broken for rule in rules() for broken in rule.check(model))]


def terms(model: Traced) -> Iterator[Broken]:
    """What the contract says and the model does not do, or allows and the model no longer needs."""
    yield from _reads(model)
    for fault in model.setup.faults if model.setup else ():
        told = f"with the tokenizer {model.contract.tokenizer} {fault.told}: {fault.change}"
        yield Broken(WRONG, _told(model, told), "tokenizer")
    if model.contract.pad_leak and not model.leaks:
        yield Broken(CODE, _told(model, "allows pad_leak, and no padding reaches the logits: take it away"), "pad_leak")
    for pattern in model.contract.dead_parameters:
        if not any(fnmatchcase(name, pattern) for name in model.result.dead_parameters):
            told = _told(model, f"allows {pattern} to be dead, and no dead parameter is called so: take it away")
            yield Broken(CODE, told, "dead_parameters")


def _told(model: Traced, text: str) -> str:
    return f"{model.contract.name}: {text}"


def _reads(model: Traced) -> Iterator[Broken]:
    """What is declared and not read, beside what is read and not declared."""
    if model.contract.reads is None:
        return
    lost = list(model.contract.reads)
    fresh: list[tuple[int, Readout]] = []
    for number, readout in enumerate(model.result.readouts):
        term = next((term for term in lost if matches(term, readout)), None)
        if term is None:
            fresh.append((number, readout))
        else:
            lost.remove(term)
    for before, after in zip_longest(lost, fresh):
        place, now = after or (None, None)
        yield Broken(CODE, _told(model, _changed(before, now)), "reads", place)


def _changed(before: str | None, after: Readout | None) -> str:
    """From what to what."""
    if after is None:
        return f"was {called(before or '')}, which it no longer reads"
    now = noun(after)
    shown = f"{now} (`{after.slice}`)" if now != after.slice else f"`{now}`"
    bound = "" if after.status == "exact" else " at most (a bound)"
    return f"was {called(before)}, is now {shown}{bound}" if before else f"also reads {shown}{bound}, which is new"
