"""Other ids in the place of some, while what the program's comparisons with special ids say stays as it is.

Such a comparison is structure (reach.tokens): an ordinary id in the place of a pad leaves the padding where it is, and
changes what is looked up, counted or sorted. That is what the bound on the tokens speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch

from archtrace.capture.validity import serves
from archtrace.witness.position_sets import TokenPlaces
from archtrace.witness.subject import Subject

#: From an id to another one.
Another: TypeAlias = Callable[[int], int]

#: Ids of the layout that are tried in the place of one.
OTHER_IDS = 6
#: Draws of all ids of a layout anew.
ANEW = range(3)


def other_ids(subject: Subject, special: frozenset[int]) -> list[int]:
    """Ids of the layout for which the program does not look: any of them may stand in place of another."""
    ids = subject.layout[subject.name]
    return [] if ids.is_floating_point() else sorted(set(ids.flatten().tolist()) - special)


def shifts(count: int) -> list[int]:
    """By how much an id is moved on among `count` ordinary ones, to try some of them in its place."""
    return sorted({1, *(count * part // OTHER_IDS for part in range(1, OTHER_IDS)), count - 1} - {0, -1, count})


def moved_on(ordinary: Sequence[int], shift: int) -> Another:
    """Each ordinary id moved on among them; a special one gives way to one of them as well."""
    places = {each: place for place, each in enumerate(ordinary)}
    return lambda each: ordinary[(places.get(each, 0) + shift) % len(ordinary)]


def extremes(ordinary: Sequence[int]) -> Iterator[Another]:
    """The smallest id and the largest: in a sort, a maximum or a count one of them tells what others hide."""
    for each in (ordinary[:1], ordinary[-1:]):
        yield from (lambda _, to=to: to for to in each)


def put_ids(subject: Subject, chosen: TokenPlaces, another: Another, base: torch.Tensor | None = None) -> torch.Tensor:
    """The ids, or those of `base`, with others at the chosen places."""
    given = subject.layout[subject.name] if base is None else base
    # rows as the tokens are told: documents of texts have one for each text
    ids = given.clone().flatten(0, -2)
    for row, position in chosen:
        ids[row, position] = ids[row, position].clone().apply_(another)
    return ids.reshape(given.shape)


def runs(subject: Subject, ids: torch.Tensor) -> bool:
    """Whether the program is the same with other ids, where they decide anything of how it goes on."""
    return not subject.bound.run.deciding or serves(subject.program, {**subject.layout, subject.name: ids})


def bases(subject: Subject, ordinary: Sequence[int]) -> Iterator[torch.Tensor]:
    """Layouts of other ids to begin with: one id at all ordinary places, and all ids drawn anew.

    Beside equal ids a larger one is the largest; where 19 distinct ones are drawn from the middle, both the smallest id
    and the largest are new among them.
    """
    given = subject.layout[subject.name]
    known = torch.tensor(ordinary, dtype=given.dtype)
    found = [torch.where(torch.isin(given, known), each, given) for each in dict.fromkeys((known[0], known[-1]))]
    inner = known[1:-1] if len(known) > 2 else known
    for seed in ANEW:
        generator = torch.Generator().manual_seed(seed)
        order = [torch.randperm(len(inner), generator=generator) for _ in range(given.numel() // len(inner) + 1)]
        found.append(inner[torch.cat(order)[: given.numel()]].reshape(given.shape))
    yield from (ids for ids in found if runs(subject, ids))
