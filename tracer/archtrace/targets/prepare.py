"""prepare: a target's model, built without memory, and the options with which its forward is called."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from archtrace.targets import fills
from archtrace.targets.target import Target

#: The implementation of experts in which a token stays itself; others sort tokens or cannot be captured.
_EXPERTS = "batched_mm"


def prepare(target: Target) -> tuple[Any, dict[str, Any]]:
    """The model in evaluation mode, without a cache, and further keyword arguments of its forward.

    A live module is copied, its parameters without their values, so that it stays as the user left it.
    Raises BuildError, or TargetError for a package that is missing.
    """
    from archtrace.capture.build import build
    from archtrace.errors import BuildError, TargetError

    make = (lambda: _copy(target.module)) if target.module is not None else (lambda: target.make(_quiet(target.config)))
    try:
        model: Any = build(make)
    except BuildError as error:
        if isinstance(error.__cause__, TargetError):
            raise error.__cause__ from None
        raise
    if hasattr(model, "set_experts_implementation"):
        _quiet(model.config)
        model.set_experts_implementation(_EXPERTS)
    if target.module is None:
        _tie(model)
    return model, _options(model)


def _tie(model: Any) -> None:
    """Weights that are shared, as making a model without memory parts them: of the model, and of models inside it."""
    from archtrace.capture.model import is_library_model

    for part in model.modules():
        if is_library_model(part) and hasattr(part, "tie_weights"):
            part.tie_weights()


def _quiet(config: Any) -> Any:
    """The same config, and the configs inside it, with no cache of keys and values."""
    for _, part in fills.nested("", config) if hasattr(config, "to_diff_dict") else ():
        if getattr(part, "use_cache", None):
            part.use_cache = False
    return config


def _copy(module: Any) -> Any:
    """A copy whose parameters have shapes and no values; the module itself where it cannot be copied."""
    import torch

    memo: dict[int, Any] = {
        id(p): torch.nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
        for p in module.parameters()
    }
    try:
        return copy.deepcopy(module, memo)
    except Exception:
        return module


def _options(model: Any) -> dict[str, Any]:
    """Ask for every layer's hidden states where the model is the library's and can give them."""
    if not hasattr(model, "set_experts_implementation"):
        return {}
    parameters = inspect.signature(model.forward).parameters
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {"output_hidden_states": True} if variadic or "output_hidden_states" in parameters else {}
