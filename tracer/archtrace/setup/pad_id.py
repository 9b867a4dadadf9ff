"""The pad id of a model's config: the same model with another one, and with none."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, cast

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.run import capture
from archtrace.errors import ArchtraceError
from archtrace.targets import prepare
from archtrace.targets.fills import nested
from archtrace.targets.target import ModelConfig
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace, trace


def with_pad_id(traced: Trace, target: object, options: Mapping[str, Any], pad: int, batch: Encoded) -> Trace:
    """The model of a trace, traced once more: in the layout of a batch, with `pad` as the pad id of its config.

    `target` and `options` are the arguments of the first trace. Raises ArchtraceError where the model refuses the
    batch, or cannot be built so. A live model is left as it was.
    """
    if traced.target.module is not None:
        with _pad_id_set(cast(_HasPadId, lay.holder(traced.target.module)), pad):
            return trace(target, text=batch, witness=False, **options)
    overrides = {**(options.get("overrides") or {}), pad_field(traced.config): pad}
    return trace(target, text=batch, witness=False, **{**options, "overrides": overrides})


def pad_field(config: ModelConfig | None) -> str:
    """The pad id's name in a config: a composite config has it in the part that the head asks."""
    head_config = lay.holder(config)
    parts = nested("", config) if config is not None else ()
    return f"{next((path for path, part in parts if part is head_config), '')}pad_token_id"


class _HasPadId(Protocol):
    """What holds a pad id: a config, or a module without one."""

    pad_token_id: int | None


@contextmanager
def _pad_id_set(config: _HasPadId, pad: int) -> Iterator[None]:
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


def refusal_without_pad_id(traced: Trace) -> str | None:
    """What the model raises for the rows of the trace without the pad id that archtrace filled in; None where the
    config had one, the model is live, or it raises nothing."""
    filled = [f.field for f in traced.target.findings if f.field.rpartition(".")[2] == "pad_token_id"]
    if not filled or traced.target.module is not None:
        return None
    config = copy.deepcopy(traced.config)
    for path, part in nested("", config) if config is not None else ():
        if f"{path}pad_token_id" in filled:
            part.pad_token_id = None
    try:
        capture(*prepare(replace(traced.target, config=config)), next(iter(traced.analysis.layouts.values())))
    except ArchtraceError as error:
        return first_line(error)
    return None


def first_line(error: ArchtraceError) -> str:
    """The model's own words in a refusal, or what the trace says in its place."""
    return str(error.__cause__ or error).strip().split("\n", 1)[0]
