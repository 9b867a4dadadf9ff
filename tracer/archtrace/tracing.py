"""trace: the one public verb. From a target to everything that can be said of what its classifier reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

import archtrace.layouts as lay
from archtrace import forwards
from archtrace.answer.result import Result
from archtrace.answering import assemble
from archtrace.capture.guard import guarded
from archtrace.capture.hold import in_turn
from archtrace.capture.module import graph_module
from archtrace.clock import Clock, Progress
from archtrace.errors import LayoutError, TargetError, message
from archtrace.layouts import LENGTHS, ROWS, Plan, Signature, Vocabulary
from archtrace.reach.interpreter import Interpreter
from archtrace.readout.study import Model, Programs, Study
from archtrace.readout.view import View
from archtrace.targets.target import Target

#: How many texts a row is tried with where a model refuses rows of tokens.
TEXTS = 3
#: The fewest positions in which every layout has its place.
SHORTEST = 8


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
            study = self._study
            return View(Study(study.programs, {"given": layout}, study.ids, study.also, study.interpreter))

    def _completed(self, layout: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Inputs that were left out: masks of ones, and what is derived from masks."""
        for name in (self._study.ids, *self._study.also):
            if name not in layout:
                raise TargetError(f"give {name}: the tokens fix the layout")
        return forwards.completed(layout, self._study.program.inputs, self._study.ids)


@in_turn
def trace(
    target: Any,
    *,
    num_labels: int | None = None,
    config: str | Path | Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    output: str = "",
    trust_remote_code: bool = False,
    progress: Progress | None = None,
) -> Trace:
    """Trace which hidden-state slices of a sequence classifier reach its logits.

    `target`: a Hub id or alias, a model type, a checkpoint folder, "module:Class", "file.py:Class", a config, a class
    or a live module. `inputs` (by name, tensors or nested lists; integers fix the layout, floats are features) replaces
    the layouts that are tried otherwise. `output` names one of the tensors that the forward returns, where it is not
    the logits (else the first) that are asked about. Raises ArchtraceError with what, where, why and what to do.
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
    told = {name: _tensor(name, value) for name, value in _unpacked(inputs or {}).items()}
    given = forwards.following(model[0].forward, told)
    model = model[0], {**forwards.nothing(model[0].forward, given), **model[1]}
    programs = Programs(model, output)
    try:
        return _first_look(programs, target, given)
    except LayoutError as error:
        # rows of documents, of choices, of windows: a model that takes those refuses rows of tokens
        if folded := _folded(programs, target, given):
            return folded
        raise error from None


def _folded(
    programs: Programs, target: Target, given: Mapping[str, torch.Tensor]
) -> tuple[Study, Vocabulary, list[Plan]] | None:
    """The model in layouts whose rows hold several texts; None where it refuses these as well."""
    if forwards.whole(programs.model[0].forward, given):
        return None
    try:
        return _first_look(programs, target, given, TEXTS)
    except LayoutError:
        return None


def _first_look(
    programs: Programs, target: Target, given: Mapping[str, torch.Tensor], choices: int = 1
) -> tuple[Study, Vocabulary, list[Plan]]:
    module, interpreter = programs.model[0], Interpreter()
    source = module if target.config is None else target.config
    words, compared = lay.vocabulary(source), frozenset[int]()
    while True:
        plans = _plans(module, words, given, choices)
        study = Study(programs, *plans[0], interpreter=interpreter)
        if study.special <= compared:
            study.bounds  # noqa: B018  a model that refuses all of them says so here
            return study, words, plans
        compared |= study.special
        words = lay.vocabulary(source, compared)


def _plans(module: torch.nn.Module, words: Vocabulary, given: Mapping[str, torch.Tensor], choices: int) -> list[Plan]:
    """The layouts of each length. What is given and leaves nothing to guess is the only one."""
    if forwards.whole(module.forward, given):
        return [_given(given)]
    # what is given beside the tokens may have a position for each of them
    own = [v.shape[1] for v in given.values() if v.ndim > 1 and v.shape[0] == ROWS and v.shape[1] >= SHORTEST]
    return [_standard(module, words, n, given, choices) for n in own[:1] or LENGTHS]


def _standard(
    module: torch.nn.Module, words: Vocabulary, length: int, given: Mapping[str, torch.Tensor], choices: int
) -> Plan:
    names: Signature = replace(lay.signature(module.forward, given), choices=choices)
    found = lay.layouts(names, words, length)
    return {name: {**layout, **given} for name, layout in found.items()}, names.ids, tuple(t.ids for t in names.others)


def _unpacked(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs by name, the parts of a batch that is given as a whole among them."""
    whole = (value.items() if isinstance(value, Mapping) else [(name, value)] for name, value in inputs.items())
    return {name: value for parts in whole for name, value in parts}


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


def _given(layout: Mapping[str, torch.Tensor]) -> Plan:
    found = [text.ids for text in lay.texts_in(layout)]
    ids, *also = found or [next(iter(layout))]
    if layout[ids].ndim < 2:
        raise TargetError(f"the tokens ({ids}) have shape {tuple(layout[ids].shape)}; rows and positions are needed")
    return {"given": dict(layout)}, ids, tuple(also)
