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

#: For each row, which positions are no padding.
Flags: TypeAlias = tuple[tuple[bool, ...], ...]
#: For each way in which a model can tell padding (a mask, the pad id, counts), the flags that it gives.
FlagsByWay: TypeAlias = Mapping[str, Flags]


class ContractViolation(NamedTuple):
    """What is wrong with a model: the code, the message, and the term of the contract that it is about. `readout` is
    the number of the readout at whose source line it is reported; None where no line of the model's code causes it."""

    code: str
    message: str
    term: str = "target"
    readout: int | None = None


class ReadPosition(NamedTuple):
    """The one position that a readout takes in a row of a layout. `attended`: it is no padding; `last`: the last
    position of the row that is none, -1 where all are padding."""

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
class TracedModel:
    """`pad` and `eos`: the ids, None where there is none.

    `attended_tokens`: per layout and text (the input that holds its ids), which tokens are no padding.
    `attended_positions`: per layout and read tensor, which positions carry a token that is no padding.
    `read_tokens`: per layout, text and read tensor, the tokens that are read.
    `head`: the modules with parameters between readouts and logits that belong to no pretrained model.
    `divided_by_batch_count`: the read tensors whose sum is divided by a count over the whole batch;
    `divided_by_padded_length`: those whose sum is divided by the padded length.
    `source_ranges`: for each readout, where its expression stands in the model's code.
    `reads_for`: from other inputs to what is read of them; None where the model refuses them.
    `refusal_without_pad_id`: what the model raises for two rows where its config has no pad id; None where the config
    has one, or the model raises nothing.
    `served`: what the servers that the contract names pool. `setup`: the diagnosis with the contract's tokenizer.
    """

    contract: Contract
    result: Result
    pad: int | None
    eos: int | None
    attended_tokens: Mapping[str, Mapping[str, FlagsByWay]]
    attended_positions: Mapping[str, Mapping[str, FlagsByWay]]
    read_tokens: Mapping[str, Mapping[str, Mapping[str, Rows]]]
    head: tuple[str, ...]
    divided_by_batch_count: frozenset[str]
    divided_by_padded_length: frozenset[str]
    source_ranges: tuple[SourceRange | None, ...]
    reads_for: Callable[[Mapping[str, Any]], Mapping[str, Rows] | None]
    refusal_without_pad_id: str | None
    served: tuple[Served, ...] = ()
    setup: Diagnosis | None = None

    @cached_property
    def layouts(self) -> tuple[LayoutResult, ...]:
        """The layouts that the model runs."""
        return tuple(layout for layout in self.result.layouts if layout.refused is None)

    @property
    def full_layout(self) -> LayoutResult | None:
        """The layout without padding; None where the model refuses it."""
        return next((layout for layout in self.layouts if layout.name == "full"), None)

    def readouts(self, *kinds: str) -> Iterator[tuple[int, Readout]]:
        """The readouts of these kinds, with their numbers."""
        return ((n, readout) for n, readout in enumerate(self.result.readouts) if readout.kind in kinds)

    def attended(self, layout: str) -> Flags | None:
        """Which tokens of a layout are no padding, by the mask, else by the id; None where no input tells. Where there
        are several texts, those of the first."""
        return next((next(iter(ways.values()), None) for ways in self.attended_tokens[layout].values()), None)

    def fits(self, readout: Readout, predict: Callable[[Sequence[bool]], int]) -> bool:
        """Whether one way to tell padding predicts the one position read of each row, in every layout."""
        cases = [
            (layout.bound.reads[readout.tensor], self.attended_positions[layout.name][readout.tensor])
            for layout in self.layouts
            if readout.tensor in layout.bound.reads
        ]
        return any(
            all(row == (predict(flags),) for read, ways in cases for row, flags in zip(read, ways[way]))  # noqa: B905
            for way in (cases[0][1] if cases else ())
        )

    @cached_property
    def leaks(self) -> tuple[Leak, ...]:
        """Where masked tokens reach the logits otherwise than by one index, or a mean, that falls on them."""
        return tuple(leak for layout in self.layouts for leak in self._leaks_of_layout(layout))

    def _leaks_of_layout(self, layout: LayoutResult) -> Iterator[Leak]:
        bound = layout.bound
        for ways, reached, read in zip(
            self.attended_tokens[layout.name].values(),
            (bound.tokens, *bound.others.values()),
            self.read_tokens[layout.name].values(),
            strict=True,
        ):
            yield from self._leaks_of_text(layout, next(iter(ways.values()), ()), reached, read)

    def _leaks_of_text(
        self, layout: LayoutResult, attended: Flags, reached: Rows, read_tokens: Mapping[str, Rows]
    ) -> Iterator[Leak]:
        picked = [read_tokens.get(r.tensor, ()) for r in self.result.readouts if not KINDS[r.kind].mixes]
        for row, flags in enumerate(attended):
            read = {token for rows in picked if row < len(rows) for token in rows[row]}
            leaking = [p for p in reached[row] if not flags[p] and p not in read]
            if leaking:
                yield Leak(layout.name, row, tuple(leaking))

    def dead_names(self, dead: Sequence[str]) -> tuple[str, ...]:
        """Names of dead parameters; `module.*` for those of a module that is dead as a whole."""
        modules = self.result.dead_modules
        return tuple(dict.fromkeys(next((f"{m}.*" for m in modules if n.startswith(f"{m}.")), n) for n in dead))

    def reads(self, readout: Readout) -> Iterator[ReadPosition]:
        """The positions that a readout takes, where it takes one in a row and the inputs tell padding."""
        for layout in self.layouts:
            attended = next(iter(self.attended_positions[layout.name].get(readout.tensor, {}).values()), ())
            rows = enumerate(layout.bound.reads.get(readout.tensor, ()))
            for flags, (number, row) in zip(attended, rows):  # noqa: B905
                if len(row) == 1 and row[0] < len(flags):
                    last = max((p for p, flag in enumerate(flags) if flag), default=-1)
                    yield ReadPosition(layout.name, number, row[0], flags[row[0]], last)


def in_words(read: ReadPosition) -> str:
    """A position that is read, within a sentence."""
    pad = "" if read.attended else ", a pad"
    return f"{read.layout.replace('_', ' ')}, row {read.row}: position {read.position}{pad}"
