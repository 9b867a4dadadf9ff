"""trace: the one public verb. From a target to everything that can be said of what its classifier reads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

import archtrace.layouts as lay
from archtrace.answer.result import Result
from archtrace.answering import assemble
from archtrace.capture.guard import guarded
from archtrace.capture.hold import in_turn
from archtrace.capture.module import graph_module
from archtrace.clock import Clock, Progress
from archtrace.errors import TargetError, message
from archtrace.features import features
from archtrace.layouts import LENGTHS, Plan, Signature, Vocabulary
from archtrace.reach.interpreter import Interpreter
from archtrace.readout.study import Model, Programs, Study
from archtrace.readout.view import View
from archtrace.targets import head_kinds
from archtrace.targets.head_kinds import HeadKind
from archtrace.targets.target import Target


class Trace:
    """A traced model: `result` (frozen), `graph` (networkx), `at(...)` for any layout."""

    def __init__(self, target: Target, model: Model, study: Study, result: Result) -> None:
        self.target = target
        self.result = result
        self._model = model
        self._study = study

    def __repr__(self) -> str:
        slices = ", ".join(r.slice for r in self.readouts) or "nothing"
        return f"<Trace of {self.result.class_name}: reads {slices} ({self.result.status})>"

    def _repr_html_(self) -> str | None:
        """The page of this trace in a notebook, where something that can make one is installed."""
        from importlib.metadata import entry_points

        makers = entry_points(group="archtrace.notebook")
        return next((str(maker.load()(self.result)) for maker in makers), None)

    @property
    def study(self) -> Study:
        """The model in the layouts of the first length."""
        return self._study

    @property
    def module(self) -> torch.nn.Module:
        """The model as it was traced, without values."""
        return self._model[0]

    @property
    def readouts(self) -> tuple[Any, ...]:
        """What the classifier reads."""
        return self.result.readouts

    @property
    def config(self) -> Any:
        """The config that was traced, with what had to be filled in; None for a model without one."""
        return self.target.config

    @cached_property
    def graph(self) -> Any:
        """A networkx.DiGraph from the token positions to the logits; see archtrace.readout.graph."""
        from archtrace.readout.graph import build_graph

        return build_graph(self._study)

    @cached_property
    def fx(self) -> torch.fx.GraphModule:
        """The traced program of the first layout, as a GraphModule that runs; see archtrace.capture.module."""
        return graph_module(self._study.program, self.target.module or self.module)

    @in_turn
    def at(self, **inputs: Any) -> View:
        """What reaches the logits for these inputs (tensors or nested lists); a mask not given is all ones.

        A shape that was not captured yet is captured now. Raises LayoutError where the model refuses the inputs.
        """
        layout = {k: torch.as_tensor(v) for k, v in inputs.items()}
        known = self._study.program.inputs
        unknown = sorted(set(layout) - set(known))
        if unknown:
            raise TargetError(
                f"{self.result.class_name} has no input {', '.join(unknown)}; it takes {', '.join(known)}"
            )
        layout = self._completed(layout)
        with guarded():
            return View(Study(self._study.programs, {"given": layout}, self._study.ids, self._study.interpreter))

    def _completed(self, layout: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Inputs that were left out: masks of ones, and what is derived from masks."""
        ids = layout.get(self._study.ids)
        if ids is None:
            raise TargetError(f"give {self._study.ids}: the tokens fix the layout")
        mask = next(
            (layout[n] for n in lay.MASKS if n in layout),
            torch.ones(ids.shape[:2] if ids.is_floating_point() else ids.shape, dtype=torch.long),
        )
        for name in self._study.program.inputs:
            if name not in layout:
                layout[name] = mask if name in lay.MASKS else (lay.DERIVED | lay.PAGE).get(name, torch.zeros_like)(mask)
        return layout


