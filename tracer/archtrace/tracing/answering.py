"""Put a result together: the bound of the model, the witness of its small model, and what both say of readouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce

import torch

from archtrace.answer.positions import Positions, Rows
from archtrace.answer.result import Finding, LayoutResult, Padding, Readout, Result
from archtrace.answer.version import __version__
from archtrace.capture.inputs.layouts import Plan, Vocabulary
from archtrace.capture.model import parameter_count
from archtrace.capture.positioned import MOST, count
from archtrace.capture.program import Program
from archtrace.errors import ArchtraceError
from archtrace.reach.dead_parameters import dead_modules, dead_parameters
from archtrace.reach.flops import Flops
from archtrace.readout.analysis import Analysis, Model, Programs
from archtrace.readout.anatomy.anatomy import anatomy
from archtrace.readout.describe import readouts
from archtrace.readout.ends import skipped_ends
from archtrace.readout.layer_work import work
from archtrace.readout.padding import carried, padded, padding_of, tokens_read
from archtrace.readout.receptive_fields import fields
from archtrace.readout.relation import relations
from archtrace.targets import standins
from archtrace.targets.special_tokens import frame_of
from archtrace.targets.target import Target
from archtrace.tracing.clock import Clock
from archtrace.witness.failure import describe_node
from archtrace.witness.law import LawVerdict, Runs, merge_verdicts, not_shown, not_shown_by_output_position
from archtrace.witness.pad_invariance import padding_changes_logits
from archtrace.witness.position_sets import inside, join
from archtrace.witness.shrink import ENOUGH, LARGEST
from archtrace.witness.small_model import SmallModel, SmallModelSearch

Verdicts = Mapping[str, LawVerdict]
#: The layouts with padding on one side: which, the other, and why padding there alone may change what a text gives.
SIDES = {
    "left_padded": ("left", "right", "its positions are counted from the start of the row"),
    "right_padded": ("right", "left", "what is read or pooled depends on the length of the row"),
}

#: Why there is no witness.
TOO_LARGE, UNASKED = "no likeness small enough to run was found", "no run was asked for"


def build_result(
    target: Target,
    model: Model,
    analysis: Analysis,
    vocabulary: Vocabulary,
    plans: Sequence[Plan],
    clock: Clock,
    *,
    witness: bool = True,
) -> Result:
    """The result of a target whose analysis is done; without a witness all of it is a bound."""
    module, _ = model
    with clock.stage("shrinking", "witness"):
        small_model = (
            _SmallModel.of(target, model, analysis, plans) if witness else _SmallModel(None, (), missing=UNASKED)
        )
    with clock.stage("witness", "witness"):
        verdicts = small_model.verdicts(analysis)
        _widen(analysis, small_model, verdicts)
    with clock.stage("reading the source", "analysis"):
        others = small_model.analyses[1:]
        related = relations((analysis, *others), vocabulary)
        trusted = {n: v.trusted(analysis.each(n)) for n, v in verdicts.items()}
        found = readouts(analysis, others, vocabulary, _id_names(vocabulary), trusted, related)
        drawn = anatomy(module, analysis, found, vocabulary)
    dead, padding = dead_parameters(module, analysis.whole.values()), _paddings(analysis, vocabulary)
    return Result(
        target=target.name,
        class_name=target.class_name or type(module).__name__,
        model_type=target.model_type,
        config_source=target.config_source,
        readouts=found,
        layouts=tuple(_layouts(analysis, verdicts, vocabulary)),
        padding=_padding(padding),
        parameters=len(list(module.named_parameters())),
        dead_parameters=dead,
        dead_modules=dead_modules(module, dead),
        findings=(
            *_told(target, module, found),
            *_findings(analysis, small_model, verdicts),
            *_moved(small_model, vocabulary, padding),
            *skipped_ends(analysis, vocabulary, found),
        ),
        seconds={k: round(v, 3) for k, v in clock.seconds.items()},
        traced=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        anatomy=drawn,
        output=analysis.program.asked or _first(analysis.program),
        outputs=tuple(analysis.program.returned),
        relations=related,
        fields=fields(analysis),
        # Of given texts the tokens are known by themselves.
        frame=None if [*analysis.layouts] == ["given"] else frame_of(target),
    )


def _first(program: Program) -> str:
    """The name of the output that is looked at where none is asked about."""
    return next((name for name, node in program.returned.items() if node == program.output), "logits")


def _told(target: Target, module: torch.nn.Module, found: Sequence[Readout]) -> tuple[Finding, ...]:
    """What is to be said of the model itself: how it was found, built and filled in."""
    return (*target.findings, *standins.stood_in(module), *target.told(module, found))


@dataclass(frozen=True, eq=False)
class _SmallModel:
    """A model that runs numerically in place of the traced one: the same bounds, few parameters.

    `analyses` are of the lengths of the plans; empty where nothing small enough was found. `failure`: why the last
    candidate that agreed did not run, where none did. `runs` are those that the search made of the first analysis.
    `missing`: why there is none, where there is none.
    """

    small: SmallModel | None
    analyses: tuple[Analysis, ...]
    failure: str | None = None
    runs: Runs | None = None
    missing: str = TOO_LARGE

    @classmethod
    def of(cls, target: Target, model: Model, analysis: Analysis, plans: Sequence[Plan]) -> _SmallModel:
        """Find the small model of a target and analyse it in every length: itself, where it is small already."""
        size = parameter_count(model[0])
        if size <= ENOUGH or target.config is None or target.module is not None:
            own = SmallModel(analysis.programs, {}) if size <= LARGEST else None
            return cls(own, (analysis, *_of_lengths(analysis, plans[1:])) if own else ())
        agreed: dict[int, tuple[Analysis, Runs]] = {}
        failures: list[str] = []

        def agrees(programs: Programs, runs: bool) -> bool:
            other = Analysis(programs, analysis.layouts, analysis.ids, analysis.also)
            agreed[id(programs)] = other, Runs(other)
            try:
                failure = agreed[id(programs)][1].failure() if other.positions == analysis.positions and runs else None
            except ArchtraceError:
                return False
            failures.extend([failure] if failure else [])
            return failure is None and other.positions == analysis.positions

        small = SmallModelSearch(target, analysis.program, list(analysis.layouts.values()), analysis.ids, agrees).find()
        if small is None:
            return cls(None, (), failures[-1] if failures else None)
        own_analysis, seen = agreed[id(small.programs)]
        return cls(small, (own_analysis, *_of_lengths(own_analysis, plans[1:])), runs=seen)

    def verdicts(self, analysis: Analysis) -> Verdicts:
        """Per layout what the numeric runs show, and what contradicts the analysis."""
        if not self.analyses:
            return dict.fromkeys(analysis.bounds, LawVerdict(None, (), False))
        first, *others = self.analyses[0].texts.values()
        runs, more = self.runs or Runs(first), {text.ids: Runs(text) for text in others}
        seen = {n: merge_verdicts(runs.verdict(n), {t: r.verdict(n) for t, r in more.items()}) for n in analysis.bounds}
        return {name: _of_its_positions(verdict, analysis, name) for name, verdict in seen.items()}


def _of_its_positions(verdict: LawVerdict, analysis: Analysis, name: str) -> LawVerdict:
    """What runs show of the positions of an output counts where the model has as many: a small one may have fewer, and
    so few that they are looked at one by one although the model's are not."""
    return verdict if len(verdict.each) == len(analysis.each(name)) else replace(verdict, each=())


