"""The law, held at every trace: what the analysis says cannot reach, cannot; and `exact` only where everything agrees.

In each layout: the program gives the model's own output (replay); what runs show lies in the bound (inside); what is
left out of the bound moves nothing (outside). Where one of them fails the answer is widened by what was seen, is never
`exact`, and a finding says so. A run that cannot be made is told with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from archtrace.answer.positions import Positions
from archtrace.answer.result import Finding
from archtrace.capture.program import Program
from archtrace.readout.study import Study
from archtrace.witness import replay
from archtrace.witness.again import again
from archtrace.witness.failure import reason
from archtrace.witness.numeric import one_thread
from archtrace.witness.rows import beyond, difference, join, places, told, union
from archtrace.witness.subject import Subject
from archtrace.witness.witness import TRIED, Witness, is_random

#: What is asked of people who meet a fault of ours.
REPORT = "this is a bug of archtrace: please report it with the model"


@dataclass(frozen=True)
class Verdict:
    """What the runs say of one layout: what they show (None where none could be made), and what was found wrong.

    `holds`: nothing contradicts the analysis.
    """

    witness: Positions | None
    findings: tuple[Finding, ...] = ()
    holds: bool = True

    @property
    def trusted(self) -> Positions | None:
        """The witness where nothing contradicts the analysis."""
        return self.witness if self.holds else None

    def exact(self, bound: Positions) -> bool:
        """True where everything agrees."""
        return self.holds and self.witness == bound


class Runs:
    """Numeric runs of one study's programs."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._witnesses: dict[int, Witness] = {}
        self._replays: dict[int, Finding | None] = {}
        self._shows: dict[str, tuple[Subject, Witness, Positions]] = {}

    def failure(self) -> str | None:
        """Why the program does not run on its first layout; None where it does."""
        try:
            with one_thread():
                self._shown(next(iter(self._study.bounds)))
        except Exception as error:  # a candidate of a search: where no other runs either, this is told
            return reason(error)
        return None

    def see(self, name: str) -> Verdict:
        """The witness of a layout, and what contradicts its bound."""
        try:
            with one_thread():
                return self._see(name)
        except Exception as error:  # whatever stops a run is told, and the answer stays a bound
            return Verdict(None, (Finding("witness-failed", f"{name}: no run could be made: {reason(error)}"),), False)

    def _shown(self, name: str) -> tuple[Subject, Witness, Positions]:
        """What is watched in a layout, by what, and what it shows; found once, since the search for a likeness asks."""
        if name not in self._shows:
            self._shows[name] = self._look(name)
        return self._shows[name]

    def _look(self, name: str) -> tuple[Subject, Witness, Positions]:
        study, found = self._study, self._study.bounds[name]
        ids = found.program.inputs[study.ids]
        layout = {**study.layouts[name], study.ids: varied(study.layouts[name][study.ids])}
        subject = Subject(study.interpreter, found, study.reads(name), ids, layout)
        witness = self._witnesses.setdefault(id(found.program), Witness(found.program))
        bound, special = study.positions[name], frozenset(study.interpreter.special)
        return subject, witness, self._again(subject, bound, witness.see(subject, bound, special), special)

    def _again(self, subject: Subject, bound: Positions, seen: Positions, special: frozenset[int]) -> Positions:
        """What the model itself shows of tokens that decide how the program goes on, and so cannot be changed in it."""
        places_left = places(difference(bound.tokens, seen.tokens))[:TRIED]
        if not places_left or not subject.found.run.deciding or is_random(subject.program):
            return seen
        shown = again(subject, self._study.programs.model, places_left, special)
        rows = range(len(bound.tokens))
        return replace(seen, tokens=union(seen.tokens, tuple(tuple(p for r, p in shown if r == row) for row in rows)))

    def _see(self, name: str) -> Verdict:
        bound, special = self._study.positions[name], frozenset(self._study.interpreter.special)
        subject, witness, seen = self._shown(name)
        missed = join(beyond(seen, bound), witness.outside(subject, bound, special))
        replayed = self._replay(name, subject.program)
        findings = (*_missed(name, missed), *((replayed,) if replayed else ()))
        return Verdict(join(seen, missed), findings, not findings)

    def _replay(self, name: str, program: Program) -> Finding | None:
        """Once for each program, in the first layout that it serves."""
        if id(program) not in self._replays:
            self._replays[id(program)] = _replayed(name, program, self._study)
        return self._replays[id(program)]


def varied(features: torch.Tensor) -> torch.Tensor:
    """Features that differ: where zeros stand for any image or sound, a norm over them shows nothing of what it does.

    Ids, and features that differ already, as they are.
    """
    if not features.is_floating_point() or features.numel() < 2 or (features != features.flatten()[0]).any():
        return features
    return torch.randn(features.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32).to(features)


def _missed(name: str, missed: Positions) -> Iterator[Finding]:
    if where := told(missed):
        yield Finding("missed", f"{name}: runs show positions that the analysis left out: {where}; {REPORT}")


def _replayed(name: str, program: Program, study: Study) -> Finding | None:
    try:
        where = replay.difference(program, study.programs.model, study.layouts[name])
    except Exception as error:  # the model's own code runs here
        return Finding("witness-failed", f"{name}: the traced program could not be replayed: {reason(error)}")
    if where is None:
        return None
    what = f"{name}: the traced program does not give the model's own output; it differs first in {where}; {REPORT}"
    return Finding("replay-differs", what)


def unseen(name: str, bound: Positions, verdict: Verdict) -> Iterator[Finding]:
    """Why a layout is a bound although nothing failed: the positions that may reach the logits and were not seen to."""
    if verdict.witness is not None and (where := told(beyond(bound, verdict.witness))):
        yield Finding("not-shown", f"{name}: these positions may reach the logits, but no run showed it: {where}")
