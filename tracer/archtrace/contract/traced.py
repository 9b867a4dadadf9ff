"""A traced model as rules and contracts look at it: plain values, no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.kinds import KINDS
from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Readout, Result
from archtrace.answer.serving import Served
from archtrace.contract.contract import Contract

#: For each row which positions are no padding.
Flags: TypeAlias = tuple[tuple[bool, ...], ...]


class Broken(NamedTuple):
    """What is wrong with a model: under which code, in words, and about which term of the contract. `readout` is the
    number of the readout at whose source line it is told; None where no line of the model's code does it."""

    code: str
    message: str
    term: str = "target"
    readout: int | None = None


class ReadPosition(NamedTuple):
    """One position that a readout takes: in which layout and row, and the last one there that is no padding."""

    layout: str
    row: int
    position: int
    attended: bool
    last: int


class Leak(NamedTuple):
    """Masked positions of one row of one layout that reach the logits."""

    layout: str
    row: int
    positions: tuple[int, ...]


class SourceRange(NamedTuple):
    """A line of a file on this machine, by its absolute path; lines and columns count from 1, the end is exclusive."""

    path: str
    line: int
    col: int
    end_col: int
    function: str


@dataclass(frozen=True, eq=False)
class Traced:
    """`pad` and `eos`: the ids, None where there is none. `told`: per layout and text (the input that holds its
    tokens), each way in which a model can tell padding, by token; `standing`: the same per layout and read tensor, by
    position, asked of the token that it carries; `read_tokens`: per layout, text and read tensor, the tokens that are
    read. `head`: the modules with parameters between readouts and logits that no pretrained model holds.
    `batch_divisor`: read tensors whose sum is divided by a count over the whole batch; `length_divisor`: by the padded
    length. `places`: of each readout.

    `at` asks for another layout: what is read, None where the model refuses. `refusal_without_pad_id` is what the model
    says to two rows without a pad id, where its config has none; None where there is one, or nothing happens. `served`:
    what the servers that the contract names pool. `setup`: the diagnosis with the tokenizer that the contract names.
    """

    contract: Contract
    result: Result
    pad: int | None
    eos: int | None
    told: Mapping[str, Mapping[str, Mapping[str, Flags]]]
    standing: Mapping[str, Mapping[str, Mapping[str, Flags]]]
    read_tokens: Mapping[str, Mapping[str, Mapping[str, Rows]]]
    head: tuple[str, ...]
    batch_divisor: frozenset[str]
    length_divisor: frozenset[str]
    places: tuple[SourceRange | None, ...]
    at: Callable[[Mapping[str, Any]], Mapping[str, Rows] | None]
    refusal_without_pad_id: str | None
    served: tuple[Served, ...] = ()
    setup: Diagnosis | None = None

    @cached_property
    def layouts(self) -> tuple[LayoutResult, ...]:
        """The layouts that the model runs."""
        return tuple(layout for layout in self.result.layouts if layout.refused is None)

    def readouts(self, *kinds: str) -> Iterator[tuple[int, Readout]]:
        """The readouts of these kinds, with their numbers."""
        return ((n, readout) for n, readout in enumerate(self.result.readouts) if readout.kind in kinds)

    def attended(self, layout: str) -> Flags | None:
        """Which tokens of a layout are no padding, by the mask, else by the id; None where nothing tells. Of several
        texts it is the first."""
        return next((next(iter(ways.values()), None) for ways in self.told[layout].values()), None)

    def fits(self, readout: Readout, predict: Callable[[Sequence[bool]], int]) -> bool:
        """Whether one way to tell padding predicts the one position read of each row, in every layout."""
        seen = [
            (layout.bound.reads[readout.tensor], self.standing[layout.name][readout.tensor])
            for layout in self.layouts
            if readout.tensor in layout.bound.reads
        ]
        return any(
            all(row == (predict(flags),) for read, told in seen for row, flags in zip(read, told[way]))  # noqa: B905
            for way in (seen[0][1] if seen else ())
        )

    @cached_property
    def leaks(self) -> tuple[Leak, ...]:
        """Where masked tokens reach the logits otherwise than by one index, or a mean, that falls on them."""
        return tuple(leak for layout in self.layouts for leak in self._leaking(layout))

    def _leaking(self, layout: LayoutResult) -> Iterator[Leak]:
        bound = layout.bound
        for ways, reached, read in zip(
            self.told[layout.name].values(),
            (bound.tokens, *bound.others.values()),
            self.read_tokens[layout.name].values(),
            strict=True,
        ):
            yield from self._leaking_of(layout, next(iter(ways.values()), ()), reached, read)

    def _leaking_of(
        self, layout: LayoutResult, told: Flags, reached: Rows, tokens: Mapping[str, Rows]
    ) -> Iterator[Leak]:
        """The same of one text."""
        picked = [tokens.get(r.tensor, ()) for r in self.result.readouts if not KINDS[r.kind].mixes]
        for row, flags in enumerate(told):
            read = {token for rows in picked if row < len(rows) for token in rows[row]}
            leaking = [p for p in reached[row] if not flags[p] and p not in read]
            if leaking:
                yield Leak(layout.name, row, tuple(leaking))

    def dead_names(self, dead: Sequence[str]) -> tuple[str, ...]:
        """Names of dead parameters; `module.*` for those of a module that is dead as a whole."""
        modules = self.result.dead_modules
        return tuple(dict.fromkeys(next((f"{m}.*" for m in modules if n.startswith(f"{m}.")), n) for n in dead))

    def reads(self, readout: Readout) -> Iterator[ReadPosition]:
        """What a readout takes where padding can be told and one position a row is taken."""
        for layout in self.layouts:
            flags = next(iter(self.standing[layout.name].get(readout.tensor, {}).values()), ())
            for there, (number, row) in zip(flags, enumerate(layout.bound.reads.get(readout.tensor, ()))):  # noqa: B905
                if len(row) == 1 and row[0] < len(there):
                    last = max((p for p, flag in enumerate(there) if flag), default=-1)
                    yield ReadPosition(layout.name, number, row[0], there[row[0]], last)


def worded(read: ReadPosition) -> str:
    """A read within a sentence."""
    what = "" if read.attended else ", a pad"
    return f"{read.layout.replace('_', ' ')}, row {read.row}: position {read.position}{what}"
