"""The result of a trace, put together: the bound, the witness, and what both say about readouts and padding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce

import torch

from archtrace.answer.positions import Positions, Rows
from archtrace.answer.result import Finding, LayoutResult, Padding, Readout, Result
from archtrace.answer.version import __version__
from archtrace.capture.inputs.layouts import Plan, Vocabulary
from archtrace.capture.positioned import MOST, count
from archtrace.capture.program import Program
from archtrace.reach.dead_parameters import dead_modules, dead_parameters
from archtrace.reach.flops import Flops
from archtrace.readout import describe
from archtrace.readout.analysis import Analysis, Model
from archtrace.readout.anatomy.anatomy import anatomy
from archtrace.readout.ends import skipped_ends
from archtrace.readout.layer_work import work
from archtrace.readout.padding import padded, padding_of, tokens_carried, tokens_read
from archtrace.readout.receptive_fields import fields
from archtrace.readout.relation import relations
from archtrace.targets import standins
from archtrace.targets.special_tokens import special_tokens_of
from archtrace.targets.target import Target
from archtrace.tracing.clock import Clock
from archtrace.tracing.runnable_model import UNASKED, RunnableModel, Verdicts
from archtrace.witness.failure import describe_node
from archtrace.witness.law import not_shown, not_shown_by_output_position
from archtrace.witness.pad_invariance import padding_changes_logits
from archtrace.witness.position_sets import inside, join

#: The layouts with padding on one side: that side, the other, and why padding on it may change the logits of a text.
SIDES = {
    "left_padded": ("left", "right", "its positions are counted from the start of the row"),
    "right_padded": ("right", "left", "what is read or pooled depends on the length of the row"),
}


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
        runnable = (
            RunnableModel.of(target, model, analysis, plans) if witness else RunnableModel(None, (), missing=UNASKED)
        )
    with clock.stage("witness", "witness"):
        verdicts = runnable.verdicts(analysis)
        _widen(analysis, runnable, verdicts)
    with clock.stage("reading the source", "analysis"):
        others = runnable.analyses[1:]
        related = relations((analysis, *others), vocabulary)
        trusted = {n: v.trusted(analysis.each(n)) for n, v in verdicts.items()}
        readouts = describe.readouts(analysis, others, vocabulary, _id_names(vocabulary), trusted, related)
        drawing = anatomy(module, analysis, readouts, vocabulary)
    dead, paddings = dead_parameters(module, analysis.whole.values()), _paddings(analysis, vocabulary)
    return Result(
        target=target.name,
        class_name=target.class_name or type(module).__name__,
        model_type=target.model_type,
        config_source=target.config_source,
        readouts=readouts,
        layouts=tuple(_layouts(analysis, verdicts, vocabulary)),
        padding=_in_all_layouts(paddings),
        parameters=len(list(module.named_parameters())),
        dead_parameters=dead,
        dead_modules=dead_modules(module, dead),
        findings=(
            *_model_findings(target, module, readouts),
            *_findings(analysis, runnable, verdicts),
            *_padding_moves(runnable, vocabulary, paddings),
            *skipped_ends(analysis, vocabulary, readouts),
        ),
        seconds={k: round(v, 3) for k, v in clock.seconds.items()},
        traced=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        anatomy=drawing,
        output=analysis.program.output_name or _default_output(analysis.program),
        outputs=tuple(analysis.program.returned),
        relations=related,
        fields=fields(analysis),
        # Texts that the user gave come with their own tokens.
        frame=None if [*analysis.layouts] == ["given"] else special_tokens_of(target),
    )


def _default_output(program: Program) -> str:
    """The name of the output that is answered where the user names none."""
    return next((name for name, node in program.returned.items() if node == program.output), "logits")


def _model_findings(target: Target, module: torch.nn.Module, readouts: Sequence[Readout]) -> tuple[Finding, ...]:
    """The findings about the model itself: how its config was found, filled in and built."""
    return (*target.findings, *standins.stood_in(module), *target.model_findings(module, readouts))


def _widen(analysis: Analysis, runnable: RunnableModel, verdicts: Verdicts) -> None:
    """Adds to the bound what runs show to reach the logits: it does, whatever the analysis says."""
    for wide in {id(a): a for a in (analysis, *runnable.analyses[:1])}.values():
        for name, verdict in verdicts.items():
            if verdict.witness is not None and not inside(verdict.witness, wide.positions[name]):
                wide.positions[name] = join(wide.positions[name], verdict.witness)
            if verdict.each:
                positioned = wide.positioned[name]
                wide.positioned[name] = replace(positioned, each=tuple(map(join, positioned.each, verdict.each)))


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
    """For each layout and each text in it: whether padding is read, and whether it reaches the logits otherwise."""
    texts, names = analysis.texts.values(), analysis.positions
    return {name: [_padding_in(t, vocabulary, name) for t in texts if name in t.positions] for name in names}


def _in_all_layouts(paddings: Mapping[str, list[Padding]]) -> Padding:
    """The same for all layouts and texts together."""
    every = [padding for texts in paddings.values() for padding in texts]
    reads = (name for padding in every for name in padding.reads_padding)
    return Padding(any(padding.leaks for padding in every), tuple(dict.fromkeys(reads)))


def _padding_in(analysis: Analysis, vocabulary: Vocabulary, name: str) -> Padding:
    """The same for one text in one layout."""
    padding = padding_of(analysis.layouts[name], vocabulary, analysis.ids)
    if padding is None or not any(padding):
        return Padding(False, ())
    positions = _without_padding_outputs(analysis, name, padding) or analysis.positions[name]
    carries = tokens_carried(analysis, name)
    by_tensor = [tokens_read(rows, carries[tensor], len(padding)) for tensor, rows in positions.reads.items()]
    read = [set(row).union(*rows) for row, *rows in zip(((),) * len(padding), *by_tensor, strict=True)]
    is_read = any(tokens.intersection(pads) for tokens, pads in zip(read, padding, strict=True))
    rows = zip(positions.tokens, padding, read, strict=True)
    leaks = any(set(reaching).intersection(pads) - tokens for reaching, pads, tokens in rows)
    return Padding(leaks, (name,) if is_read else ())


def _without_padding_outputs(analysis: Analysis, name: str, padding: Rows) -> Positions | None:
    """What reaches the positions of an output that are no padding themselves; None where the output has not one
    position for each token."""
    positioned = analysis.positioned.get(name)
    if positioned is None or len(positioned.each) != analysis.length:
        return None
    if len(positioned.each[0].tokens) != len(padding):
        return None
    return reduce(join, (_without_padded_rows(each, padding, i) for i, each in enumerate(positioned.each)))


def _without_padded_rows(positions: Positions, padding: Rows, index: int) -> Positions:
    """What reaches the output's position `index`, without the rows in which that is padding."""

    def emptied(rows: Rows) -> Rows:
        return tuple(() if index in pads else row for row, pads in zip(rows, padding, strict=True))

    reads = {t: emptied(rows) if len(rows) == len(padding) else rows for t, rows in positions.reads.items()}
    return Positions(reads, emptied(positions.tokens))


