"""The model itself, run with other ids, where its Python takes ids out of tensors.

A program holds for the ids that Python saw (numpy, a list, a count of distinct ids). With others it would be another
one, so that nothing can be changed in it; the model itself runs with any.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from archtrace.capture.higher import without_compile
from archtrace.capture.inputs.signature import arrange_arguments
from archtrace.capture.outputs import output_of
from archtrace.capture.preserve import restored
from archtrace.capture.quiet import quiet
from archtrace.capture.random_parameters import random_parameters
from archtrace.witness.ids import Another, moved_on, other_ids, put_ids, shifts
from archtrace.witness.position_sets import TokenPlaces
from archtrace.witness.probe import moving_singly
from archtrace.witness.replay import ROUNDINGS, seeded
from archtrace.witness.subject import Subject

Inputs = Mapping[str, torch.Tensor]
#: Draws of the parameters: which of 19 positions is the largest in some feature is another matter in each.
SEEDS = range(4)


def moving_tokens(
    subject: Subject,
    model: tuple[torch.nn.Module, dict[str, Any]],
    places: TokenPlaces,
    special: frozenset[int],
) -> set[tuple[int, int]]:
    """Of some tokens those in whose place another ordinary id moves the model's output."""
    ordinary = other_ids(subject, special)
    # The model itself compares anew: a special id in another's place would be another structure.
    left = tried = [place for place in places if _is_ordinary(subject, place, special)]
    for seed in SEEDS:
        with restored(model[0]), random_parameters(model[0], seed), torch.no_grad(), quiet(), without_compile():
            before = len(left)
            output = _output(model, subject.layout, subject.program.output_name)
            for shift in shifts(len(ordinary)):
                moves = partial(_moves, subject, model, output, moved_on(ordinary, shift))
                # Once each by itself: moved on together, as many ids are distinct as before.
                singly = seed == SEEDS[0] and shift == 1
                found = {place for place in left if moves([place])} if singly else set(moving_singly(left, moves))
                left = [place for place in left if place not in found]
        # A draw that shows nothing new is the last: what no draw has shown will hardly be shown by the next.
        if not left or len(left) == before:
            break
    return set(tried).difference(left)


def _is_ordinary(subject: Subject, place: tuple[int, int], special: frozenset[int]) -> bool:
    return special.isdisjoint(subject.layout[subject.name].flatten(0, -2)[place].flatten().tolist())


def _moves(
    subject: Subject,
    model: tuple[torch.nn.Module, dict[str, Any]],
    before: torch.Tensor | None,
    another: Another,
    some: TokenPlaces,
) -> bool:
    """Whether other ids at some places together move the output."""
    ids = put_ids(subject, some, another)
    return _moved(before, _output(model, {**subject.layout, subject.name: ids}, subject.program.output_name))


def _output(model: tuple[torch.nn.Module, dict[str, Any]], inputs: Inputs, asked: str) -> torch.Tensor | None:
    """The output of the model as it is now; None where it refuses these inputs."""
    module, options = model
    try:
        with seeded():
            copies = {name: value.clone() for name, value in inputs.items()}
            args, named = arrange_arguments(module.forward, {**copies, **options})
            return output_of(module(*args, **named), asked)
    except Exception:  # the model's own code runs here, on ids that it may refuse
        return None


def _moved(before: torch.Tensor | None, after: torch.Tensor | None) -> bool:
    """Whether two outputs differ by more than rounding in their type; another shape, or no number, shows nothing."""
    if before is None or after is None or before.shape != after.shape or not before.dtype.is_floating_point:
        return False
    gap = (after.double() - before.double()).abs()
    finite = before[torch.isfinite(before)].abs()
    scale = max(1.0, float(finite.amax())) if finite.numel() else 1.0
    return bool((gap[torch.isfinite(gap)] > ROUNDINGS * torch.finfo(before.dtype).eps * scale).any())
