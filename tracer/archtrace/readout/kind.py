"""The kind of a readout, named from behaviour: which positions it reads in many layouts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from archtrace.answer.kinds import Flags, Setting, kinds_of_one_position, unpadded_positions, without_padding
from archtrace.answer.positions import Rows
from archtrace.answer.result import KindName
from archtrace.capture.inputs.input_names import IDS
from archtrace.capture.inputs.layouts import COUNTS, TELLING, Vocabulary, attended_by
from archtrace.readout.analysis import Carried
from archtrace.readout.padding import flags_of_positions

#: Runs of as many positions are written as a range.
LONG = 5


@dataclass(frozen=True)
class Case:
    """What a readout reads in one layout: the positions of each row, of `length`, and the layout's inputs.

    `constant` are the positions whose hidden state cannot change (zeros under padding): they tell no kind from another.
    `carries`: the tokens of the input `ids` that each position stands for, which may be padding or eos; None where
    position i stands for token i.
    """

    rows: Rows
    constant: Rows
    length: int
    inputs: Mapping[str, torch.Tensor]
    vocabulary: Vocabulary
    carries: Carried | None = None
    ids: str = ""

    def unpadded(self) -> dict[str, torch.Tensor]:
        """Which tokens are no padding, by each way in which a model may find out, as that is written."""
        return attended_by(self.inputs, self.vocabulary, self.ids)

    @property
    def in_place(self) -> bool:
        """True where no position carries the token of another one."""
        rows = self.carries or ()
        return all({t for _, t in tokens} <= {p} for row in rows for p, tokens in enumerate(row))

    def _of_positions(self, flags: torch.Tensor, *, default: bool) -> Flags:
        listed: Flags = flags.tolist()
        return listed if self.carries is None else flags_of_positions(listed, self.carries, default=default)

    def ends(self) -> list[torch.Tensor]:
        """Which tokens are eos."""
        names = (self.ids,) if self.ids else IDS
        ids = [self.inputs[n].flatten(0, -2) for n in names if n in self.inputs and self.inputs[n].ndim >= 2]
        return [i == self.vocabulary.eos for i in ids if self.vocabulary.eos is not None]

    def setting(self) -> Setting:
        """The same as plain values, as the kinds' predictions take it."""
        # A program that looks for eos among ids takes the position of that index, whatever token stands there (a
        # decoder's states are those of the tokens before): both are predicted.
        by_way, eos = list(self.unpadded().values()), self.ends()
        unpadded = tuple(self._of_positions(flags, default=True) for flags in by_way) + _plain(by_way)
        ends = tuple(self._of_positions(flags, default=False) for flags in eos) + _plain(eos)
        return Setting(len(self.rows), self.length, unpadded, ends)

    def full(self) -> Rows:
        """Every position of every row."""
        return tuple(tuple(range(self.length)) for _ in self.rows)


def _plain(ways: Sequence[torch.Tensor]) -> tuple[Flags, ...]:
    return tuple(flags.tolist() for flags in ways)


def _where(flags: torch.Tensor) -> Rows:
    return tuple(tuple(row.nonzero().flatten().tolist()) for row in flags)


def fits(cases: Sequence[Case], predict: Callable[[Case], Sequence[Rows]]) -> bool:
    """True when the prediction fits every case, by one and the same way of finding padding."""
    predictions = [predict(case) for case in cases]
    ways = min((len(p) for p in predictions), default=0)
    return any(
        all(
            _without(p[way], case.constant) == _without(case.rows, case.constant)
            for p, case in zip(predictions, cases, strict=True)
        )
        for way in range(ways)
    )


def _without(rows: Rows, constant: Rows) -> Rows:
    if len(rows) != len(constant):
        return rows  # of a tensor with rows of its own, which no row of the tokens predicts
    return tuple(tuple(p for p in row if p not in fixed) for row, fixed in zip(rows, constant, strict=True))


def kind_of(cases: Sequence[Case], pooled: KindName, *, tokens: bool) -> KindName:
    """The kind that explains every case.

    `pooled` says how many positions become one (mean, max, attention, all), as the ops between show; `tokens` is
    False where the axis of the tensor is not that of the tokens.
    """
    # One position for each row is named before a set is: the last of one token is also the mean of it.
    if all(not any(case.rows) for case in cases):
        return "none"
    for kind, predict in kinds_of_one_position().items():
        if fits(cases, lambda case, predict=predict: predict(case.setting())):  # type: ignore[misc]
            return kind
    if len({row for case in cases for row in case.rows}) == 1 and len(cases[0].rows[0]) == 1:
        return "fixed"
    if fits(cases, lambda case: [case.full()]):
        return pooled if tokens else "latents"
    # A mask of tokens is no subscript of positions that carry others.
    if all(case.in_place for case in cases) and fits(cases, lambda case: unpadded_positions(case.setting())):
        return without_padding(pooled)
    return "other"


