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
from archtrace.contract.traced_model import ContractViolation, TracedModel

#: The code of a term that does not hold, where no rule has a code for it.
CODE = "AT100"


def judge(model: TracedModel) -> list[ContractViolation]:
    """Everything that is wrong: first the terms that do not hold, then what the graph rules find."""
    return [*_broken_terms(model), *(violation for rule in rules() for violation in rule.check(model))]


def _broken_terms(model: TracedModel) -> Iterator[ContractViolation]:
    """What the contract says and the model does not do, or allows and the model no longer needs."""
    yield from _reads(model)
    for fault in model.setup.faults if model.setup else ():
        problem = f"with the tokenizer {model.contract.tokenizer} {fault.told}: {fault.change}"
        yield _violation(model, problem, "tokenizer", code=WRONG)
    if model.contract.pad_leak and not model.leaks:
        yield _violation(model, "allows pad_leak, and no padding reaches the logits: take it away", "pad_leak")
    for pattern in model.contract.dead_parameters:
        if not any(fnmatchcase(name, pattern) for name in model.result.dead_parameters):
            problem = f"allows {pattern} to be dead, and no dead parameter is called so: take it away"
            yield _violation(model, problem, "dead_parameters")


def _violation(
    model: TracedModel, problem: str, term: str, readout: int | None = None, *, code: str = CODE
) -> ContractViolation:
    return ContractViolation(code, f"{model.contract.name}: {problem}", term, readout)


def _reads(model: TracedModel) -> Iterator[ContractViolation]:
    """What is declared and not read, beside what is read and not declared."""
    if model.contract.reads is None:
        return
    unmatched_terms = list(model.contract.reads)
    undeclared: list[tuple[int, Readout]] = []
    for number, readout in enumerate(model.result.readouts):
        term = next((term for term in unmatched_terms if matches(term, readout)), None)
        if term is None:
            undeclared.append((number, readout))
        else:
            unmatched_terms.remove(term)
    for before, after in zip_longest(unmatched_terms, undeclared):
        number_after, readout_after = after or (None, None)
        yield _violation(model, _describe_change(before, readout_after), "reads", number_after)


def _describe_change(before: str | None, after: Readout | None) -> str:
    """What was declared, and what is read in its place; one of the two may be missing."""
    if after is None:
        return f"was {called(before or '')}, which it no longer reads"
    now = noun(after)
    shown = f"{now} (`{after.slice}`)" if now != after.slice else f"`{now}`"
    bound = "" if after.status == "exact" else " at most (a bound)"
    return f"was {called(before)}, is now {shown}{bound}" if before else f"also reads {shown}{bound}, which is new"
