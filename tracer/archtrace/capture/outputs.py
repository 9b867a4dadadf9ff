"""Outputs: which node each module put out, under the names by which people ask for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import wraps

import torch
from torch.nn.modules import module as hooks

from archtrace.capture.model import library_model_in
from archtrace.capture.program import ModulePath, Operation
from archtrace.capture.record import Recorder
from archtrace.errors import CaptureError, TargetError, message


class OutputRecorder:
    """Follows the modules of one run: the stack of those that are running, and the nodes that each returned."""

    def __init__(self, model: torch.nn.Module, recorder: Recorder) -> None:
        # A module under two names goes by the first: reversed, so that the first is written last.
        self._paths = {id(part): path for path, part in reversed(list(model.named_modules()))}
        self._recorder = recorder
        self._wrapped = library_model_in(model)
        self._entered = False
        self.nodes: dict[str, tuple[int, ...]] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Every module's forward is followed, through torch's global hooks: the user's modules get none of ours.

        A wrapper that calls `forward` of a library model, and not the model, passes by the hooks: meanwhile that call
        is one of the model (the run puts back whatever is changed in a module).
        """
        if self._wrapped is not None and self._wrapped[0]:
            self._call_through_hooks(self._wrapped[1])
        handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _call_through_hooks(self, model: torch.nn.Module) -> None:
        """From here on `model.forward(...)` is `model(...)`, which calls the forward that it had."""
        forward: Operation = model.forward

        @wraps(forward)
        def hooked(*args: object, **kwargs: object) -> object:
            entered, self._entered = self._entered, False
            return forward(*args, **kwargs) if entered else model(*args, **kwargs)

        model.forward = hooked

    def _enter(self, module: torch.nn.Module, _args: object) -> None:
        self._entered |= self._wrapped is not None and module is self._wrapped[1]
        if path := self._paths.get(id(module)):
            kind = type(module)
            self._recorder.modules.append(ModulePath(path, f"{kind.__module__}.{kind.__qualname__}"))

    def _leave(self, module: torch.nn.Module, _args: object, output: object) -> None:
        if path := self._paths.get(id(module)):
            self._recorder.modules.pop()
            self.note(path, output)

    def note(self, path: str, output: object) -> None:
        """Record what the module at a path returned, as it is now: it may be written into later."""
        for name, tensor in named_outputs(path, output):
            if torch._C._functorch.is_batchedtensor(tensor):
                continue  # inside vmap a module sees one row of what there is
            node = self._recorder.node_of(tensor)
            self.nodes[name] = (*self.nodes.get(name, ()), node.index)


def named_outputs(path: str, output: object) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a module's output: the first by the module's path, those with names by path and name."""
    prefix = f"{path}." if path else ""
    fields: list[tuple[str, torch.Tensor]] = []
    if isinstance(output, Mapping):
        for name, value in output.items():
            if isinstance(value, torch.Tensor):
                fields.append((f"{prefix}{name}", value))
            elif isinstance(value, list | tuple):
                fields += [(f"{prefix}{name}[{k}]", v) for k, v in enumerate(value) if isinstance(v, torch.Tensor)]
    first = first_tensor(output)
    return [(path, first), *fields] if path and first is not None else fields


def first_tensor(output: object) -> torch.Tensor | None:
    """The first tensor in a forward's result; None where there is none."""
    if isinstance(output, torch.Tensor):
        return output
    values: Iterable[object] = output if isinstance(output, list | tuple) else ()
    values = output.values() if isinstance(output, Mapping) else values
    return next((tensor for value in values if (tensor := first_tensor(value)) is not None), None)


#: Fields that a forward of the library fills on request; archtrace requests them to name tensors by.
_REQUESTED = {"hidden_states", "encoder_hidden_states", "decoder_hidden_states"}


def floating_outputs(result: object) -> dict[str, torch.Tensor]:
    """The floating tensors that a forward returns, by name, in order: field, item of a tuple, "logits" where alone."""
    if isinstance(result, torch.Tensor):
        return {"logits": result} if result.is_floating_point() else {}
    parts = _fields_of(result)
    items = [pair for name, value in parts.items() if name not in _REQUESTED for pair in _named(str(name), value)]
    return {name: value for name, value in items if value.is_floating_point()}


def _named(name: str, value: object) -> list[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return [(name, value)]
    items: Sequence[object] = value if isinstance(value, list | tuple) else ()
    return [pair for k, item in enumerate(items) for pair in _named(f"{name}[{k}]", item)]


def _fields_of(result: object) -> Mapping[str, object]:
    if isinstance(result, Mapping):
        return result
    if isinstance(result, list | tuple):
        named: Callable[[], Mapping[str, object]] = getattr(result, "_asdict", dict)
        return named() or {f"output[{k}]": value for k, value in enumerate(result)}
    return {f.name: getattr(result, f.name) for f in fields(result)} if is_dataclass(result) else {}


#: One position of an output: its name and the index along the axis after the rows.
_POSITION = re.compile(r"(?P<name>.+)\[:, (?P<index>-?\d+)\]")


def output_of(result: object, name: str = "") -> torch.Tensor:
    """One output of a forward: its `logits`, else the first floating tensor; or the one of a name.

    `name` may be one position of an output, "logits[:, 3]". CaptureError where there is no tensor, TargetError where
    there is none of that name.
    """
    outputs = floating_outputs(result)
    if name:
        return _of_name(outputs, name)
    first = next(iter(outputs.values())) if outputs else first_tensor(result)
    chosen = outputs.get("logits", first)
    if chosen is None:
        raise CaptureError(f"forward returns no tensor but {type(result).__name__}")
    return chosen


def _of_name(outputs: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    position = None if name in outputs else _POSITION.fullmatch(name)
    whole = outputs.get(position["name"] if position else name)
    if whole is None:
        names = ", ".join(outputs) or "no floating tensor"
        raise TargetError(message(f"forward returns no {name}", why=f"it returns {names}", do="name one of these"))
    if position is None:
        return whole
    index, shape = int(position["index"]), tuple(whole.shape)
    if len(shape) < 2 or not -shape[1] <= index < shape[1]:
        raise TargetError(message(f"there is no {name}", why=f"its shape is {shape}", do="name one of its positions"))
    # A row needs an axis beside its own.
    return whole.select(1, index) if len(shape) > 2 else whole.narrow(1, index % shape[1], 1)