def _of_lengths(analysis: Analysis, plans: Sequence[Plan]) -> list[Analysis]:
    # What was learned in one length holds in another: a model may pad both to one.
    return [Analysis(analysis.programs, *plan, interpreter=analysis.interpreter) for plan in plans]


def _widen(analysis: Analysis, small_model: _SmallModel, verdicts: Verdicts) -> None:
    """What runs show reaches the logits, whatever the analysis says: from here on it is part of the bound."""
    for each in {id(s): s for s in (analysis, *small_model.analyses[:1])}.values():
        for name, verdict in verdicts.items():
            if verdict.witness is not None and not inside(verdict.witness, each.positions[name]):
                each.positions[name] = join(each.positions[name], verdict.witness)
            if verdict.each:
                own = each.positioned[name]
                each.positioned[name] = replace(own, each=tuple(map(join, own.each, verdict.each)))


def _layouts(analysis: Analysis, verdicts: Verdicts, vocabulary: Vocabulary) -> list[LayoutResult]:
    results, flops = [], Flops()
    for name, layout in analysis.layouts.items():
        inputs = {k: v.tolist() for k, v in layout.items()}
        bound = analysis.positions.get(name)
        if bound is None:
            results.append(LayoutResult(name, inputs, Positions({}, ()), None, "bound", analysis.refused[name]))
            continue
        verdict = verdicts[name]
        each = analysis.each(name)
        results.append(
            LayoutResult(
                name=name,
                inputs=inputs,
                bound=bound,
                witness=verdict.witness,
                status="exact" if verdict.is_exact(bound, each) else "bound",
                padding=padded(analysis, name, vocabulary),
                each=each,
                witness_each=verdict.each,
                # A run that contradicts the analysis leaves nothing certain of what is dead.
                work=work(analysis.whole[name], flops) if verdict.holds or verdict.witness is None else None,
            )
        )
    return results


