"""Trace the model of a contract, and work out once what the terms and the graph rules look at."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Readout
from archtrace.answer.serving import Served
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.capture.model import is_library_model
from archtrace.contract.contract import Contract
from archtrace.contract.traced_model import FlagsByWay, SourceRange, TracedModel
from archtrace.errors import LayoutError
from archtrace.ops import SCALINGS
from archtrace.reach.bound import Bound
from archtrace.readout.analysis import Analysis
from archtrace.readout.anatomy.excerpts import file_of
from archtrace.readout.expression import inputs_behind
from archtrace.readout.padding import flags_of_positions, tokens_carried, tokens_read
from archtrace.readout.selection import Selection, find_selection
from archtrace.readout.tensors import ReadTensor
from archtrace.setup.examination import SAMPLES, diagnose
from archtrace.setup.given_texts import GivenTexts
from archtrace.setup.pad_id import refusal_without_pad_id
from archtrace.setup.serving.checkpoint_files import checkpoint_files
from archtrace.setup.serving.served import serving
from archtrace.targets.tokenized import tokenizer_named
from archtrace.tracing.clock import Progress
from archtrace.tracing.trace import Trace, trace


def examine(contract: Contract, progress: Progress | None = None) -> TracedModel:
    """Trace a contract's target. Raises ArchtraceError where the trace gives no answer."""
    path, overrides = (contract.config, {}) if isinstance(contract.config, str) else (None, contract.config or {})
    options: dict[str, Any] = {
        "num_labels": contract.num_labels,
        "config": Path(path) if path else None,
        "overrides": overrides,
    }
    traced = trace(contract.target, **options, inputs=contract.inputs, progress=progress)
    return traced_model(contract, traced, _setup(contract, traced, options))


def _setup(contract: Contract, traced: Trace, options: Mapping[str, Any]) -> Diagnosis | None:
    """The diagnosis of the model with the tokenizer that the contract names; None where it names none."""
    if contract.tokenizer is None:
        return None
    texts = GivenTexts(tokenizer_named(contract.tokenizer), SAMPLES, sampled=True)
    return diagnose(traced, contract.target, texts, options)


def traced_model(contract: Contract, traced: Trace, setup: Diagnosis | None = None) -> TracedModel:
    """What the terms of a contract and the graph rules look at, taken from a trace."""
    vocabulary = lay.vocabulary_of(traced.module if traced.config is None else traced.config)
    layouts = traced.analysis.bounds
    selections = {t.name: _selection(traced, t) for t in traced.analysis.tensors(next(iter(layouts)))}
    return TracedModel(
        contract=contract,
        result=traced.result,
        pad=vocabulary.pad,
        eos=vocabulary.eos,
        attended_tokens={
            layout.name: _attended_tokens(layout, traced.analysis, vocabulary) for layout in traced.result.layouts
        },
        attended_positions={name: _attended_positions(traced, name, vocabulary) for name in layouts},
        read_tokens={name: _read_tokens(traced, name) for name in layouts},
        head=_head(traced),
        divided_by_batch_count=frozenset(n for n, s in selections.items() if _is_divided_by_batch_count(*s)),
        divided_by_padded_length=frozenset(n for n, s in selections.items() if _is_divided_by_length(*s)),
        source_ranges=tuple(_source_range(traced, readout) for readout in traced.readouts),
        reads_for=lambda inputs: _reads_for(traced, inputs),
        refusal_without_pad_id=refusal_without_pad_id(traced),
        served=_served(contract, traced),
        setup=setup,
    )


def _served(contract: Contract, traced: Trace) -> tuple[Served, ...]:
    """What the servers that the contract names pool."""
    if not contract.served_by:
        return ()
    servers = serving(traced, checkpoint_files(traced, contract.target)).servers
    return tuple(served for served in servers if served.server in contract.served_by)


def _attended_tokens(layout: LayoutResult, analysis: Analysis, vocabulary: Vocabulary) -> dict[str, FlagsByWay]:
    """For each text, which of its tokens are no padding."""
    inputs = {name: torch.as_tensor(value) for name, value in layout.inputs.items()}
    return {
        text: {
            way: tuple(map(tuple, flags.tolist())) for way, flags in lay.attended_by(inputs, vocabulary, text).items()
        }
        for text in analysis.texts
    }


