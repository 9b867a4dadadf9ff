"""From a target to a module without weights, ready to be captured."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from archtrace.capture.build import build
from archtrace.targets.target import Target


def prepare(target: Target, config: Any = None) -> torch.nn.Module:
    """Build a target's module (with another config, if given), set for one plain forward pass.

    Caches are off, and experts are chosen by gathering their weights, which a graph without values can express.
    Raises BuildError.
    """
    config = target.config if config is None else config
    if config is not None:
        for part in (config, *_sub_configs(config)):
            if hasattr(part, "use_cache"):
                part.use_cache = False
    module: torch.nn.Module = target.module if target.module is not None else build(lambda: target.make(config))
    if target.module is None and hasattr(module, "tie_weights"):
        module.tie_weights()
    if hasattr(module, "set_experts_implementation") and getattr(module, "_can_set_experts_implementation", bool)():
        module.set_experts_implementation("batched_mm")
    return module


def _sub_configs(config: Any) -> list[Any]:
    return [v for v in vars(config).values() if hasattr(v, "to_diff_dict")]


def is_library_model(module: torch.nn.Module) -> bool:
    """True for a PreTrainedModel, without importing transformers."""
    return any(c.__name__ == "PreTrainedModel" for c in type(module).__mro__)


def options(module: torch.nn.Module) -> dict[str, Any]:
    """Further arguments of the forward: a library model is asked for its hidden states."""
    if not is_library_model(module):
        return {}
    parameters = inspect.signature(module.forward).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {"output_hidden_states": True} if takes_any or "output_hidden_states" in parameters else {}


def backbone_of(module: torch.nn.Module) -> str | None:
    """The path of the base model of a library model; None for any other module."""
    prefix = getattr(module, "base_model_prefix", "") if is_library_model(module) else ""
    return prefix if prefix and hasattr(module, prefix) else None


def parameter_count(module: torch.nn.Module) -> int:
    """The number of parameter elements, shared ones once."""
    return sum(p.numel() for p in module.parameters())