def mask_of(cases: Sequence[Case]) -> str | None:
    """The mask of the positions that are read, where these are the ones that are no padding; else None."""
    if not cases or fits(cases, lambda case: [case.full()]):
        return None
    ways = list(cases[0].unpadded())
    way_read = next((way for way in ways if all(_where(case.unpadded()[way]) == case.rows for case in cases)), None)
    return None if way_read is None else _as_mask(way_read, cases[0].inputs)


def last_of(cases: Sequence[Case]) -> str | None:
    """A formula for the last position that is no padding; None where another one is read."""
    ways = list(cases[0].unpadded())
    lasts = ((way, [_last(case.unpadded()[way]) for case in cases]) for way in ways)
    way_read = next((way for way, rows in lasts if rows == [case.rows for case in cases]), None)
    mask = None if way_read is None else _as_mask(way_read, cases[0].inputs)
    return None if mask is None else f"argmax(arange(s) * {f'({mask})' if ' ' in mask else mask})"


def _last(flags: torch.Tensor) -> Rows:
    return tuple(row[-1:] for row in _where(flags))


def _as_mask(way: str, inputs: Mapping[str, torch.Tensor]) -> str:
    """A way to find padding, as an expression that is true where there is none."""
    if way in COUNTS:
        return f"arange(s) < {way}[:, None]"
    if way in TELLING:  # those are true where padding is
        return f"~{way}" if inputs[way].dtype == torch.bool else f"{way} == 0"
    return way


def constant(cases: Sequence[Case]) -> str | None:
    """The positions as a constant subscript ("3", "1:", "[0, -1]"); None where they depend on row or layout."""
    if not cases or any(len(set(case.rows)) != 1 or not case.rows[0] for case in cases):
        return None
    sets = [(case.rows[0], case.length) for case in cases]
    return _span(sets) or _listed(sets)


def _span(sets: Sequence[tuple[tuple[int, ...], int]]) -> str | None:
    """Neighbours as a slice, each end counted from the front or else from the back: "1:", "-7:", "3"."""
    starts = {positions[0] for positions, _ in sets}
    stops = {positions[-1] + 1 for positions, _ in sets}
    back = {positions[0] - length for positions, length in sets}
    ends = {positions[-1] + 1 - length for positions, length in sets}
    gaps = any(positions[-1] - positions[0] >= len(positions) for positions, _ in sets)
    if gaps or min(len(starts), len(back)) > 1 or min(len(stops), len(ends)) > 1:
        return None
    start, end = (starts if len(starts) == 1 else back).pop(), ends.pop()
    stop = "" if end == 0 else str(end) if len(stops) > 1 else str(stops.pop())
    one_position = all(len(positions) == 1 for positions, _ in sets) and (stop or start < 0)
    return str(start) if one_position else f"{start or ''}:{stop}"


def _listed(sets: Sequence[tuple[tuple[int, ...], int]]) -> str | None:
    """Positions that are the same from the front, or from the back, in every case: "[0, -1]", "[0, *range(-49, 0)]"."""
    in_front = set.intersection(*(set(positions) for positions, _ in sets))
    from_back = set.intersection(*({p - length for p in positions} for positions, length in sets))
    if any({*in_front, *(b + length for b in from_back)} != set(positions) for positions, length in sets):
        return None
    # What stands at one place from both ends, only because of the lengths that were tried, is counted from the back.
    from_front = {f for f in in_front if any(f - length not in from_back for _, length in sets)}
    if all(in_front == set(positions) for positions, _ in sets):
        from_front, from_back = in_front, set()
    return f"[{', '.join([*_runs(from_front), *_runs(from_back)])}]"


def _runs(numbers: Collection[int]) -> Iterator[str]:
    """Numbers in order, long runs of them as ranges."""
    left = sorted(numbers)
    while left:
        count = next((n for n in range(1, len(left)) if left[n] != left[0] + n), len(left))
        yield from map(str, left[:count]) if count < LONG else [f"*range({left[0]}, {left[count - 1] + 1})"]
        left = left[count:]
