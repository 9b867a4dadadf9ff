"""Outputs: which node each module put out, under the names by which people ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules import module as hooks

from archtrace.capture.program import Module
from archtrace.capture.record import Recorder
from archtrace.errors import CaptureError


class Outputs:
    """Hears the modules of one run: keeps the stack of those that are running, and what each put out."""

    def __init__(self, model: torch.nn.Module, recorder: Recorder) -> None:
        # A module under two names goes by the first: reversed, so that the first is written last.
        self._paths = {id(part): path for path, part in reversed(list(model.named_modules()))}
        self._recorder = recorder
        self.nodes: dict[str, tuple[int, ...]] = {}

    @contextmanager
    def heard(self) -> Iterator[None]:
        """For a while, every module's forward is heard. The hooks are torch's global ones: no module is touched."""
        handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: torch.nn.Module, _args: Any) -> None:
        if path := self._paths.get(id(module)):
            kind = type(module)
            self._recorder.modules.append(Module(path, f"{kind.__module__}.{kind.__qualname__}"))

    def _leave(self, module: torch.nn.Module, _args: Any, output: Any) -> None:
        if path := self._paths.get(id(module)):
            self._recorder.modules.pop()
            self.note(path, output)

    def note(self, path: str, output: Any) -> None:
        """What the module at a path put out is what it is now, whatever is written into it later."""
        for name, tensor in named_outputs(path, output):
            if torch._C._functorch.is_batchedtensor(tensor):
                continue  # inside vmap a module sees one row of what there is
            node = self._recorder.read(tensor)
            self.nodes[name] = (*self.nodes.get(name, ()), node.index)


def named_outputs(path: str, output: Any) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a module's output: the first by the module's path, those with names by path and name."""
    prefix = f"{path}." if path else ""
    found: list[tuple[str, torch.Tensor]] = []
    if isinstance(output, Mapping):
        for name, value in output.items():
            if isinstance(value, torch.Tensor):
                found.append((f"{prefix}{name}", value))
            elif isinstance(value, list | tuple):
                found += [(f"{prefix}{name}[{k}]", v) for k, v in enumerate(value) if isinstance(v, torch.Tensor)]
    first = first_tensor(output)
    return [(path, first), *found] if path and first is not None else found


def first_tensor(output: Any) -> torch.Tensor | None:
    """The first tensor in a forward's result; None where there is none."""
    if isinstance(output, torch.Tensor):
        return output
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else ()
    return next((found for value in values if (found := first_tensor(value)) is not None), None)


def logits_of(result: Any) -> torch.Tensor:
    """The logits in a forward's result: its field of that name, else its first tensor. CaptureError without any."""
    logits = result.get("logits") if isinstance(result, Mapping) else getattr(result, "logits", None)
    found = logits if isinstance(logits, torch.Tensor) else first_tensor(result)
    if found is None:
        raise CaptureError(f"forward returns no tensor but {type(result).__name__}")
    return found
