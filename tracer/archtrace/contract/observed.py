"""The terms that a traced model would hold: what `--update` writes."""

from __future__ import annotations

from fnmatch import fnmatchcase

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Readout
from archtrace.contract.contract import SIDES, Term, matches
from archtrace.contract.traced import Traced


def observed_terms(model: Traced) -> dict[str, Term]:
    """The terms as values of TOML; None where the contract should not have the term. What holds is kept as it is."""
    return {
        "reads": _reads(model),
        "padding": _padding(model),
        "pad_leak": bool(model.leaks),
        "dead_parameters": _dead(model),
    }


def _reads(model: Traced) -> str | list[str]:
    readouts = model.result.readouts
    declared = model.contract.reads
    if declared is not None and len(declared) == len(readouts) and all(map(matches, declared, readouts)):
        return declared[0] if len(declared) == 1 else list(declared)
    terms = [_term(readout) for readout in readouts]
    return terms[0] if len(terms) == 1 else terms


def _term(readout: Readout) -> str:
    """A constant index is short and says it all; of what else has a name, the name is what people would write."""
    kind = KINDS[readout.kind]
    return readout.slice if kind.constant or not kind.has_name else readout.kind


def _padding(model: Traced) -> str | None:
    """The sides on which no readout falls on a pad; None where there is none, or nothing was padded."""
    ran = {layout.name for layout in model.layouts}
    sides = {s for s in ("left", "right") if f"{s}_padded" in ran - set(model.result.padding.reads_padding)}
    return next((name for name, named in SIDES.items() if set(named) == sides), None)


def _dead(model: Traced) -> list[str]:
    """The patterns that are declared, where they say just what is dead; else names."""
    dead, patterns = model.result.dead_parameters, model.contract.dead_parameters
    covered = all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in dead)
    needed = all(any(fnmatchcase(name, pattern) for name in dead) for pattern in patterns)
    return list(patterns if covered and needed else model.dead_names(dead))
