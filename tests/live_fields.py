"""All that can be seen of a live module, to be compared before and after a trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn


def fields(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Flags, configs, tables and hooks of each module in it, and which tensors with which values."""
    for path, part in model.named_modules():
        for name, value in vars(part).items():
            items = value.items() if isinstance(value, dict) else [("", value)]
            yield f"{path}.{name}", [(key, seen(item)) for key, item in items]
        config = vars(part).get("config")
        if hasattr(config, "to_dict"):
            yield f"{path}.config", repr(sorted(vars(config).items(), key=lambda item: item[0]))


def seen(value: Any) -> Any:
    """What stays the same as long as nobody changes a value."""
    if isinstance(value, torch.Tensor):
        # Of a tensor that is spread over processes, the part that is here.
        own = getattr(value, "_local_tensor", value)
        held = None if own.is_meta else own.detach().clone().tolist()
        return id(value), value.requires_grad, value.device, held, value.is_leaf
    return (id(value), list(value)) if isinstance(value, list) else id(value) if callable(value) else repr(value)
