"""An analysis: one built model, looked at in many layouts of one length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import torch

from archtrace.answer.positions import Positions
from archtrace.capture.model import backbone_of
from archtrace.capture.positioned import MOST, at_position, by_position, count
from archtrace.capture.program import Program
from archtrace.capture.run import capture
from archtrace.capture.shapes import Known
from archtrace.capture.validity import serves
from archtrace.errors import CaptureError, LayoutError
from archtrace.reach.bound import (
    Bound,
    bound_of_all_outputs,
    bound_of_direct_reads,
    compute_bound,
    marked_positions,
    positions,
)
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.rules.registry import has_rule
from archtrace.readout.tensors import Place, ReadTensor, calls, read_tensors

#: For each row and position of a tensor the tokens that it carries, by their row and position.
Carried: TypeAlias = tuple[tuple[frozenset[tuple[int, int]], ...], ...]
#: A built model, and further keyword arguments of its forward.
Model: TypeAlias = tuple[torch.nn.Module, dict[str, Any]]
#: A layout's inputs, by name.
Inputs: TypeAlias = Mapping[str, torch.Tensor]


class _Look(NamedTuple):
    """What Python sees of an input without taking a value out of it. It never has a gradient: a run gets a copy."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    strides: tuple[int, ...]


def _look(value: torch.Tensor) -> _Look:
    return _Look(tuple(value.shape), value.dtype, value.device, value.stride())


class Programs:
    """The programs of one model, to its logits or the output that is asked about.

    One serves every layout in which the model's Python sees what it saw then.
    """

    def __init__(self, model: Model, output_name: str = "") -> None:
        self.model, self.output_name = model, output_name
        self._recorded: list[tuple[dict[str, _Look], Program]] = []
        self._shapes: Known = {}

    def of(self, layout: Inputs, ids: str = "") -> Program:
        """The program of a layout; `ids` is the input that holds the tokens.

        Raises CaptureError where the model does not run in it, with the model's reason.
        """
        # Sizes are baked into a program, and Python may branch on a type (`mask.dtype == torch.bool`) without asking
        # for a value: a program of inputs that look otherwise never serves.
        looks = {name: _look(value) for name, value in layout.items()}
        for recorded, program in self._recorded:
            if recorded == looks and serves(program, layout):
                return program
        self._recorded.append((looks, capture(*self.model, layout, has_rule, self._shapes, ids, self.output_name)))
        return self._recorded[-1][1]


@dataclass(frozen=True, eq=False)
class Positioned:
    """The positions of an output in one layout: what may reach each, and the bound whose rows are (row, position)."""

    bound: Bound
    each: tuple[Positions, ...]

    @property
    def program(self) -> Program:
        """The program that puts each position of each row into a row of its own."""
        return self.bound.program


