"""Other ids in the place of some, while the program's comparisons with special ids keep their results.

Such a comparison belongs to the layout: an ordinary id in the place of a pad leaves the padding where it is, and
changes only what is looked up, counted or sorted. The bound on the tokens is about these changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch

from archtrace.capture.validity import serves
from archtrace.witness.position_sets import TokenPlaces
from archtrace.witness.subject import Subject

#: From an id to another one.
IdMap: TypeAlias = Callable[[int], int]

#: How many ids of the layout are tried in the place of one.
OTHER_IDS = 6
#: Seeds for drawing all ids of a layout anew.
REDRAWS = range(3)


def ordinary_ids(subject: Subject, special: frozenset[int]) -> list[int]:
    """The ids of the layout that the program compares with nothing: any of them may stand in place of another."""
    ids = subject.layout[subject.name]
    return [] if ids.is_floating_point() else sorted(set(ids.flatten().tolist()) - special)


def shifts(count: int) -> list[int]:
    """By how many places an id is shifted among `count` ordinary ones, to try some of them in its place."""
    return sorted({1, *(count * part // OTHER_IDS for part in range(1, OTHER_IDS)), count - 1} - {0, -1, count})


def shift_ids(ordinary: Sequence[int], shift: int) -> IdMap:
    """From each ordinary id to the one `shift` places further on; from a special id to an ordinary one."""
    places = {ordinary_id: place for place, ordinary_id in enumerate(ordinary)}
    return lambda old: ordinary[(places.get(old, 0) + shift) % len(ordinary)]


def smallest_and_largest(ordinary: Sequence[int]) -> Iterator[IdMap]:
    """To the smallest id, and to the largest: in a sort, a maximum or a count one of the two shows what others hide."""
    for extreme in (ordinary[:1], ordinary[-1:]):
        yield from (lambda _, to=to: to for to in extreme)


def put_ids(subject: Subject, chosen: TokenPlaces, id_map: IdMap, base: torch.Tensor | None = None) -> torch.Tensor:
    """The ids, or those of `base`, with others at the chosen places."""
    given = subject.layout[subject.name] if base is None else base
    # Documents of texts have a row for each text.
    ids = given.clone().flatten(0, -2)
    for row, position in chosen:
        ids[row, position] = ids[row, position].clone().apply_(id_map)
    return ids.reshape(given.shape)


def keeps_program(subject: Subject, ids: torch.Tensor) -> bool:
    """Whether the model takes the same steps with other ids, where its code branches on them."""
    return not subject.bound.run.deciding or serves(subject.program, {**subject.layout, subject.name: ids})


def base_ids(subject: Subject, ordinary: Sequence[int]) -> Iterator[torch.Tensor]:
    """Other ids to start from: one id at all ordinary places, and all ids drawn anew.

    Beside equal ids a larger one is the largest; where 19 distinct ones are drawn from the middle, both the smallest id
    and the largest are new among them.
    """
    given = subject.layout[subject.name]
    ids = torch.tensor(ordinary, dtype=given.dtype)
    candidates = [torch.where(torch.isin(given, ids), extreme, given) for extreme in dict.fromkeys((ids[0], ids[-1]))]
    inner = ids[1:-1] if len(ids) > 2 else ids
    for seed in REDRAWS:
        generator = torch.Generator().manual_seed(seed)
        order = [torch.randperm(len(inner), generator=generator) for _ in range(given.numel() // len(inner) + 1)]
        candidates.append(inner[torch.cat(order)[: given.numel()]].reshape(given.shape))
    yield from (candidate for candidate in candidates if keeps_program(subject, candidate))
