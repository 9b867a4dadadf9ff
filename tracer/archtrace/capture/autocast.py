"""Autocast: torch converts the arguments of some ops inside their kernels, where no dispatch mode sees it."""

from __future__ import annotations

import torch

from archtrace.capture.program import Op


def is_autocast(op: Op) -> bool:
    """Whether autocast is on, and chooses the dtype in which an op runs."""
    key = torch._C.DispatchKey.AutocastCPU
    return torch.is_autocast_enabled("cpu") and op.has_kernel_for_dispatch_key(key) and not op._schema.is_mutable


def is_converted(value: object, dtype: torch.dtype) -> bool:
    """Whether an op whose result has this dtype converts a value: integers and doubles stay as they are."""
    return (
        isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and value.dtype not in (dtype, torch.float64)
        and dtype.is_floating_point
    )
