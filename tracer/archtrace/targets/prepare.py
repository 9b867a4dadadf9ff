"""prepare: a target's model, built without memory, and the options with which its forward is called."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

from archtrace.targets import fills
from archtrace.targets.managed import is_managed, unmanage
from archtrace.targets.target import ModelConfig, Target, is_config

if TYPE_CHECKING:
    import torch

#: The implementation of experts in which a token stays itself; others sort tokens or cannot be captured.
_EXPERTS = "batched_mm"


def prepare(target: Target) -> tuple[torch.nn.Module, dict[str, object]]:
    """The model in evaluation mode, without a cache, and further keyword arguments of its forward.

    A live module is copied, its parameters without their values, so that it stays as the user left it; one that cannot
    be copied is borrowed for each run. Raises BuildError, or TargetError for a package that is missing.
    """
    from archtrace.capture.build import build
    from archtrace.capture.preserve import borrow

    if target.module is not None:
        copied = _copy(target.module)
        if copied is None:
            return borrow(target.module, partial(_settle, ref(target.module))), _options(target.module)
        _settle(lambda: copied)
        return copied, _options(copied)
    model = build(lambda: target.make(_without_cache(target.config)))
    _tie(model)
    _settle(lambda: model)
    return model, _options(model)


def _settle(module: Callable[[], torch.nn.Module | None]) -> None:
    """Evaluation mode, no cache, experts that keep a token where it is. A weak reference will do as `module`."""
    from archtrace.capture.model import takes_mapping

    model = module()
    assert model is not None, "it lives as long as its trace"
    model.eval()
    unmanage(model)
    if takes_mapping(model):
        model.forward = _by_name(model.forward)
    for part in model.modules():
        choose: Callable[[str], object] | None = getattr(part, "set_experts_implementation", None)
        if choose is not None:
            _without_cache(getattr(part, "config", None))
            choose(_EXPERTS)


def _by_name(forward: Callable[[dict[str, object]], dict[str, object]]) -> Callable[..., dict[str, object]]:
    """A forward that takes by name what another one takes as one mapping.

    It returns what was computed alone, the last first: each step of a pipeline adds its result to the inputs.
    """

    def named(**inputs: object) -> dict[str, object]:
        returned = forward(dict(inputs))
        return {name: value for name, value in reversed(returned.items()) if name not in inputs}

    return named


def _tie(model: torch.nn.Module) -> None:
    """Tie shared weights again, in the model and in models inside it: building one without memory separates them."""
    from archtrace.capture.model import is_library_model

    for part in model.modules():
        tie: Callable[[], object] | None = getattr(part, "tie_weights", None)
        if is_library_model(part) and tie is not None:
            tie()


def _without_cache(config: ModelConfig | None) -> ModelConfig | None:
    """The same config, and the configs inside it, with no cache of keys and values, and no number format."""
    for _, part in fills.nested("", config) if is_config(config) else ():
        if getattr(part, "use_cache", None):
            part.use_cache = False
        # A checkpoint's is applied to all that is loaded. A constructor applies it to what it makes with from_config
        # alone, so that a backbone of halves would stand below a head of floats.
        if getattr(part, "dtype", None) is not None:
            part.dtype = None
    return config


def _copy(module: torch.nn.Module) -> torch.nn.Module | None:
    """A copy whose parameters have shapes and no values; None where there can be none."""
    import torch

    from archtrace.capture.model import views_of_parameters
    from archtrace.capture.preserve import bound_elsewhere

    if bound_elsewhere(module) or is_managed(module):
        return None
    memo: dict[int, object] = {
        id(p): torch.nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
        for p in module.parameters()
    }
    # What is known is known on the CPU, on which ids and masks are.
    memo |= {id(t): t.detach().cpu() for t in module.buffers() if t.device.type not in ("cpu", "meta")}
    # Parts of parameters that are kept beside them are parameters, too.
    memo |= {id(t): torch.empty_like(t, device="meta") for t in views_of_parameters(module)}
    try:
        return copy.deepcopy(module, memo)
    except Exception:  # a lock, a non-leaf tensor, a process group: whatever an attribute may be
        return None


def _options(model: torch.nn.Module) -> dict[str, object]:
    """Ask for every layer's hidden states where the model is the library's and can give them."""
    from archtrace.capture.model import forward_of

    if not hasattr(model, "base_model_prefix"):  # a wrapper of PEFT has what its model has
        return {}
    parameters = inspect.signature(forward_of(model)).parameters
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {"output_hidden_states": True} if variadic or "output_hidden_states" in parameters else {}
