"""What the analysis needs to know of a built model."""

from __future__ import annotations

import torch


def is_library_model(module: torch.nn.Module) -> bool:
    """True for a PreTrainedModel, without importing transformers."""
    return any(c.__name__ == "PreTrainedModel" for c in type(module).__mro__)


def backbone_of(module: torch.nn.Module) -> str | None:
    """The path of the base model of a library model; None for any other module."""
    prefix = getattr(module, "base_model_prefix", "") if is_library_model(module) else ""
    return prefix if prefix and hasattr(module, prefix) else None


def parameter_count(module: torch.nn.Module) -> int:
    """The number of parameter elements, shared ones once."""
    return sum(p.numel() for p in module.parameters())
