"""From a contract to its model, traced: everything that rules and terms may ask, worked out once."""

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
from archtrace.contract.traced import Flags, SourceRange, Traced
from archtrace.errors import LayoutError
from archtrace.ops import SCALINGS
from archtrace.reach.bound import Bound
from archtrace.readout.analysis import Analysis
from archtrace.readout.anatomy.excerpts import file_of
from archtrace.readout.expression import inputs_behind
from archtrace.readout.padding import flags_of_positions, tokens_carried, tokens_read
from archtrace.readout.selection import Selection, find_selection
from archtrace.readout.tensors import ReadTensor
from archtrace.setup.examination import SAMPLES, diagnosed
from archtrace.setup.given_texts import GivenTexts
from archtrace.setup.pad_id import refusal_without_pad_id
from archtrace.setup.serving.checkpoint_files import subject
from archtrace.setup.serving.served import serving
from archtrace.targets.tokenized import tokenizer_named
from archtrace.tracing.clock import Progress
from archtrace.tracing.trace import Trace, trace


def examine(contract: Contract, progress: Progress | None = None) -> Traced:
    """Trace a contract's target. Raises ArchtraceError where there is no answer."""
    path, overrides = (contract.config, {}) if isinstance(contract.config, str) else (None, contract.config or {})
    wishes: dict[str, Any] = {
        "num_labels": contract.num_labels,
        "config": Path(path) if path else None,
        "overrides": overrides,
    }
    found = trace(contract.target, **wishes, inputs=contract.inputs, progress=progress)
    return seen(contract, found, _setup(contract, found, wishes))


def _setup(contract: Contract, found: Trace, wishes: Mapping[str, Any]) -> Diagnosis | None:
    """The diagnosis of the model with the tokenizer that the contract names; None where it names none."""
    if contract.tokenizer is None:
        return None
    return diagnosed(
        found, contract.target, GivenTexts(tokenizer_named(contract.tokenizer), SAMPLES, sampled=True), wishes
    )


def seen(contract: Contract, found: Trace, setup: Diagnosis | None = None) -> Traced:
    """A trace as rules and contracts look at it."""
    vocabulary = lay.vocabulary(found.module if found.config is None else found.config)
    return Traced(
        contract=contract,
        result=found.result,
        pad=vocabulary.pad,
        eos=vocabulary.eos,
        told={layout.name: _told(layout, found.analysis, vocabulary) for layout in found.result.layouts},
        standing={name: _standing(found, name, vocabulary) for name in found.analysis.bounds},
        read_tokens={name: _read_tokens(found, name) for name in found.analysis.bounds},
        head=_head(found),
        batch_divisor=frozenset(
            t.name
            for t in found.analysis.tensors(next(iter(found.analysis.bounds)))
            if _divided_by_batch(_selection(found, t))
        ),
        length_divisor=frozenset(
            t.name
            for t in found.analysis.tensors(next(iter(found.analysis.bounds)))
            if _divided_by_length(_selection(found, t))
        ),
        places=tuple(_place(found, readout) for readout in found.readouts),
        at=lambda inputs: _read(found, inputs),
        refusal_without_pad_id=refusal_without_pad_id(found),
        served=_served(contract, found),
        setup=setup,
    )


def _served(contract: Contract, found: Trace) -> tuple[Served, ...]:
    """What the servers that the contract names pool."""
    if not contract.served_by:
        return ()
    servers = serving(found, subject(found, contract.target)).servers
    return tuple(each for each in servers if each.server in contract.served_by)


def _told(layout: LayoutResult, analysis: Analysis, vocabulary: Vocabulary) -> dict[str, dict[str, Flags]]:
    """Of each text, each way in which a model can tell padding."""
    inputs = {name: torch.as_tensor(value) for name, value in layout.inputs.items()}
    return {
        text: {way: tuple(map(tuple, flags.tolist())) for way, flags in lay.told(inputs, vocabulary, text).items()}
        for text in analysis.texts
    }


