"""Unpadded: what a model says to a batch when its config has no pad id, where one was filled in for the trace."""

from __future__ import annotations

import copy
from dataclasses import replace

from archtrace.capture.run import capture
from archtrace.errors import ArchtraceError
from archtrace.targets import prepare
from archtrace.targets.fills import nested
from archtrace.tracing.trace import Trace


def refused_unpadded(found: Trace) -> str | None:
    """What the model says to the same rows when its config has no pad id again, where one was filled in."""
    filled = [f.field for f in found.target.findings if f.field.rpartition(".")[2] == "pad_token_id"]
    if not filled or found.target.module is not None:
        return None
    config = copy.deepcopy(found.config)
    for path, part in nested("", config) if config is not None else ():
        if f"{path}pad_token_id" in filled:
            part.pad_token_id = None
    try:
        capture(*prepare(replace(found.target, config=config)), next(iter(found.study.layouts.values())))
    except ArchtraceError as error:
        return reason(error)
    return None


def reason(error: ArchtraceError) -> str:
    """The model's own words in a refusal, or what the trace says in its place."""
    return str(error.__cause__ or error).strip().split("\n", 1)[0]
