"""The law, checked in every trace: what the analysis leaves out cannot reach, and `exact` means that everything agrees.

In each layout the program must give the model's own output (replay), what runs show must lie in the bound (inside), and
what the bound leaves out must move nothing (outside). Where one of these fails, the answer is widened by what the runs
showed, is never `exact`, and a finding says so. A run that fails is a finding, too, with its reason.
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
from archtrace.witness.failure import failure_reason
from archtrace.witness.model_runs import moving_tokens
from archtrace.witness.numeric import one_thread
from archtrace.witness.place_search import MOST_PLACES, missing_places, with_places
from archtrace.witness.position_sets import beyond, describe_positions, inside, join, nothing, union
from archtrace.witness.subject import Subject
from archtrace.witness.witness import Witness, is_random

#: The most positions of an output for which more than gradients is tried.
MOST_RETRIED = 64
#: After so many of them for which everything was tried in vain, in all layouts together, the answer stays a bound.
MOST_IN_VAIN = 2
#: What to do where the fault is archtrace's.
REPORT = "this is a bug of archtrace: please report it with the model"


@dataclass(frozen=True)
class LawVerdict:
    """What the runs of one layout show (None where no run could be made), and what contradicts the analysis.

    `holds`: nothing contradicts it. `each`: the positions shown for each position of an output that has some.
    """

    witness: Positions | None
    findings: tuple[Finding, ...] = ()
    holds: bool = True
    each: tuple[Positions, ...] = ()

    def trusted(self, each: tuple[Positions, ...]) -> Positions | None:
        """The witness, if nothing contradicts the analysis, and runs show all of `each`, the bounds of the output's
        positions; else None."""
        return self.witness if self.holds and self.each == each else None

    def is_exact(self, bound: Positions, each: tuple[Positions, ...] = ()) -> bool:
        """Whether witness and bound agree, for the output and for each of its positions."""
        return self.trusted(each) == bound


class Runs:
    """Numeric runs of one analysis's programs."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._witnesses: dict[int, Witness] = {}
        self._replays: dict[int, Finding | None] = {}
        self._flops = Flops()
        self._in_vain = 0
        self._witnessed: dict[str, tuple[Subject, Witness, Positions]] = {}
        self._subjects: dict[str, Subject] = {}
        self._verdicts: dict[tuple[Any, ...], LawVerdict] = {}

    def failure(self) -> str | None:
        """Why the program does not run on its first layout; None where it does."""
        try:
            with one_thread():
                self._positions(next(iter(self._analysis.bounds)))
        except Exception as error:  # a candidate of a search: the reason is reported where no other one runs either
            return failure_reason(error)
        return None

    def verdict(self, name: str) -> LawVerdict:
        """The witness of a layout, and what contradicts its bound."""
        try:
            with one_thread():
                return self._cached_verdict(name)
        except Exception as error:  # whatever stops a run is reported, and the answer stays a bound
            return LawVerdict(
                None, (Finding("witness-failed", f"{name}: no run could be made: {failure_reason(error)}"),), False
            )

    def _cached_verdict(self, name: str) -> LawVerdict:
        """The verdict of a layout; layouts whose runs cannot differ share one, as long as it has no findings."""
        key = self._cache_key(name)
        if key is None:
            return self._verdict(name)
        if key not in self._verdicts or self._verdicts[key].findings:
            self._verdicts[key] = self._verdict(name)
        return self._verdicts[key]

    def _cache_key(self, name: str) -> tuple[Any, ...] | None:
        """Everything that the runs of a layout depend on where ids are only looked up in tables of random numbers, so
        that it does not matter which ids these are. None where the program compares ids, counts or extracts them."""
        analysis, subject = self._analysis, self._subject(name)
        if subject.comparisons or subject.bound.run.deciding or not subject.only_looks_up:
            return None
        others = ((k, v.shape, v.numpy().tobytes()) for k, v in analysis.layouts[name].items() if k != analysis.ids)
        return id(subject.program), repr(analysis.positions[name]), repr(analysis.each(name)), *others

    def _positions(self, name: str) -> tuple[Subject, Witness, Positions]:
        """The subject of a layout, its witness, and the positions that it shows; kept, since the search for a small
        model has run the first layout before its verdict is asked for."""
        if name not in self._witnessed:
            self._witnessed[name] = self._find_positions(name)
        return self._witnessed[name]

    def _find_positions(self, name: str) -> tuple[Subject, Witness, Positions]:
        analysis, subject = self._analysis, self._subject(name)
        witness = self._witnesses.setdefault(id(subject.program), Witness(subject.program))
        bound, special = analysis.positions[name], frozenset(analysis.interpreter.special)
        witnessed = witness.find_positions(subject, bound, special)
        return subject, witness, self._with_model_runs(subject, bound, witnessed, special)

    def _subject(self, name: str) -> Subject:
        if name not in self._subjects:
            analysis, bound = self._analysis, self._analysis.bounds[name]
            layout = {**analysis.layouts[name], analysis.ids: varied(analysis.layouts[name][analysis.ids])}
            ids = bound.program.inputs[analysis.ids]
            self._subjects[name] = Subject(analysis.interpreter, bound, analysis.reads(name), ids, layout)
        return self._subjects[name]

    def _with_model_runs(
        self, subject: Subject, bound: Positions, witnessed: Positions, special: frozenset[int]
    ) -> Positions:
        """With the tokens that runs of the model itself show: those on which its code branches cannot be changed in the
        program."""
        places_left = missing_places(bound.tokens, witnessed.tokens)[:MOST_PLACES]
        if not places_left or not subject.bound.run.deciding or is_random(subject.program):
            return witnessed
        moving = moving_tokens(subject, self._analysis.programs.model, places_left, special)
        return replace(witnessed, tokens=with_places(witnessed.tokens, moving))

    def _verdict(self, name: str) -> LawVerdict:
        bound, special = self._analysis.positions[name], frozenset(self._analysis.interpreter.special)
        subject, witness, witnessed = self._positions(name)
        missed = join(beyond(witnessed, bound), witness.outside(subject, bound, special))
        each, missed_each = self._by_output_position(name, subject)
        replayed = self._replay(name, subject.program)
        findings = (*_missed(name, join(missed, missed_each)), *((replayed,) if replayed else ()))
        if not witness.confirms_dead_work(subject, self._analysis.whole[name], self._flops):
            problem = f"{name}: runs show that work which the analysis calls dead reaches an output; {REPORT}"
            findings = (*findings, Finding("missed", problem))
        # A missed position counts for every position of the output: it is not known which one reads it.
        each = tuple(join(positions, missed_each) for positions in each)
        return LawVerdict(join(witnessed, missed), findings, not findings, each)

    def _by_output_position(self, name: str, subject: Subject) -> tuple[tuple[Positions, ...], Positions]:
        """The positions shown for each position of the output, and those that the bounds of these leave out."""
        missed = nothing(self._analysis.positions[name])
        if (positioned := self._analysis.positioned.get(name)) is None:
            return (), missed
        bounds, special = positioned.each, frozenset(self._analysis.interpreter.special)
        subject = replace(subject, bound=positioned.bound)
        witness = self._witnesses.setdefault(id(subject.program), Witness(subject.program))
        each = list(witness.find_by_output_position(subject, bounds, special))
        for i in [i for i, bound in enumerate(bounds) if not inside(bound, each[i])][:MOST_RETRIED]:
            if self._in_vain >= MOST_IN_VAIN:
                break
            single = replace(subject, bound=self._analysis.at_position(name, i))
            each[i] = join(each[i], Witness(single.program).find_positions(single, bounds[i], special))
            self._in_vain += not inside(bounds[i], each[i])
        beyond_each = map(beyond, each, bounds)
        return tuple(each), reduce(join, beyond_each, witness.outside_by_output_position(subject, bounds, special))

    def _replay(self, name: str, program: Program) -> Finding | None:
        """What the replay finds: made once for each program, in the first layout that it serves."""
        if id(program) not in self._replays:
            self._replays[id(program)] = _replayed(name, program, self._analysis)
        return self._replays[id(program)]


