"""The law, held at every trace: what the analysis says cannot reach, cannot; and `exact` only where everything agrees.

In each layout: the program gives the model's own output (replay); what runs show lies in the bound (inside); what is
left out of the bound moves nothing (outside). Where one of them fails the answer is widened by what was seen, is never
`exact`, and a finding says so. A run that cannot be made is told with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch

from archtrace.answer.positions import Positions
from archtrace.answer.result import Finding
from archtrace.capture.program import Program
from archtrace.reach.flops import Flops
from archtrace.readout.analysis import Analysis
from archtrace.witness import replay
from archtrace.witness.failure import reason
from archtrace.witness.model_runs import moving_tokens
from archtrace.witness.numeric import one_thread
from archtrace.witness.position_sets import any_position, beyond, difference, inside, join, nothing, places, union
from archtrace.witness.subject import Subject
from archtrace.witness.witness import TRIED, Witness, is_random

#: Positions of an output at which more than gradients is tried, at most.
MOST_AGAIN = 64
#: After so many of them that all was tried for in vain, in whatever layout, no more is tried: the answer is a bound.
MOST_VAIN = 2
#: What is asked of people who meet a fault of ours.
REPORT = "this is a bug of archtrace: please report it with the model"


@dataclass(frozen=True)
class LawVerdict:
    """What the runs say of one layout: what they show (None where none could be made), and what was found wrong.

    `holds`: nothing contradicts the analysis. `each`: what the runs show for each position of an output that has some.
    """

    witness: Positions | None
    findings: tuple[Finding, ...] = ()
    holds: bool = True
    each: tuple[Positions, ...] = ()

    def trusted(self, each: tuple[Positions, ...]) -> Positions | None:
        """The witness where nothing contradicts the analysis, and the positions of an output are shown as well."""
        return self.witness if self.holds and self.each == each else None

    def exact(self, bound: Positions, each: tuple[Positions, ...] = ()) -> bool:
        """True where everything agrees, for the output and for each of its positions."""
        return self.trusted(each) == bound


class Runs:
    """Numeric runs of one analysis's programs."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._witnesses: dict[int, Witness] = {}
        self._replays: dict[int, Finding | None] = {}
        self._flops = Flops()
        self._vain = 0
        self._shows: dict[str, tuple[Subject, Witness, Positions]] = {}
        self._subjects: dict[str, Subject] = {}
        self._verdicts: dict[tuple[Any, ...], LawVerdict] = {}

    def failure(self) -> str | None:
        """Why the program does not run on its first layout; None where it does."""
        try:
            with one_thread():
                self._shown(next(iter(self._analysis.bounds)))
        except Exception as error:  # a candidate of a search: where no other runs either, this is told
            return reason(error)
        return None

    def see(self, name: str) -> LawVerdict:
        """The witness of a layout, and what contradicts its bound."""
        try:
            with one_thread():
                return self._seen_once(name)
        except Exception as error:  # whatever stops a run is told, and the answer stays a bound
            return LawVerdict(
                None, (Finding("witness-failed", f"{name}: no run could be made: {reason(error)}"),), False
            )

    def _seen_once(self, name: str) -> LawVerdict:
        """What runs say; layouts in which they could not differ are run once, as long as nothing is found wrong."""
        key = self._hangs_on(name)
        if key is None:
            return self._see(name)
        if key not in self._verdicts or self._verdicts[key].findings:
            self._verdicts[key] = self._see(name)
        return self._verdicts[key]

    def _hangs_on(self, name: str) -> tuple[Any, ...] | None:
        """All that the runs of a layout hang on where ids are only looked up, in tables of random numbers: which ids
        these are is nothing to them. None where the program compares ids, counts them or takes them out."""
        analysis, subject = self._analysis, self._subject(name)
        if subject.comparisons or subject.bound.run.deciding or not subject.looked_up:
            return None
        others = ((k, v.shape, v.numpy().tobytes()) for k, v in analysis.layouts[name].items() if k != analysis.ids)
        return id(subject.program), repr(analysis.positions[name]), repr(analysis.each(name)), *others

    def _shown(self, name: str) -> tuple[Subject, Witness, Positions]:
        """What is watched in a layout, by what, and what it shows; kept for the search for a small model."""
        if name not in self._shows:
            self._shows[name] = self._look(name)
        return self._shows[name]

    def _look(self, name: str) -> tuple[Subject, Witness, Positions]:
        analysis, subject = self._analysis, self._subject(name)
        witness = self._witnesses.setdefault(id(subject.program), Witness(subject.program))
        bound, special = analysis.positions[name], frozenset(analysis.interpreter.special)
        return subject, witness, self._again(subject, bound, witness.see(subject, bound, special), special)

    def _subject(self, name: str) -> Subject:
        if name not in self._subjects:
            analysis, found = self._analysis, self._analysis.bounds[name]
            layout = {**analysis.layouts[name], analysis.ids: varied(analysis.layouts[name][analysis.ids])}
            ids = found.program.inputs[analysis.ids]
            self._subjects[name] = Subject(analysis.interpreter, found, analysis.reads(name), ids, layout)
        return self._subjects[name]

    def _again(self, subject: Subject, bound: Positions, seen: Positions, special: frozenset[int]) -> Positions:
        """What the model itself shows of tokens that decide how the program goes on, and so cannot be changed in it."""
        places_left = places(difference(bound.tokens, seen.tokens))[:TRIED]
        if not places_left or not subject.bound.run.deciding or is_random(subject.program):
            return seen
        shown = moving_tokens(subject, self._analysis.programs.model, places_left, special)
        rows = range(len(bound.tokens))
        return replace(seen, tokens=union(seen.tokens, tuple(tuple(p for r, p in shown if r == row) for row in rows)))

    def _see(self, name: str) -> LawVerdict:
        bound, special = self._analysis.positions[name], frozenset(self._analysis.interpreter.special)
        subject, witness, seen = self._shown(name)
        missed = join(beyond(seen, bound), witness.outside(subject, bound, special))
        each, missed_each = self._see_each(name, subject)
        replayed = self._replay(name, subject.program)
        findings = (*_missed(name, join(missed, missed_each)), *((replayed,) if replayed else ()))
        if not witness.removable(subject, self._analysis.whole[name], self._flops):
            what = f"{name}: runs show that work which the analysis calls dead reaches an output; {REPORT}"
            findings = (*findings, Finding("missed", what))
        # what one position of an output was seen to read is told of each of them: which one it was is not
        each = tuple(join(some, missed_each) for some in each)
        return LawVerdict(join(seen, missed), findings, not findings, each)

    def _see_each(self, name: str, subject: Subject) -> tuple[tuple[Positions, ...], Positions]:
        """What runs show for each position of the output, and what they show that its bound leaves out."""
        missed = nothing(self._analysis.positions[name])
        if (positioned := self._analysis.positioned.get(name)) is None:
            return (), missed
        bounds, special = positioned.each, frozenset(self._analysis.interpreter.special)
        subject = replace(subject, bound=positioned.bound)
        witness = self._witnesses.setdefault(id(subject.program), Witness(subject.program))
        each = list(witness.see_each(subject, bounds, special))
        for i in [i for i, bound in enumerate(bounds) if not inside(bound, each[i])][:MOST_AGAIN]:
            if self._vain >= MOST_VAIN:
                break
            alone = replace(subject, bound=self._analysis.at_position(name, i))
            each[i] = join(each[i], Witness(alone.program).see(alone, bounds[i], special))
            self._vain += not inside(bounds[i], each[i])
        beyond_each = (beyond(some, bound) for some, bound in zip(each, bounds, strict=True))
        return tuple(each), reduce(join, beyond_each, witness.outside_each(subject, bounds, special))

    def _replay(self, name: str, program: Program) -> Finding | None:
        """Once for each program, in the first layout that it serves."""
        if id(program) not in self._replays:
            self._replays[id(program)] = _replayed(name, program, self._analysis)
        return self._replays[id(program)]