def _paddings(analysis: Analysis, vocabulary: Vocabulary) -> dict[str, list[Padding]]:
    """Of each layout, and each text in it, where padding is read and whether it reaches the logits where it is not."""
    texts, names = analysis.texts.values(), analysis.positions
    return {name: [_padding_in(t, vocabulary, name) for t in texts if name in t.positions] for name in names}


def _padding(found: Mapping[str, list[Padding]]) -> Padding:
    """The same of all layouts."""
    every = [each for texts in found.values() for each in texts]
    reads = (name for each in every for name in each.reads_padding)
    return Padding(any(each.leaks for each in every), tuple(dict.fromkeys(reads)))


def _padding_in(analysis: Analysis, vocabulary: Vocabulary, name: str) -> Padding:
    """The same of one text in one layout."""
    whole, padding = analysis.positions[name], padding_of(analysis.layouts[name], vocabulary, analysis.ids)
    if padding is None or not any(padding):
        return Padding(False, ())
    carries, found = carried(analysis, name), _of_tokens(analysis, name, padding) or whole
    read = [tokens_read(rows, carries[tensor], len(padding)) for tensor, rows in found.reads.items()]
    there = [set(row).union(*rows) for row, *rows in zip(((),) * len(padding), *read, strict=True)]
    falls = any(tokens.intersection(pads) for tokens, pads in zip(there, padding, strict=True))
    reached = zip(found.tokens, padding, there, strict=True)
    leaks = any(set(tokens).intersection(pads) - read_ for tokens, pads, read_ in reached)
    return Padding(leaks, (name,) if falls else ())


def _of_tokens(analysis: Analysis, name: str, padding: Rows) -> Positions | None:
    """What the positions of an output read that are no padding themselves; None for an output without such."""
    own = analysis.positioned.get(name)
    if own is None or len(own.each) != analysis.length or len(own.each[0].tokens) != len(padding):
        return None
    kept = [_where(each, padding, i) for i, each in enumerate(own.each)]
    return reduce(join, kept)


def _where(each: Positions, padding: Rows, index: int) -> Positions:
    """What reaches one position of an output, without the rows in which it is padding."""

    def rows(found: Rows) -> Rows:
        return tuple(() if index in pads else row for row, pads in zip(found, padding, strict=True))

    reads = {t: rows(found) if len(found) == len(padding) else found for t, found in each.reads.items()}
    return Positions(reads, rows(each.tokens))


