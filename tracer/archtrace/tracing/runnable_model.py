"""The model that runs in place of the traced one, with its analyses, and what its runs show of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from archtrace.capture.inputs.layouts import Plan
from archtrace.capture.model import parameter_count
from archtrace.errors import ArchtraceError
from archtrace.readout.analysis import Analysis, Model, Programs
from archtrace.targets.target import Target
from archtrace.witness.law import LawVerdict, Runs, together
from archtrace.witness.shrink import ENOUGH, LARGEST
from archtrace.witness.small_model import Search, Small

#: Of each layout, what runs show.
Verdicts: TypeAlias = Mapping[str, LawVerdict]
#: Why there is no witness.
TOO_LARGE = "no smaller model of the same architecture could be found to run"
UNASKED = "no run was asked for"


@dataclass(frozen=True, eq=False)
class RunnableModel:
    """A model that runs numerically in place of the traced one, with the same bounds and few parameters; or why none
    does.

    `analyses`: one for each length that the plans have; empty where no model was small enough. `failure`: why the last
    candidate with the same bounds did not run. `runs`: those that the search already made of the first analysis.
    `missing`: why there is no such model.
    """

    small: Small | None
    analyses: tuple[Analysis, ...]
    failure: str | None = None
    runs: Runs | None = None
    missing: str = TOO_LARGE

    @classmethod
    def of(cls, target: Target, model: Model, analysis: Analysis, plans: Sequence[Plan]) -> RunnableModel:
        """The model to run for a target, analysed in every length: the target's own where that is small already."""
        size = parameter_count(model[0])
        if size <= ENOUGH or target.config is None or target.module is not None:
            itself = Small(analysis.programs, {}) if size <= LARGEST else None
            return cls(itself, (analysis, *_of_lengths(analysis, plans[1:])) if itself else ())
        candidates: dict[int, tuple[Analysis, Runs]] = {}
        failures: list[str] = []

        def agrees(programs: Programs, runs: bool) -> bool:
            other = Analysis(programs, analysis.layouts, analysis.ids, analysis.also)
            candidates[id(programs)] = other, Runs(other)
            try:
                same = other.positions == analysis.positions
                failure = candidates[id(programs)][1].failure() if same and runs else None
            except ArchtraceError:
                return False
            failures.extend([failure] if failure else [])
            return failure is None and same

        small = Search(target, analysis.program, list(analysis.layouts.values()), analysis.ids, agrees).find()
        if small is None:
            return cls(None, (), failures[-1] if failures else None)
        its_analysis, its_runs = candidates[id(small.programs)]
        return cls(small, (its_analysis, *_of_lengths(its_analysis, plans[1:])), runs=its_runs)

    def verdicts(self, analysis: Analysis) -> Verdicts:
        """Per layout what the numeric runs show, and what contradicts the analysis."""
        if not self.analyses:
            return dict.fromkeys(analysis.bounds, LawVerdict(None, (), False))
        first, *others = self.analyses[0].texts.values()
        runs, of_others = self.runs or Runs(first), {text.ids: Runs(text) for text in others}
        verdicts = {
            name: together(runs.see(name), {ids: other.see(name) for ids, other in of_others.items()})
            for name in analysis.bounds
        }
        return {name: _of_its_positions(verdict, analysis, name) for name, verdict in verdicts.items()}


def _of_its_positions(verdict: LawVerdict, analysis: Analysis, name: str) -> LawVerdict:
    """The verdict, without what it says of single positions of the output where the model does not have as many: a
    small model may have fewer, even so few that they are looked at one by one although the model's are not."""
    return verdict if len(verdict.each) == len(analysis.each(name)) else replace(verdict, each=())


def _of_lengths(analysis: Analysis, plans: Sequence[Plan]) -> list[Analysis]:
    # The interpreter goes along: what it learned in one length holds in another, as a model may pad both to one.
    return [Analysis(analysis.programs, *plan, interpreter=analysis.interpreter) for plan in plans]
