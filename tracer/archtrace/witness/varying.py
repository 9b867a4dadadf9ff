"""Varying: which features change with the ids.

A gradient at a feature shows nothing of a token that the feature does not depend on, as in `weight * (ids - ids)`. What
is looked up by the ids themselves depends on them; whether what is computed from them first does, other ids show.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from archtrace.reach.marks import Marks
from archtrace.reach.values import known_tensor
from archtrace.witness.changes import constant
from archtrace.witness.ids import keeps_program, ordinary_ids, put_ids, shift_ids, shifts
from archtrace.witness.numeric import Replacement, Values, run
from archtrace.witness.subject import Subject


def varying(subject: Subject, special: frozenset[int], parameters: Values) -> Mapping[int, Marks]:
    """For each node of features that are computed from ids, the elements that change with other ids."""
    computed = subject.computed_entries
    masks = {e: np.zeros(subject.bound.run.shape(e), bool) for e in computed}
    ordinary = ordinary_ids(subject, special)
    if not computed or not ordinary:
        return masks
    before = _run(subject, parameters, {}, (*computed, *subject.comparisons))
    fixed = {n: constant(known_tensor(before[n])) for n in subject.comparisons}
    for shift in shifts(len(ordinary)):
        ids = put_ids(subject, subject.places, shift_ids(ordinary, shift))
        if keeps_program(subject, ids):
            after = _run(subject, parameters, {**fixed, subject.ids: constant(ids)}, computed)
            masks = {e: mask | _differs(known_tensor(before[e]), known_tensor(after[e])) for e, mask in masks.items()}
    return masks


def _run(subject: Subject, parameters: Values, change: Mapping[int, Replacement], keep: tuple[int, ...]) -> Values:
    with torch.no_grad():
        return run(subject.program, parameters, subject.layout, change, 0, keep)


def _differs(before: torch.Tensor, after: torch.Tensor) -> Marks:
    # Where parameters select elements, the shape may differ: then nothing can be compared.
    return (before != after).numpy() if before.shape == after.shape else np.array(False)
