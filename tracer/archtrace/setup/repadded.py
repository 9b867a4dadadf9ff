"""Repadded: the same model with another pad id in its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import archtrace.capture.inputs.layouts as lay
from archtrace.targets.fills import nested
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace, trace


def with_pad_id(found: Trace, target: object, wishes: Mapping[str, Any], pad: int, batch: Encoded) -> Trace:
    """The model of a trace, traced in the layout of a batch when `pad` is the pad id of its config.

    `target` and `wishes` are what was traced. Raises ArchtraceError where the model refuses the batch, or cannot be
    built so. A live model is as it was afterwards.
    """
    if found.target.module is not None:
        with _changed(lay.holder(found.target.module), pad):
            return trace(target, text=batch, witness=False, **wishes)
    overrides = {**(wishes.get("overrides") or {}), pad_field(found.config): pad}
    return trace(target, text=batch, witness=False, **{**wishes, "overrides": overrides})


def pad_field(config: object) -> str:
    """The pad id's name in a config: a composite config has it in the part that the head asks."""
    asked = lay.holder(config)
    parts = nested("", config) if config is not None else ()
    return f"{next((path for path, part in parts if part is asked), '')}pad_token_id"


class _Padded(Protocol):
    """What holds a pad id: a config, or a module without one."""

    pad_token_id: int | None


@contextmanager
def _changed(config: _Padded, pad: int) -> Iterator[None]:
    """For a while, a live model has another pad id."""
    had = hasattr(config, "pad_token_id")
    before: int | None = getattr(config, "pad_token_id", None)
    config.pad_token_id = pad
    try:
        yield
    finally:
        config.pad_token_id = before
        if not had:
            delattr(config, "pad_token_id")
