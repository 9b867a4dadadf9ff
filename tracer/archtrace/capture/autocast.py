"""Autocast: torch converts the arguments of some ops inside their kernels, where no mode hears it."""

from __future__ import annotations

import torch

from archtrace.capture.program import Op


def autocasting(op: Op) -> bool:
    """Whether autocast is on, and chooses the types in which an op runs."""
    key = torch._C.DispatchKey.AutocastCPU
    return torch.is_autocast_enabled("cpu") and op.has_kernel_for_dispatch_key(key) and not op._schema.is_mutable


def converted(value: object, dtype: torch.dtype) -> bool:
    """Whether a value is converted where the op's result has this type: what is counted or double stays as it is."""
    return (
        isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and value.dtype not in (dtype, torch.float64)
        and dtype.is_floating_point
    )