def _standing(found: Trace, layout: str, vocabulary: Vocabulary) -> dict[str, dict[str, Flags]]:
    """Of each read tensor, in each way to tell of the text that it carries, the positions that carry no padding."""
    inputs, standing_in = found.analysis.layouts[layout], dict[str, dict[str, Flags]]()
    for text, analysis in found.analysis.texts.items():
        ways = {way: flags.tolist() for way, flags in lay.told(inputs, vocabulary, text).items()}
        for tensor, carries in tokens_carried(analysis, layout).items():
            if tensor not in standing_in or any(map(any, carries)):
                standing_in[tensor] = {
                    way: flags_of_positions(flags, carries, default=True) for way, flags in ways.items()
                }
    return standing_in


def _read_tokens(found: Trace, layout: str) -> dict[str, dict[str, Rows]]:
    """Of each text, the tokens that the positions of each read tensor carry that are read."""
    return {text: _read_of(analysis, layout) for text, analysis in found.analysis.texts.items()}


def _read_of(analysis: Analysis, layout: str) -> dict[str, Rows]:
    carries, positions = tokens_carried(analysis, layout), analysis.positions[layout]
    return {t: tokens_read(rows, carries[t], len(positions.tokens)) for t, rows in positions.reads.items()}


def _head(found: Trace) -> tuple[str, ...]:
    """Modules with parameters of their own on the way to the logits, outside of every pretrained model."""
    modules = dict(found.module.named_modules(remove_duplicate=False))
    pretrained = tuple(f"{path}." for path, part in modules.items() if path and is_library_model(part))
    on_way = dict.fromkeys(path for readout in found.readouts for path in readout.path)
    return tuple(p for p in on_way if not f"{p}.".startswith(pretrained) and _has_parameters(modules.get(p)))


def _has_parameters(module: torch.nn.Module | None) -> bool:
    return module is not None and any(True for _ in module.parameters(recurse=False))


def _selection(found: Trace, tensor: ReadTensor) -> tuple[Bound, Selection, int]:
    """How positions of a read tensor are picked, in the first layout, and how many it has."""
    bound = next(iter(found.analysis.bounds.values()))
    others = frozenset(t.node for t in found.analysis.tensors(next(iter(found.analysis.bounds)))) - {tensor.node}
    length = bound.run.shape(tensor.node)[tensor.axis]
    return bound, find_selection(bound, tensor, length, others), length


def _divided_by_batch(picked: tuple[Bound, Selection, int]) -> bool:
    """True where what picks positions ends in a division by one number that the inputs of all rows make."""
    bound, chosen, _ = picked
    divisors = {ref for node in chosen.ops[1:] if node.op in SCALINGS for ref in node.refs}
    single = {r for r in divisors if (v := bound.known(r)) is not None and v.numel() == 1}
    return bool(inputs_behind(bound.program, single))


def _divided_by_length(picked: tuple[Bound, Selection, int]) -> bool:
    """True where the positions are averaged as they stand, or their sum is divided by how many there are."""
    _, chosen, length = picked
    if chosen.first is None:
        return False
    constants = [a for node in chosen.ops[1:] if node.op in SCALINGS for a in node.args]
    return chosen.first.op == "aten::mean" or length in constants


def _place(found: Trace, readout: Readout) -> SourceRange | None:
    """Where a readout's expression stands: the first line of it."""
    source = readout.source
    file = file_of(source, found.analysis.program) if source else None
    if source is None or file is None:
        return None
    line = linecache.getline(file, source.line).rstrip("\n")
    start = max(line.find(source.expression), 0) or len(line) - len(line.lstrip())
    end = start + len(source.expression) if source.expression in line else len(line)
    return SourceRange(str(Path(file).resolve()), source.line, start + 1, end + 1, source.function)


def _read(found: Trace, inputs: Mapping[str, Any]) -> Mapping[str, Rows] | None:
    try:
        return found.at(**inputs).reads
    except LayoutError:
        return None