def _findings(analysis: Analysis, small_model: _SmallModel, verdicts: Verdicts) -> list[Finding]:
    found = [Finding("layout-refused", f"{name}: {reason}") for name, reason in analysis.refused.items()]
    found += _of_positions(analysis)
    if analysis.interpreter.unruled:
        ops = ", ".join(_first_calls(analysis))
        found.append(Finding("op-without-rule", f"no rule for {ops}: taken as everything reaches everything"))
    if any(each.mixes_rows() for each in analysis.bounds.values()):
        found.append(Finding("rows-mix", "the logits of one row may depend on the tokens of another row"))
    if aside := [name for name, each in analysis.positions.items() if _past_every_tensor(each)]:
        found.append(
            Finding("no-read-tensor", f"{', '.join(aside)}: tokens reach the logits, but through no hidden state found")
        )
    found += [f for name in analysis.bounds for f in _constants(analysis, name)]
    if small_model.small is None:
        found.append(Finding("no-witness", f"{small_model.missing}; the answer is a bound"))
    if small_model.failure is not None:
        found.append(Finding("witness-failed", f"no likeness could be run: {small_model.failure}"))
    for name, verdict in verdicts.items():
        found += [*verdict.findings, *not_shown(name, analysis.positions[name], verdict)]
        found += not_shown_by_output_position(name, analysis.each(name), verdict)
    return list(dict.fromkeys(found))  # one program serves several layouts, and is replayed once


def _of_positions(analysis: Analysis) -> Iterator[Finding]:
    """An output that has too many positions is answered by the union over them, unless one is named."""
    program = analysis.program
    number, name = count(program, analysis.length), program.asked or _first(program)
    if number > MOST:
        what = f"{name} has {number} positions of its own; what is told is read by any of them"
        yield Finding("output-of-positions", f'{what}; for one of them ask about the output "{name}[:, 0]"')


def _constants(analysis: Analysis, layout: str) -> Iterator[Finding]:
    """The read tensors of which a row reads nothing but what the model itself sets to one value."""
    for tensor, place in analysis.reads(layout).items():
        still, read = analysis.bounds[layout].constant(*place), analysis.positions[layout].reads[tensor]
        if rows := [r for r, row in enumerate(read) if row and set(row) <= set(still[r])]:
            where = ", ".join(f"row {r}: position {', '.join(map(str, read[r]))}" for r in rows)
            what = f"{layout}: the model always puts the same value where {tensor} is read ({where})"
            yield Finding("reads-constant", f"{what}: every such text gets the same logits from it")


def _moved(small_model: _SmallModel, vocabulary: Vocabulary, padding: Mapping[str, list[Padding]]) -> Iterator[Finding]:
    """The sides on which padding changes what a text gives, though none of it is read and none reaches the logits."""
    for small in small_model.analyses[:1]:
        silent = (
            name for name in SIDES if name in padding and not any(p.leaks or p.reads_padding for p in padding[name])
        )
        moved = [name for name in silent if name in small.positions and padding_changes_logits(small, name, vocabulary)]
        for name in moved:
            side, other, why = SIDES[name]
            # Where both sides move a text, neither is better.
            advice = f"pad on the {other}: " if len(moved) == 1 else ""
            what = f"with padding on the {side}, a text gets other logits than alone, though no padding reaches them"
            yield Finding("padding-moves", f"{advice}{what}: {why}")


def _past_every_tensor(found: Positions) -> bool:
    """True where tokens reach the logits though nothing is read of any tensor: a count of ids, a one-hot."""
    return any(map(any, (found.tokens, *found.others.values()))) and not any(any(rows) for rows in found.reads.values())


def _first_calls(analysis: Analysis) -> list[str]:
    """Each op without a rule, where it is called first."""
    nodes = (node for each in analysis.bounds.values() for node in reversed(each.program.nodes))
    calls = {node.op: describe_node(node) for node in nodes if node.op in analysis.interpreter.unruled}
    return [calls.get(op, op) for op in sorted(analysis.interpreter.unruled)]


def check_inside(result: Result) -> list[str]:
    """What runs said against the analysis: always empty, or the analysis is wrong."""
    return [f.message for f in result.findings if f.code in ("missed", "replay-differs")]


def _id_names(vocabulary: Vocabulary) -> dict[int, str]:
    """What the special ids are called; an id that is both is the pad id."""
    named = {"eos_token_id": vocabulary.eos, "pad_token_id": vocabulary.pad}
    return {value: name for name, value in named.items() if value is not None}


def _versions() -> dict[str, str]:
    import sys

    versions = {"archtrace": __version__, "torch": torch.__version__.split("+")[0]}
    library = sys.modules.get("transformers")
    return versions | ({"transformers": library.__version__} if library is not None else {})
