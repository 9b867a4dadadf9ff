"""Plans: the layouts in which a model is looked at, from its forward, its ids and what the user gives."""

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

#: How many texts a row is tried with where a model refuses rows of tokens.
TEXTS = 3
#: The fewest positions in which every layout has its place.
SHORTEST = 8


def looked_at(
    model: Model, target: Target, inputs: Mapping[str, object] | None, output: str
) -> tuple[Analysis, Vocabulary, list[Plan]]:
    """The model in its layouts. A first look finds the ids for which the program itself looks: each gets layouts."""
    told = {name: forwards.tensor_of(name, value, "inputs") for name, value in _unpacked(inputs or {}).items()}
    given = forwards.following(forward_of(model[0]), told)
    model = model[0], {**forwards.nothing(forward_of(model[0]), given), **model[1]}
    programs = Programs(model, output)
    try:
        return _first_look(programs, target, given)
    except LayoutError as error:
        # rows of documents, of choices, of windows: a model that takes those refuses rows of tokens
        if folded := _folded(programs, target, given):
            return folded
        raise error from None


def _folded(
    programs: Programs, target: Target, given: Mapping[str, torch.Tensor]
) -> tuple[Analysis, Vocabulary, list[Plan]] | None:
    """The model in layouts whose rows hold several texts; None where it refuses these as well."""
    if forwards.whole(forward_of(programs.model[0]), given):
        return None
    try:
        return _first_look(programs, target, given, TEXTS)
    except LayoutError:
        return None


def _first_look(
    programs: Programs, target: Target, given: Mapping[str, torch.Tensor], choices: int = 1
) -> tuple[Analysis, Vocabulary, list[Plan]]:
    module, interpreter = programs.model[0], Interpreter()
    source = module if target.config is None else target.config
    vocabulary, compared = lay.vocabulary(source), frozenset[int]()
    while True:
        plans = _plans(module, vocabulary, given, choices)
        analysis = Analysis(programs, *plans[0], interpreter=interpreter)
        if analysis.special <= compared:
            analysis.bounds  # noqa: B018  a model that refuses all of them says so here
            return analysis, vocabulary, plans
        compared |= analysis.special
        vocabulary = lay.vocabulary(source, compared)


def _plans(
    module: torch.nn.Module, vocabulary: Vocabulary, given: Mapping[str, torch.Tensor], choices: int
) -> list[Plan]:
    """The layouts of each length. What is given and leaves nothing to guess is the only one; so are features alone,
    which have the one that the config says."""
    forward, kind = forward_of(module), head_kinds.kind_of(type(module))
    if forwards.whole(forward, given):
        return [_given(given)]
    drawn = {**(_features(module, kind) if kind else {}), **given}
    if kind and drawn and "input_ids" not in inspect.signature(forward).parameters:
        return [({"full": drawn}, next(iter(drawn)), ())]
    # what is given beside the tokens may have a position for each of them
    own = [v.shape[1] for v in given.values() if v.ndim > 1 and v.shape[0] == ROWS and v.shape[1] >= SHORTEST]
    names: Signature = replace(lay.signature(forward, drawn), choices=choices)
    if kind:
        names = names.with_head(max(choices, kind.choices), kind.needed)
    return [_standard(names, vocabulary, n, drawn) for n in own[:1] or LENGTHS]


def _standard(names: Signature, vocabulary: Vocabulary, length: int, given: Mapping[str, torch.Tensor]) -> Plan:
    found = lay.layouts(names, vocabulary, length)
    return {name: {**layout, **given} for name, layout in found.items()}, names.ids, tuple(t.ids for t in names.others)


def _unpacked(inputs: Mapping[str, object]) -> dict[str, object]:
    """The inputs by name, the parts of a batch that is given as a whole among them."""
    batches: list[Mapping[str, object]] = [v if isinstance(v, Mapping) else {n: v} for n, v in inputs.items()]
    return {name: value for batch in batches for name, value in batch.items()}


def _features(module: torch.nn.Module, kind: HeadKind) -> lay.Layout:
    """All that a head of pixels or sound takes, else those that it wants; in the type of the module's own numbers."""
    taken = inspect.signature(module.forward).parameters
    asked = taken if kind.features else [name for name in kind.needed if name in taken]
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    found = features(module.config, asked, moving=kind.moving)
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in found.items()}


def _given(layout: Mapping[str, torch.Tensor]) -> Plan:
    found = [text.ids for text in lay.texts_in(layout)]
    ids, *also = found or [next(iter(layout))]
    if layout[ids].ndim < 2:
        raise TargetError(f"the tokens ({ids}) have shape {tuple(layout[ids].shape)}; rows and positions are needed")
    return {"given": dict(layout)}, ids, tuple(also)
