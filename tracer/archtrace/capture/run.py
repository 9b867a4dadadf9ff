"""Capture: one eager run of the model in one layout, as a functional program.

torch.export traces for all values of ids and masks, and so refuses whatever depends on them. Yet the layout is known:
branches, loops and sizes that it decides just run, and what they took from it is recorded (`Program.decisions`), so
that a program serves every layout in which they come out the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensorMode

from archtrace.capture.build import Weightless, fake_mode, weightless
from archtrace.capture.expert_sorting import without_expert_sorting
from archtrace.capture.forward_error import forward_error
from archtrace.capture.higher import register, without_compile
from archtrace.capture.inputs.signature import arrange_arguments
from archtrace.capture.light import without_dynamo
from archtrace.capture.nested import Kwargs
from archtrace.capture.outputs import OutputRecorder, floating_outputs, output_of
from archtrace.capture.program import NodeKind, Program
from archtrace.capture.quiet import quiet
from archtrace.capture.random_parameters import listed_parameters
from archtrace.capture.record import Below, Recorder, Ruled
from archtrace.capture.shapes import Known
from archtrace.capture.tracked_ids import from_numpy


def capture(
    model: torch.nn.Module,
    options: Mapping[str, object],
    inputs: Mapping[str, torch.Tensor],
    ruled: Ruled = bool,
    shapes: Known | None = None,
    ids: str = "",
    output_name: str = "",
) -> Program:
    """The functional program from these inputs to the model's logits.

    `options` are further keyword arguments of the forward; `ruled` tells of an op whether it may stay whole;
    `shapes` is what ops returned in earlier runs, and is added to; `ids` names the input that holds the tokens,
    `output_name` the output to trace, "" for the logits. No parameter needs memory, and the model comes back as it was.
    Raises LayoutError where the model itself raises, and CaptureError where it branches on what parameters decide, with
    the model's own line.
    """
    register(Recorder)
    try:
        return _captured(model, options, inputs, ruled, shapes, ids, output_name)
    except _TrackedIdsError:
        # Some code takes plain ints and nothing that resembles them: it gets them, and each that it read is a decision.
        return _captured(model, options, inputs, ruled, shapes, "", output_name)


class _TrackedIdsError(Exception):
    """A run failed in which Python got tracked ids in place of plain numbers: that may be the reason."""


def _captured(
    model: torch.nn.Module,
    options: Mapping[str, object],
    inputs: Mapping[str, torch.Tensor],
    ruled: Ruled,
    shapes: Known | None,
    ids: str,
    output_name: str,
) -> Program:
    # Parameters have shapes alone: a model of 671 billion of them needs no memory here.
    mode = fake_mode()
    with without_dynamo(FakeTensorMode, Recorder, Below), weightless(model, mode) as weights:
        recorder = Recorder(mode, _names(model, weights), weights.fakes, ruled, shapes, ids)
        outputs = OutputRecorder(model, recorder)
        given = _given(recorder, mode, inputs)
        try:
            with _recording(recorder, outputs):
                result = _call(recorder, model, {**given, **options})
                outputs.note("", result)
                output = recorder.node_of(output_of(result, output_name)).index
                returned = {name: recorder.node_of(t).index for name, t in floating_outputs(result).items()}
        except Exception as error:
            raise _TrackedIdsError if recorder.tracks_ids else forward_error(model, error) from error
        finally:
            recorder.execution.restore()
    nodes, decisions = tuple(recorder.nodes), tuple(recorder.decisions)
    program = Program(nodes, output, outputs.nodes, recorder.constants, decisions, returned, output_name)
    return without_expert_sorting(program)


def _names(model: torch.nn.Module, weights: Weightless) -> dict[int, tuple[NodeKind, str]]:
    """Kind and name of each parameter and buffer, by identity; of several names the first."""
    tables = ((NodeKind.BUFFER, model.named_buffers), (NodeKind.PARAMETER, model.named_parameters))
    unregistered = {
        id(t): (NodeKind.PARAMETER, n) for n, t in (*_attributes(model, weights), *listed_parameters(model))
    }
    registered = {id(t): (kind, n) for kind, named in tables for n, t in reversed(list(named(remove_duplicate=False)))}
    return unregistered | registered


def _attributes(model: torch.nn.Module, weights: Weightless) -> Iterator[tuple[str, torch.Tensor]]:
    """What stands for parameters that are plain attributes: views of one flat parameter that torch shards."""
    fakes = set(map(id, weights.fakes.values()))
    for path, part in model.named_modules():
        fields: Kwargs = vars(part)
        tensors = ((n, v) for n, v in fields.items() if isinstance(v, torch.Tensor) and id(v) in fakes)
        yield from ((f"{path}.{n}".lstrip("."), v) for n, v in tensors)


def _given(recorder: Recorder, mode: FakeTensorMode, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inputs as the model gets them: integers as they are, on a copy of their own; features without values."""
    given = {}
    for name, value in inputs.items():
        with mode if value.is_floating_point() else nullcontext():
            given[name] = torch.empty(value.shape, dtype=value.dtype) if value.is_floating_point() else value.clone()
        recorder.add_source(NodeKind.INPUT, name, given[name])
    return given


def _call(recorder: Recorder, model: torch.nn.Module, arguments: Kwargs) -> object:
    args, named = arrange_arguments(model.forward, arguments)
    recorder.outermost = sys._getframe(0)
    result: object = model(*args, **named)
    return result


@contextmanager
def _recording(recorder: Recorder, outputs: OutputRecorder) -> Iterator[None]:
    with (
        torch.no_grad(),
        quiet(),
        without_compile(),
        from_numpy(),
        enable_python_dispatcher(),
        outputs.listening(),
        recorder.watched(),
    ):
        yield
