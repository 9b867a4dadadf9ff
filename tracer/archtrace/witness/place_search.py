"""Which places move the logits when they are changed: places of tokens, or positions of a read tensor.

All places are changed together first: where that moves nothing, they are not tried one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch

from archtrace.answer.positions import Positions, Rows
from archtrace.reach.bound import batch_axis
from archtrace.reach.marks import Marks
from archtrace.witness.changes import CHANGES, SPIKES, Bench, Change, change_at
from archtrace.witness.ids import IdMap, keeps_program, put_ids
from archtrace.witness.position_sets import TokenPlaces, beyond, places, union
from archtrace.witness.probe import moving_singly
from archtrace.witness.subject import Subject

#: The most places that are changed one by one: a bound that no run shows to be tight costs no more.
MOST_PLACES = 64


def missing_places(bound: Rows, witnessed: Rows) -> list[tuple[int, int]]:
    """The places of the bound that no run has shown so far."""
    return places(beyond(Positions({}, bound), Positions({}, witnessed)).tokens)


def with_places(rows: Rows, shown: Iterable[tuple[int, int]]) -> Rows:
    """Positions by row, with further places."""
    by_row = list(shown)
    return union(rows, tuple(tuple(p for r, p in by_row if r == row) for row in range(len(rows))))


def on_other_features(subject: Subject, bench: Bench, change: Change) -> Bench:
    """The bench on which the features of all tokens are changed beforehand."""
    masks = subject.elements(subject.places)
    return bench.on({feature: change_at(mask, change) for feature, mask in masks.items()})


def places_by_ids(
    subject: Subject, bench: Bench, missing: TokenPlaces, id_map: IdMap, base: torch.Tensor | None = None
) -> Iterator[tuple[int, int]]:
    """The places where another id moves the logits."""

    def moves(chosen: TokenPlaces) -> bool:
        ids = put_ids(subject, chosen, id_map, base)
        if not keeps_program(subject, ids):
            # All ids at once may lead to another program, and each by itself to the same.
            return len(chosen) > 1
        return bool(bench.rows_moved_by_value(subject.ids, ids, subject.comparisons).any())

    yield from moving_singly(missing[:MOST_PLACES], moves)


def places_by_changes(
    bench: Bench,
    masks_of: Callable[[TokenPlaces], Mapping[int, Marks]],
    missing: TokenPlaces,
    fixed: Collection[int] = (),
    changes: Sequence[Change] = CHANGES,
) -> Iterator[tuple[int, int]]:
    """The places at which some change moves the logits, while the `fixed` nodes keep their values.

    `masks_of`: from places to the elements that are changed, by node.
    """
    left = list(missing[:MOST_PLACES])
    for change in changes if left else ():
        masks = masks_of(left)
        if not masks or not bench.rows_moved(masks, change, fixed).any():
            continue
        for place in list(left):
            if (mask := masks_of([place])) and bench.rows_moved(mask, change, fixed).any():
                left.remove(place)
                yield place
        if not left:
            break


def places_by_choice(
    bench: Bench,
    missing: TokenPlaces,
    node_axis: Mapping[int, int],
    other_axes: Mapping[int, int],
    subject: Subject,
) -> Iterator[tuple[int, int]]:
    """The places of a node at which a change moves the logits once another read tensor singles them out.

    `node_axis`, `other_axes`: the axis of positions, by node. In the other tensors each position is made the largest
    and the smallest in turn.
    """
    rows = range(subject.bound.run.shape(subject.program.output)[0])
    counts = [subject.bound.run.shape(n)[axis] for n, axis in other_axes.items()]
    left = list(missing)
    for position in range(min([MOST_PLACES, *counts]) if other_axes else 0):
        for spike in SPIKES if left else ():
            masks = element_masks(other_axes, subject, [(row, position) for row in rows])
            spiked = bench.on({n: change_at(mask, spike) for n, mask in masks.items()})

            def moves(chosen: TokenPlaces, spiked: Bench = spiked) -> bool:
                return bool(spiked.rows_moved(element_masks(node_axis, subject, chosen), CHANGES[0], other_axes).any())

            shown = list(moving_singly(left, moves))
            left = [place for place in left if place not in shown]
            yield from shown


def element_masks(axes: Mapping[int, int], subject: Subject, chosen: TokenPlaces) -> dict[int, Marks]:
    """The elements at some rows and positions of nodes; `axes`: the axis of positions, by node."""
    masks: dict[int, Marks] = {}
    for node, axis in axes.items():
        masks[node] = mask = np.zeros(subject.bound.run.shape(node), dtype=np.bool_)
        for row, position in chosen:
            index: list[int | slice] = [slice(None)] * mask.ndim
            index[batch_axis(axis)], index[axis] = row, position
            mask[tuple(index)] = True
    return masks
