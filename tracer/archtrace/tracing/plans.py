"""Plans: the layouts in which a model is analysed, from its forward, its special ids and the inputs that are given."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace

import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.inputs import forwards
from archtrace.capture.inputs.features import features
from archtrace.capture.inputs.layouts import LENGTHS, ROWS, Plan, Signature, Vocabulary
from archtrace.capture.model import forward_of
from archtrace.errors import LayoutError, TargetError
from archtrace.reach.interpreter import Interpreter
from archtrace.readout.analysis import Analysis, Model, Programs
from archtrace.targets import head_kinds
from archtrace.targets.head_kinds import HeadKind
from archtrace.targets.target import Target

#: How many texts a row has where a model refuses rows of tokens.
TEXTS = 3
#: The fewest positions in which every layout has its place.
SHORTEST = 8


def analyse(
    model: Model, target: Target, inputs: Mapping[str, object] | None, output: str
) -> tuple[Analysis, Vocabulary, list[Plan]]:
    """The analysis of a model in its layouts, the vocabulary that these use, and the layouts of each length.

    Raises TargetError for inputs that are no tensors, LayoutError where the model refuses every layout.
    """
    tensors = {name: forwards.tensor_of(name, value, "inputs") for name, value in _unpacked(inputs or {}).items()}
    given = forwards.with_masks(forward_of(model[0]), tensors)
    model = model[0], {**forwards.labels_as_none(forward_of(model[0]), given), **model[1]}
    programs = Programs(model, output)
    try:
        return _analyse(programs, target, given)
    except LayoutError as error:
        # A model whose rows hold several documents, choices or windows refuses rows of tokens.
        if folded := _analyse_folded(programs, target, given):
            return folded
        raise error from None


def _analyse_folded(
    programs: Programs, target: Target, given: Mapping[str, torch.Tensor]
) -> tuple[Analysis, Vocabulary, list[Plan]] | None:
    """The same in layouts whose rows hold several texts; None where the model refuses these as well."""
    if forwards.is_complete(forward_of(programs.model[0]), given):
        return None
    try:
        return _analyse(programs, target, given, TEXTS)
    except LayoutError:
        return None


def _analyse(
    programs: Programs, target: Target, given: Mapping[str, torch.Tensor], choices: int = 1
) -> tuple[Analysis, Vocabulary, list[Plan]]:
    """The same in layouts of so many texts a row, until each id with which the program compares has layouts."""
    module, interpreter = programs.model[0], Interpreter()
    source = module if target.config is None else target.config
    vocabulary, compared = lay.vocabulary_of(source), frozenset[int]()
    while True:
        plans = _plans(module, vocabulary, given, choices)
        analysis = Analysis(programs, *plans[0], interpreter=interpreter)
        if analysis.special <= compared:
            analysis.bounds  # noqa: B018  a model that refuses all of them says so here
            return analysis, vocabulary, plans
        compared |= analysis.special
        vocabulary = lay.vocabulary_of(source, compared)


def _plans(
    module: torch.nn.Module, vocabulary: Vocabulary, given: Mapping[str, torch.Tensor], choices: int
) -> list[Plan]:
    """The layouts of each length. Inputs that leave nothing to guess are the only one; so are features alone, whose
    shape the config says."""
    forward, kind = forward_of(module), head_kinds.kind_of(type(module))
    if forwards.is_complete(forward, given):
        return [_given(given)]
    features = {**(_features(module, kind) if kind else {}), **given}
    if kind and features and "input_ids" not in inspect.signature(forward).parameters:
        return [({"full": features}, next(iter(features)), ())]
    # An input that is given beside the tokens may have a position for each of them.
    lengths = [v.shape[1] for v in given.values() if v.ndim > 1 and v.shape[0] == ROWS and v.shape[1] >= SHORTEST]
    names: Signature = replace(lay.signature(forward, features), choices=choices)
    if kind:
        names = names.with_head(max(choices, kind.choices), kind.needed)
    return [_standard(names, vocabulary, length, features) for length in lengths[:1] or LENGTHS]


def _standard(names: Signature, vocabulary: Vocabulary, length: int, given: Mapping[str, torch.Tensor]) -> Plan:
    """The usual layouts of a length, with what is given in each."""
    layouts = {name: {**layout, **given} for name, layout in lay.layouts(names, vocabulary, length).items()}
    return layouts, names.ids, tuple(text.ids for text in names.others)


def _unpacked(inputs: Mapping[str, object]) -> dict[str, object]:
    """The inputs by name, the parts of a batch that is given as a whole among them."""
    batches: list[Mapping[str, object]] = [v if isinstance(v, Mapping) else {n: v} for n, v in inputs.items()]
    return {name: value for batch in batches for name, value in batch.items()}


def _features(module: torch.nn.Module, kind: HeadKind) -> lay.Layout:
    """All the features that a head of pixels or sound takes, of other heads those that they need; in the parameters'
    dtype."""
    parameters = inspect.signature(module.forward).parameters
    names = parameters if kind.features else [name for name in kind.needed if name in parameters]
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    drawn = features(module.config, names, moving=kind.moving)
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in drawn.items()}


def _given(layout: Mapping[str, torch.Tensor]) -> Plan:
    texts = [text.ids for text in lay.texts_in(layout)]
    ids, *others = texts or [next(iter(layout))]
    if layout[ids].ndim < 2:
        raise TargetError(f"the tokens ({ids}) have shape {tuple(layout[ids].shape)}; rows and positions are needed")
    return {"given": dict(layout)}, ids, tuple(others)