def merge_verdicts(first: LawVerdict, others: Mapping[str, LawVerdict]) -> LawVerdict:
    """The verdicts on the texts of one layout as one; `others` by the input that holds a further text."""
    if not others:
        return first
    findings = tuple(f for verdict in (first, *others.values()) for f in verdict.findings)
    holds = all(verdict.holds for verdict in (first, *others.values()))
    witnessed = {name: verdict.witness for name, verdict in others.items() if verdict.witness is not None}
    if first.witness is None or len(witnessed) < len(others):
        return LawVerdict(None, findings, False)
    reads = {
        t: reduce(union, (w.reads[t] for w in witnessed.values()), rows) for t, rows in first.witness.reads.items()
    }
    tokens = {name: witness.tokens for name, witness in witnessed.items()}
    # The positions of an output refer to the first text.
    return LawVerdict(Positions(reads, first.witness.tokens, tokens), findings, holds, first.each)


def varied(features: torch.Tensor) -> torch.Tensor:
    """Random features in place of equal ones: of zeros, which stand for any image or sound, a norm shows nothing.

    Ids, and features that differ already, stay as they are.
    """
    if not features.is_floating_point() or features.numel() < 2 or (features != features.flatten()[0]).any():
        return features
    return torch.randn(features.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32).to(features)


def _missed(name: str, missed: Positions) -> Iterator[Finding]:
    if positions := describe_positions(missed):
        yield Finding("missed", f"{name}: runs show positions that the analysis left out: {positions}; {REPORT}")


def _replayed(name: str, program: Program, analysis: Analysis) -> Finding | None:
    try:
        where = replay.first_difference(program, analysis.programs.model, analysis.layouts[name])
    except Exception as error:  # the model's own code runs here
        return Finding("witness-failed", f"{name}: the traced program could not be replayed: {failure_reason(error)}")
    if where is None:
        return None
    problem = f"{name}: the traced program does not give the model's own output; it differs first in {where}; {REPORT}"
    return Finding("replay-differs", problem)


def not_shown(name: str, bound: Positions, verdict: LawVerdict) -> Iterator[Finding]:
    """Why a layout is a bound although nothing failed: the positions that may reach the logits, and no run showed."""
    if verdict.witness is not None and (positions := describe_positions(beyond(bound, verdict.witness))):
        yield Finding("not-shown", f"{name}: these positions may reach the logits, but no run showed it: {positions}")


def not_shown_by_output_position(name: str, each: tuple[Positions, ...], verdict: LawVerdict) -> Iterator[Finding]:
    """`not_shown` for an output with positions: those of its positions whose bound is wider than what runs showed."""
    if verdict.witness is None or not each:
        return
    if len(verdict.each) != len(each):
        yield Finding("not-shown", f"{name}: no run looked at the positions of the output one by one")
        return
    if left := [i for i, (bound, witnessed) in enumerate(zip(each, verdict.each, strict=True)) if bound != witnessed]:
        where = ", ".join(map(str, left))
        yield Finding("not-shown", f"{name}: no run showed all that may reach these positions of the output: {where}")
