"""The kind of a readout, named from behaviour: which positions it reads in many layouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from archtrace.layouts import IDS, MASKS, Vocabulary
from archtrace.results import KindName, Rows


@dataclass(frozen=True)
class Case:
    """What a readout reads in one layout: the positions of each row, of `length`, and the layout's inputs."""

    rows: Rows
    length: int
    inputs: Mapping[str, torch.Tensor]
    words: Vocabulary

    def attended(self) -> list[torch.Tensor]:
        """The ways in which a model can tell padding: by the mask, by the id."""
        masks = [self.inputs[n] != 0 for n in MASKS if n in self.inputs and self.inputs[n].ndim == 2]
        ids = [self.inputs[n] for n in IDS if n in self.inputs and self.inputs[n].ndim == 2]
        return masks + [i != self.words.pad for i in ids if self.words.pad is not None]

    def ends(self) -> list[torch.Tensor]:
        """Where eos stands."""
        ids = [self.inputs[n] for n in IDS if n in self.inputs and self.inputs[n].ndim == 2]
        return [i == self.words.eos for i in ids if self.words.eos is not None]

    def full(self) -> Rows:
        """Every position of every row."""
        return tuple(tuple(range(self.length)) for _ in self.rows)


def _last(flags: torch.Tensor) -> Rows:
    return tuple(tuple(row.nonzero().flatten().tolist()[-1:]) for row in flags)


def _where(flags: torch.Tensor) -> Rows:
    return tuple(tuple(row.nonzero().flatten().tolist()) for row in flags)


#: kind of one position -> the rows that it predicts, one way or several to tell padding.
SINGLE: Mapping[KindName, Callable[[Case], Sequence[Rows]]] = {
    "first": lambda case: [((0,),) * len(case.rows)],
    "last": lambda case: [((case.length - 1,),) * len(case.rows)],
    "last_non_pad": lambda case: [_last(flags) for flags in case.attended()],
    "last_eos": lambda case: [_last(flags) for flags in case.ends()],
}


def fits(cases: Sequence[Case], predict: Callable[[Case], Sequence[Rows]]) -> bool:
    """True when one way of telling padding predicts the positions of every case."""
    predictions = [predict(case) for case in cases]
    ways = min((len(p) for p in predictions), default=0)
    return any(all(p[way] == case.rows for p, case in zip(predictions, cases, strict=True)) for way in range(ways))


def kind_of(cases: Sequence[Case], pooled: KindName, *, tokens: bool) -> KindName:
    """The kind that explains every case.

    `pooled` says how many positions become one (mean, max, attention, all), as the ops between tell; `tokens` is
    False where the axis of the tensor is not that of the tokens.
    """
    if all(not any(case.rows) for case in cases):
        return "none"
    for kind, predict in SINGLE.items():
        if fits(cases, predict):
            return kind
    if len({row for case in cases for row in case.rows}) == 1 and len(cases[0].rows[0]) == 1:
        return "fixed"
    if fits(cases, lambda case: [case.full()]):
        return pooled if tokens else "latents"
    if fits(cases, lambda case: [_where(flags) for flags in case.attended()]):
        return "masked_mean" if pooled == "mean" else pooled
    return "other"