def _findings(analysis: Analysis, runnable: RunnableModel, verdicts: Verdicts) -> list[Finding]:
    findings = [Finding("layout-refused", f"{name}: {reason}") for name, reason in analysis.refused.items()]
    findings += _of_positions(analysis)
    if analysis.interpreter.unruled:
        ops = ", ".join(_first_calls(analysis))
        findings.append(Finding("op-without-rule", f"no rule for {ops}: taken as everything reaches everything"))
    if any(each.mixes_rows() for each in analysis.bounds.values()):
        findings.append(Finding("rows-mix", "the logits of one row may depend on the tokens of another row"))
    if layouts := [name for name, each in analysis.positions.items() if _bypasses_tensors(each)]:
        findings.append(
            Finding(
                "no-read-tensor", f"{', '.join(layouts)}: tokens reach the logits, but through no hidden state found"
            )
        )
    findings += [finding for name in analysis.bounds for finding in _constants(analysis, name)]
    if runnable.small is None:
        findings.append(Finding("no-witness", f"{runnable.missing}; the answer is a bound"))
    if runnable.failure is not None:
        findings.append(
            Finding("witness-failed", f"no smaller model of the same architecture could be run: {runnable.failure}")
        )
    for name, verdict in verdicts.items():
        findings += [*verdict.findings, *not_shown(name, analysis.positions[name], verdict)]
        findings += not_shown_by_output_position(name, analysis.each(name), verdict)
    return list(dict.fromkeys(findings))  # one program serves several layouts, and is replayed once