@in_turn
def trace(  # noqa: PLR0913  each is a wish of its own
    target: Any,
    *,
    num_labels: int | None = None,
    config: str | Path | Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    output: str = "",
    trust_remote_code: bool = False,
    head: str | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Trace which hidden-state slices of a classifier, or of another model with a head, reach its logits.

    `target`: a Hub id or alias, a model type, a checkpoint folder, "module:Class", "file.py:Class", a config, a class
    or a live module. `inputs` (by name, tensors or nested lists; integers fix the layout, floats are features) replaces
    the layouts that are tried otherwise. `output` names one of the tensors that the forward returns, where it is not
    the logits (else the first) that are asked about. `head` is the kind of head that a model type or a checkpoint is
    given, "token-classification" or another one of archtrace.targets.head_kinds; without it a sequence classifier's.
    Raises ArchtraceError with what, where, why and what to do.
    """
    from archtrace.targets import prepare, resolve

    clock = Clock(progress)
    with guarded():
        with clock.stage("resolving", "import"):
            resolved = resolve(
                target,
                num_labels=num_labels,
                config=config,
                overrides=dict(overrides or {}),
                trust_remote_code=trust_remote_code,
                head=head,
            )
        with clock.stage("building", "capture"):
            model = prepare(resolved)
        with clock.stage("capturing", "capture"):
            study, words, plans = _looked_at(model, resolved, inputs, output)
        with clock.stage("analysing", "analysis"):
            study.positions  # noqa: B018  computed here, so that the clock tells what it costs
        result = assemble(resolved, model, study, words, plans, clock)
        return Trace(resolved, model, study, result)


def _looked_at(
    model: Model, target: Target, inputs: Mapping[str, Any] | None, output: str
) -> tuple[Study, Vocabulary, list[Plan]]:
    """The model in its layouts. A first look finds the ids for which the program itself looks: each gets layouts."""
    source = model[0] if target.config is None else target.config
    programs, interpreter = Programs(model, output), Interpreter()
    words, compared = lay.vocabulary(source), frozenset[int]()
    while True:
        plans = [_given(inputs)] if inputs else _standard(model[0], words)
        study = Study(programs, *plans[0], interpreter)
        if inputs or study.special <= compared:
            return study, words, plans
        compared |= study.special
        words = lay.vocabulary(source, compared)


def _standard(module: torch.nn.Module, words: Vocabulary) -> list[Plan]:
    """The plans of all lengths; features have the one that the config says."""
    kind = head_kinds.kind_of(type(module).__name__)
    given = _features(module, kind) if kind else {}
    if given and "input_ids" not in inspect.signature(module.forward).parameters:
        return [({"full": given}, next(iter(given)))]
    names: Signature = lay.signature(module.forward, known=given)
    if kind:
        names = names.with_head(kind.choices, kind.wanted)
    plans = ((lay.layouts(names, words, length), names.ids) for length in LENGTHS)
    return [({name: layout | given for name, layout in layouts.items()}, ids) for layouts, ids in plans]


def _features(module: torch.nn.Module, kind: HeadKind) -> lay.Layout:
    """All that a head of pixels or sound takes, else those that it wants; in the type of the module's own numbers."""
    taken = inspect.signature(module.forward).parameters
    asked = taken if kind.features else [name for name in kind.wanted if name in taken]
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    found = features(module.config, asked, moving=kind.moving)
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in found.items()}


def _tensor(name: str, value: Any) -> torch.Tensor:
    try:
        return torch.as_tensor(value)
    except (ValueError, TypeError, RuntimeError) as error:
        what = message(
            f"the input {name} is no tensor",
            where="inputs",
            why=str(error).partition("\n")[0],
            do="give numbers in nested lists, all rows of one length",
        )
        raise TargetError(what) from None


def _given(inputs: Mapping[str, Any]) -> Plan:
    layout = {name: _tensor(name, value) for name, value in inputs.items()}
    ids = next((n for n in lay.IDS if n in layout), next(iter(layout)))
    if layout[ids].ndim < 2:
        raise TargetError(f"the tokens ({ids}) have shape {tuple(layout[ids].shape)}; rows and positions are needed")
    return {"given": layout}, ids