@dataclass(eq=False)
class Analysis:
    """A model in its layouts: bounds, refusals, read tensors. `ids` is the input that holds the tokens.

    `also`: inputs that hold the tokens of further texts. Each layout has its program: nodes of one mean nothing in
    another.
    """

    programs: Programs
    layouts: Mapping[str, Inputs]
    ids: str
    also: tuple[str, ...] = ()
    interpreter: Interpreter = field(default_factory=Interpreter)
    refused: dict[str, str] = field(default_factory=dict)
    #: What positions carry, by layout and tensor, once it is worked out; see archtrace.readout.padding.
    carried: dict[str, dict[str, Carried]] = field(default_factory=dict)
    #: The read tensors of other lengths, which tell those of one position, where every tensor has an axis as long.
    expected: tuple[str, ...] = ()

    @property
    def module(self) -> torch.nn.Module:
        """The model."""
        return self.programs.model[0]

    @property
    def backbone(self) -> str | None:
        """The path of the library's base model in it; None elsewhere."""
        return backbone_of(self.module)

    @property
    def tokens(self) -> frozenset[str]:
        """The inputs that hold tokens."""
        return frozenset({self.ids, *self.also})

    @cached_property
    def texts(self) -> dict[str, Analysis]:
        """By the input that holds its tokens, the same analysis, of that text alone."""
        return {self.ids: self._of_text(self.ids), **{name: self._of_text(name) for name in self.also}}

    def _of_text(self, text: str) -> Analysis:
        if not self.also:
            return self
        analysis = replace(self, ids=text, also=(), carried={})
        # Bounds are those of all texts: they take the tokens of each of them for unknown.
        vars(analysis).update(bounds=self.bounds, _read=self._read)
        return analysis

    @cached_property
    def bounds(self) -> dict[str, Bound]:
        """The bound of each layout that the model runs; `refused` says why it does not run the others."""
        bounds: dict[str, Bound] = {}
        first: Exception | None = None
        for name, layout in self.layouts.items():
            try:
                bounds[name] = self._bound(layout)
            except (LayoutError, CaptureError) as error:
                first = first or error
                self.refused[name] = _reason(error)
        if not bounds:
            raise first or LayoutError("there is no layout to look at")
        return bounds

    @property
    def special(self) -> frozenset[int]:
        """The constants with which the program compares ids, as the first layout that runs shows."""
        for layout in self.layouts.values():
            try:
                self.interpreter.values(self.programs.of(layout, self.ids), layout, self.tokens)
            except (LayoutError, CaptureError):
                continue
            break
        return frozenset(self.interpreter.special)

    def _bound(self, layout: Inputs) -> Bound:
        program = self.programs.of(layout, self.ids)
        for name in self.tokens - program.inputs.keys():
            raise CaptureError(f"the logits of {type(self.module).__name__} do not take {name}")
        return compute_bound(self.interpreter, program, layout, self.tokens)

    @property
    def program(self) -> Program:
        """The program of the first layout that runs."""
        return next(iter(self.bounds.values())).program

    @property
    def length(self) -> int:
        """The number of positions of the tokens."""
        ids = next(iter(self.layouts.values()))[self.ids]
        return int(ids.shape[1 if ids.is_floating_point() else -1])

    @cached_property
    def _read(self) -> dict[str, tuple[ReadTensor, ...]]:
        return {
            name: read_tensors(self.interpreter, each, self.backbone, self.length, self.expected)
            for name, each in self.bounds.items()
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The tensors that the classifier reads, over all layouts."""
        return tuple(dict.fromkeys(tensor.name for tensors in self._read.values() for tensor in tensors))

    @cached_property
    def _tensors(self) -> dict[str, tuple[ReadTensor, ...]]:
        return {layout: tuple(filter(None, (self._in(layout, name) for name in self.names))) for layout in self.bounds}

    def tensors(self, layout: str) -> tuple[ReadTensor, ...]:
        """The read tensors as nodes of a layout's program; one that this program does not have is left out."""
        return self._tensors[layout]

    def _in(self, layout: str, name: str) -> ReadTensor | None:
        """A read tensor in a layout in which it may not be read: where another layout of the same program has it."""
        program = self.bounds[layout].program
        # Not read in this layout, but in another one of the same program: the node is the same.
        alike = (other for other, each in self.bounds.items() if each.program is program)
        named = (t for other in (layout, *alike) for t in self._read[other] if t.name == name)
        return next(named, None) or self._named(program, name)

    def _named(self, program: Program, name: str) -> ReadTensor | None:
        """A module's output by its name, with the axis that it has in another program."""
        named = {**{call: (node,) for call, node in calls(program).items()}, **program.tensors}
        nodes = named.get(name) or named.get(f"{self.backbone}.{name}")
        example = next((t for tensors in self._read.values() for t in tensors if t.name == name), None)
        return ReadTensor(name, example.module, nodes[-1], example.axis) if nodes and example else None

    def reads(self, layout: str) -> dict[str, Place]:
        """Node and token axis of each read tensor in a layout's program, by name."""
        return {t.name: (t.node, t.axis) for t in self.tensors(layout)}

    @cached_property
    def positions(self) -> dict[str, Positions]:
        """Per layout the positions that may reach the logits."""
        return {name: self._positions(name, bound) for name, bound in self.bounds.items()}

    def _positions(self, name: str, bound: Bound) -> Positions:
        inputs = bound.program.inputs
        first = positions(self.interpreter, bound, self.reads(name), inputs[self.ids], self.layouts[name])
        return replace(first, others={text: bound.tokens(inputs[text]) for text in self.also}) if self.also else first

    @cached_property
    def whole(self) -> dict[str, Bound]:
        """Per layout the bound of all outputs together, asked about or not."""
        return {name: bound_of_all_outputs(self.interpreter, bound) for name, bound in self.bounds.items()}

    @cached_property
    def positioned(self) -> dict[str, Positioned]:
        """Per layout what may reach each position of the output; empty for an output without positions."""
        programs: dict[int, Program] = {}  # a program serves several layouts, and is one program in all of them
        return {
            name: self._positioned(name, programs.setdefault(id(bound.program), by_position(bound.program)))
            for name, bound in self.bounds.items()
            if 1 < count(bound.program, self.length) <= MOST
        }

    def each(self, name: str) -> tuple[Positions, ...]:
        """What may reach each position of the output in a layout, in order; empty for an output without positions."""
        return self.positioned[name].each if name in self.positioned else ()

    def _positioned(self, name: str, program: Program) -> Positioned:
        layout, reads, ids = self.layouts[name], self.reads(name), program.inputs[self.ids]
        bound = compute_bound(self.interpreter, program, layout, self.tokens)
        read = bound_of_direct_reads(self.interpreter, bound, reads, layout)
        number = count(self.bounds[name].program, self.length)
        rows = (slice(i, None, number) for i in range(number))
        return Positioned(bound, tuple(marked_positions(bound, read, reads, ids, some) for some in rows))

    def at_position(self, name: str, index: int) -> Bound:
        """The bound of one position of the output in a layout."""
        program = at_position(self.bounds[name].program, index)
        return compute_bound(self.interpreter, program, self.layouts[name], self.tokens)

    @cached_property
    def reference(self) -> str:
        """The layout that tells most of selections: one with padding where the model runs it."""
        return next((name for name in ("right_padded", "full") if name in self.bounds), next(iter(self.bounds)))


def _reason(error: Exception) -> str:
    """Why a layout does not run: the model's own words, where they are known."""
    lines = str(error).splitlines()
    why = (line.partition("why: ")[2] for line in lines if line.strip().startswith("why: "))
    return next(why, lines[0])