def _of_positions(analysis: Analysis) -> Iterator[Finding]:
    """An output that has too many positions is answered by the union over them, unless one is named."""
    program = analysis.program
    number, name = count(program, analysis.length), program.output_name or _default_output(program)
    if number > MOST:
        what = f"{name} has {number} positions of its own; this answer is about all of them together"
        yield Finding("output-of-positions", f'{what}; for one of them ask about the output "{name}[:, 0]"')


def _constants(analysis: Analysis, layout: str) -> Iterator[Finding]:
    """The read tensors of which a row reads nothing but what the model itself always sets to the same value."""
    for tensor, place in analysis.reads(layout).items():
        constant, read = analysis.bounds[layout].constant(*place), analysis.positions[layout].reads[tensor]
        if rows := [r for r, row in enumerate(read) if row and set(row) <= set(constant[r])]:
            where = ", ".join(f"row {r}: position {', '.join(map(str, read[r]))}" for r in rows)
            what = f"{layout}: the model always puts the same value where {tensor} is read ({where})"
            yield Finding("reads-constant", f"{what}: every such text gets the same logits from it")


def _padding_moves(
    runnable: RunnableModel, vocabulary: Vocabulary, paddings: Mapping[str, list[Padding]]
) -> Iterator[Finding]:
    """The sides on which padding changes the logits of a text, though none of it is read and none reaches them."""
    for small in runnable.analyses[:1]:
        silent = (
            name for name in SIDES if name in paddings and not any(p.leaks or p.reads_padding for p in paddings[name])
        )
        moved = [name for name in silent if name in small.positions and padding_changes_logits(small, name, vocabulary)]
        for name in moved:
            side, other, why = SIDES[name]
            # Where padding on either side changes the logits, neither is better.
            advice = f"pad on the {other}: " if len(moved) == 1 else ""
            what = f"with padding on the {side}, the logits of a text change, though no padding reaches them"
            yield Finding("padding-moves", f"{advice}{what}: {why}")


def _bypasses_tensors(positions: Positions) -> bool:
    """Whether tokens reach the logits though no tensor is read: through a count of ids, a one-hot."""
    reaching, reads = (positions.tokens, *positions.others.values()), positions.reads.values()
    return any(map(any, reaching)) and not any(map(any, reads))


def _first_calls(analysis: Analysis) -> list[str]:
    """Each op without a rule, where it is called first."""
    nodes = (node for each in analysis.bounds.values() for node in reversed(each.program.nodes))
    calls = {node.op: describe_node(node) for node in nodes if node.op in analysis.interpreter.unruled}
    return [calls.get(op, op) for op in sorted(analysis.interpreter.unruled)]


def check_inside(result: Result) -> list[str]:
    """The messages of runs that contradict the analysis: always empty, or the analysis is wrong."""
    return [f.message for f in result.findings if f.code in ("missed", "replay-differs")]


def _id_names(vocabulary: Vocabulary) -> dict[int, str]:
    """The names of the special ids; an id that is both goes by the pad id."""
    ids = {"eos_token_id": vocabulary.eos, "pad_token_id": vocabulary.pad}
    return {value: name for name, value in ids.items() if value is not None}


def _versions() -> dict[str, str]:
    import sys

    versions = {"archtrace": __version__, "torch": torch.__version__.split("+")[0]}
    library = sys.modules.get("transformers")
    return versions | ({"transformers": library.__version__} if library is not None else {})
