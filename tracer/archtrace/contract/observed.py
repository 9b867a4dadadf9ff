"""The terms that hold for a traced model: what `--update` writes."""

from __future__ import annotations

from fnmatch import fnmatchcase

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Readout
from archtrace.contract.contract import SIDES, Term, matches
from archtrace.contract.traced_model import TracedModel


def observed_terms(model: TracedModel) -> dict[str, Term]:
    """The terms as values of TOML; None where the contract should not have the term. A declared term that holds stays
    as it is written."""
    return {
        "reads": _reads(model),
        "padding": _padding(model),
        "pad_leak": bool(model.leaks),
        "dead_parameters": _dead(model),
    }


def _reads(model: TracedModel) -> str | list[str]:
    readouts = model.result.readouts
    declared = model.contract.reads
    if declared is not None and len(declared) == len(readouts) and all(map(matches, declared, readouts)):
        return declared[0] if len(declared) == 1 else list(declared)
    terms = [_term(readout) for readout in readouts]
    return terms[0] if len(terms) == 1 else terms


def _term(readout: Readout) -> str:
    """A constant index as a slice, which is short and complete; any other kind by its name, where it has one."""
    kind = KINDS[readout.kind]
    return readout.slice if kind.constant or not kind.has_name else readout.kind


def _padding(model: TracedModel) -> str | None:
    """The sides on which no readout falls on a pad; None where there is no such side, or no layout was padded."""
    reads_no_padding = {layout.name for layout in model.layouts} - set(model.result.padding.reads_padding)
    safe_sides = {side for side in ("left", "right") if f"{side}_padded" in reads_no_padding}
    return next((term for term, sides in SIDES.items() if set(sides) == safe_sides), None)


def _dead(model: TracedModel) -> list[str]:
    """The declared patterns, where they match all dead parameters and no other; else the names of the dead ones."""
    dead, patterns = model.result.dead_parameters, model.contract.dead_parameters
    covered = all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in dead)
    needed = all(any(fnmatchcase(name, pattern) for name in dead) for pattern in patterns)
    return list(patterns if covered and needed else model.dead_names(dead))