def _attended_positions(traced: Trace, layout: str, vocabulary: Vocabulary) -> dict[str, FlagsByWay]:
    """For each read tensor, which positions carry a token that is no padding, or no token at all."""
    inputs, attended = traced.analysis.layouts[layout], dict[str, FlagsByWay]()
    for text, analysis in traced.analysis.texts.items():
        ways = {way: flags.tolist() for way, flags in lay.attended_by(inputs, vocabulary, text).items()}
        for tensor, carries in tokens_carried(analysis, layout).items():
            # Of several texts, the one whose tokens the tensor carries tells its padding.
            if tensor not in attended or any(map(any, carries)):
                attended[tensor] = {
                    way: flags_of_positions(flags, carries, default=True) for way, flags in ways.items()
                }
    return attended


def _read_tokens(traced: Trace, layout: str) -> dict[str, dict[str, Rows]]:
    """For each text and read tensor, the tokens that the read positions carry."""
    return {text: _read_tokens_of_text(analysis, layout) for text, analysis in traced.analysis.texts.items()}


def _read_tokens_of_text(analysis: Analysis, layout: str) -> dict[str, Rows]:
    carries, positions = tokens_carried(analysis, layout), analysis.positions[layout]
    return {t: tokens_read(rows, carries[t], len(positions.tokens)) for t, rows in positions.reads.items()}


def _head(traced: Trace) -> tuple[str, ...]:
    """Modules with parameters of their own on the way to the logits, outside of every pretrained model."""
    modules = dict(traced.module.named_modules(remove_duplicate=False))
    pretrained = tuple(f"{path}." for path, part in modules.items() if path and is_library_model(part))
    on_way = dict.fromkeys(path for readout in traced.readouts for path in readout.path)
    return tuple(p for p in on_way if not f"{p}.".startswith(pretrained) and _has_parameters(modules.get(p)))


def _has_parameters(module: torch.nn.Module | None) -> bool:
    return module is not None and any(True for _ in module.parameters(recurse=False))


def _selection(traced: Trace, tensor: ReadTensor) -> tuple[Bound, Selection, int]:
    """The bound of the first layout, how positions of a read tensor are picked in it, and how many it has."""
    layout, bound = next(iter(traced.analysis.bounds.items()))
    others = frozenset(t.node for t in traced.analysis.tensors(layout)) - {tensor.node}
    length = bound.run.shape(tensor.node)[tensor.axis]
    return bound, find_selection(bound, tensor, length, others), length


def _is_divided_by_batch_count(bound: Bound, picked: Selection, _: int) -> bool:
    """Whether the picked positions are divided by one number that is computed from the inputs of all rows."""
    divisors = {ref for node in picked.ops[1:] if node.op in SCALINGS for ref in node.refs}
    single = {r for r in divisors if (v := bound.known(r)) is not None and v.numel() == 1}
    return bool(inputs_behind(bound.program, single))


def _is_divided_by_length(_: Bound, picked: Selection, length: int) -> bool:
    """Whether the positions are averaged without weights, or their sum is divided by how many there are."""
    if picked.first is None:
        return False
    constants = [a for node in picked.ops[1:] if node.op in SCALINGS for a in node.args]
    return picked.first.op == "aten::mean" or length in constants


def _source_range(traced: Trace, readout: Readout) -> SourceRange | None:
    """Where a readout's expression stands: its first line. None where the source is not known."""
    source = readout.source
    file = file_of(source, traced.analysis.program) if source else None
    if source is None or file is None:
        return None
    line = linecache.getline(file, source.line).rstrip("\n")
    start = max(line.find(source.expression), 0) or len(line) - len(line.lstrip())
    end = start + len(source.expression) if source.expression in line else len(line)
    return SourceRange(str(Path(file).resolve()), source.line, start + 1, end + 1, source.function)


def _reads_for(traced: Trace, inputs: Mapping[str, Any]) -> Mapping[str, Rows] | None:
    try:
        return traced.at(**inputs).reads
    except LayoutError:
        return None
