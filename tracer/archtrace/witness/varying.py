"""Varying: which features are others with other ids.

A gradient at a feature says nothing of a token that the feature does not depend on, as in `weight * (ids - ids)`. What
is looked up by the ids themselves does; of what is computed from them before, other ids tell.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from archtrace.reach.marks import Marks
from archtrace.reach.values import known_tensor
from archtrace.witness.changes import constant
from archtrace.witness.ids import moved_on, other_ids, put_ids, runs, shifts
from archtrace.witness.numeric import Replacement, Values, run
from archtrace.witness.subject import Subject


def varying(subject: Subject, special: frozenset[int], given: Values) -> Mapping[int, Marks]:
    """For each node of features computed from ids, the elements that other ids make others; `given`: the parameters."""
    asked = subject.computed
    found = {e: np.zeros(subject.bound.run.shape(e), bool) for e in asked}
    ordinary = other_ids(subject, special)
    if not asked or not ordinary:
        return found
    before = _run(subject, given, {}, (*asked, *subject.comparisons))
    held = {n: constant(known_tensor(before[n])) for n in subject.comparisons}
    for shift in shifts(len(ordinary)):
        ids = put_ids(subject, subject.places, moved_on(ordinary, shift))
        if runs(subject, ids):
            after = _run(subject, given, {**held, subject.ids: constant(ids)}, asked)
            found = {e: mask | _differs(known_tensor(before[e]), known_tensor(after[e])) for e, mask in found.items()}
    return found


def _run(subject: Subject, given: Values, change: Mapping[int, Replacement], kept: tuple[int, ...]) -> Values:
    with torch.no_grad():
        return run(subject.program, given, subject.layout, change, 0, kept)


def _differs(before: torch.Tensor, after: torch.Tensor) -> Marks:
    # Where parameters select, a size may be another: then nothing is told.
    return (before != after).numpy() if before.shape == after.shape else np.array(False)