def together(first: LawVerdict, others: Mapping[str, LawVerdict]) -> LawVerdict:
    """What is said of one layout text by text, as one; `others` by the input that holds a further text."""
    if not others:
        return first
    findings = tuple(f for verdict in (first, *others.values()) for f in verdict.findings)
    holds = all(verdict.holds for verdict in (first, *others.values()))
    seen = {name: verdict.witness for name, verdict in others.items() if verdict.witness is not None}
    if first.witness is None or len(seen) < len(others):
        return LawVerdict(None, findings, False)
    reads = {t: reduce(union, (w.reads[t] for w in seen.values()), rows) for t, rows in first.witness.reads.items()}
    tokens = {name: witness.tokens for name, witness in seen.items()}
    # Positions of an output are told of the first text.
    return LawVerdict(Positions(reads, first.witness.tokens, tokens), findings, holds, first.each)


def varied(features: torch.Tensor) -> torch.Tensor:
    """Features that differ: where zeros stand for any image or sound, a norm over them shows nothing of what it does.

    Ids, and features that differ already, as they are.
    """
    if not features.is_floating_point() or features.numel() < 2 or (features != features.flatten()[0]).any():
        return features
    return torch.randn(features.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32).to(features)


def _missed(name: str, missed: Positions) -> Iterator[Finding]:
    if where := any_position(missed):
        yield Finding("missed", f"{name}: runs show positions that the analysis left out: {where}; {REPORT}")


def _replayed(name: str, program: Program, analysis: Analysis) -> Finding | None:
    try:
        where = replay.difference(program, analysis.programs.model, analysis.layouts[name])
    except Exception as error:  # the model's own code runs here
        return Finding("witness-failed", f"{name}: the traced program could not be replayed: {reason(error)}")
    if where is None:
        return None
    what = f"{name}: the traced program does not give the model's own output; it differs first in {where}; {REPORT}"
    return Finding("replay-differs", what)


def unseen(name: str, bound: Positions, verdict: LawVerdict) -> Iterator[Finding]:
    """Why a layout is a bound although nothing failed: the positions that may reach the logits and were not seen to."""
    if verdict.witness is not None and (where := any_position(beyond(bound, verdict.witness))):
        yield Finding("not-shown", f"{name}: these positions may reach the logits, but no run showed it: {where}")


def unseen_each(name: str, each: tuple[Positions, ...], verdict: LawVerdict) -> Iterator[Finding]:
    """The same of the positions of an output: those that may be reached by more than a run showed."""
    if verdict.witness is None or not each:
        return
    if len(verdict.each) != len(each):
        yield Finding("not-shown", f"{name}: no run looked at the positions of the output one by one")
        return
    if left := [i for i, (bound, seen) in enumerate(zip(each, verdict.each, strict=True)) if bound != seen]:
        where = ", ".join(map(str, left))
        yield Finding("not-shown", f"{name}: no run showed all that may reach these positions of the output: {where}")
