"""A study: one built model, looked at in many layouts of one length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import torch

from archtrace.answer.positions import Positions
from archtrace.capture.export import capture
from archtrace.capture.model import backbone_of
from archtrace.capture.program import Program
from archtrace.errors import CaptureError, LayoutError
from archtrace.reach.bound import Bound, bound, positions
from archtrace.reach.interpreter import Interpreter
from archtrace.readout.tensors import ReadTensor, read_tensors

#: A built model, and further keyword arguments of its forward.
Model: TypeAlias = tuple[torch.nn.Module, dict[str, Any]]


@dataclass(eq=False)
class Study:
    """A program with its layouts: bounds, refusals, read tensors. `ids` is the input that holds the tokens."""

    program: Program
    layouts: Mapping[str, Mapping[str, torch.Tensor]]
    ids: str
    backbone: str | None
    interpreter: Interpreter = field(default_factory=Interpreter)
    refused: dict[str, str] = field(default_factory=dict)

    @cached_property
    def bounds(self) -> dict[str, Bound]:
        """The bound of each layout that the model runs; the others are told in `refused`."""
        found = {}
        for name, layout in self.layouts.items():
            try:
                found[name] = bound(self.interpreter, self.program, layout)
            except LayoutError as error:
                self.refused[name] = str(error)
        if not found:
            raise LayoutError(f"the model refuses every layout; the first: {next(iter(self.refused.values()))}")
        return found

    @property
    def length(self) -> int:
        """The number of positions of the tokens."""
        return int(next(iter(self.layouts.values()))[self.ids].shape[1])

    @cached_property
    def tensors(self) -> tuple[ReadTensor, ...]:
        """The tensors that the classifier reads, over all layouts."""
        found: dict[str, ReadTensor] = {}
        for each in self.bounds.values():
            for tensor in read_tensors(self.interpreter, each, self.backbone, self.length):
                found.setdefault(tensor.name, tensor)
        return tuple(found.values())

    @property
    def reads(self) -> dict[str, tuple[int, int]]:
        """Node and token axis of each read tensor, by name."""
        return {t.name: (t.node, t.axis) for t in self.tensors}

    @cached_property
    def positions(self) -> dict[str, Positions]:
        """Per layout the positions that may reach the logits."""
        ids = self.program.inputs[self.ids]
        return {name: positions(self.interpreter, found, self.reads, ids) for name, found in self.bounds.items()}


def study_of(model: Model, layouts: dict[str, dict[str, torch.Tensor]], ids: str) -> Study:
    """Capture a model for the shapes of some layouts."""
    module, _ = model
    program = capture(*model, next(iter(layouts.values())))
    if ids not in program.inputs:
        raise CaptureError(f"the logits of {type(module).__name__} do not take {ids}")
    return Study(program, layouts, ids, backbone_of(module))
