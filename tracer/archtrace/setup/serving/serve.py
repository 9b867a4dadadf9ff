"""What each server pools of a model, beside what the model reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archtrace.answer.kinds import KINDS, noun, noun_of_kind, without_padding
from archtrace.answer.result import KindName, Result
from archtrace.answer.serving import SERVERS, Served, ServerName, ServerPooling, Serving
from archtrace.setup.serving import llama_cpp, sentence_transformers, sglang, tei, vllm
from archtrace.setup.serving.checkpoint_files import CheckpointFiles, checkpoint_files
from archtrace.setup.serving.export import export_files, option
from archtrace.setup.serving.tables import table
from archtrace.tracing.trace import Trace, trace

#: Server -> what says which pooling it takes from the files of a checkpoint.
POOLING_OF_SERVER: Mapping[ServerName, Callable[[CheckpointFiles], ServerPooling]] = {
    "vllm": vllm.pools,
    "tei": tei.pools,
    "sglang": sglang.pools,
    "llama.cpp": llama_cpp.pools,
    "sentence-transformers": sentence_transformers.pools,
}
#: The note on a server that differs from an answer which is only a bound.
BOUND = "the answer about the model is a bound: it may read less than that"
#: Every server pools the hidden states of the last layer; none serves a head that reads other states.
STATES = "last_hidden_state"


def serve(target: object, **options: Any) -> Serving:
    """What each server pools of a model, beside what the model reads; `options` are those of `archtrace.trace`.

    Raises ArchtraceError where there is nothing to trace, and for heads that the servers' tables do not know.
    """
    traced = trace(target, **options)
    return serving(traced, checkpoint_files(traced, target))


def serving(traced: Trace, checkpoint: CheckpointFiles) -> Serving:
    """`serve` for a model that is traced already, and for the files of its checkpoint."""
    kinds, names = _reads(traced.result, checkpoint)
    files, unexported = export_files(checkpoint, kinds)
    servers = [_compared(name, POOLING_OF_SERVER[name](checkpoint), kinds) for name in SERVERS]
    servers = [_with_option(served, checkpoint, files) for served in servers]
    if traced.result.status != "exact":
        servers = [replace(served, note=BOUND) if served.same is False else served for served in servers]
    return Serving(traced.target.name, traced.result.class_name, kinds, names, tuple(servers), files, unexported)


def _reads(result: Result, checkpoint: CheckpointFiles) -> tuple[tuple[KindName, ...], tuple[str, ...]]:
    """The kinds of the readouts, and their names; those of a sentence encoder by its files."""
    if checkpoint.modes:
        encoder_kinds = sentence_transformers.kinds(checkpoint.modes)
        return encoder_kinds, tuple(map(_mode_name, encoder_kinds, checkpoint.modes))
    kinds = (r.kind if r.tensor.endswith(STATES) else "other" for r in result.readouts)
    return tuple(kinds), tuple(map(noun, result.readouts))


def _mode_name(kind: KindName, mode: str) -> str:
    """The name of a sentence encoder's mode: that of its kind, or its own where no kind is like it."""
    return f"{mode} pooling" if kind == "other" else noun_of_kind(kind)


def _compared(name: ServerName, pooling: ServerPooling, reads: Sequence[KindName]) -> Served:
    version = _version(name)
    if pooling.own:
        return Served(name, version, pooling, same=True)
    if pooling.kind is None:
        return Served(name, version, pooling, same=None)
    same, condition = compare_poolings(reads, pooling.kind)
    return Served(name, version, pooling, same, condition)


def _with_option(served: Served, checkpoint: CheckpointFiles, files: Mapping[str, str]) -> Served:
    """With the option that fixes it, where a server pools something else, or nothing for want of a pooling."""
    change = "" if served.same else option(served.server, checkpoint, files)
    return replace(served, change=change)


def _version(name: ServerName) -> str:
    """The version whose sources were read."""
    if name == "sentence-transformers":
        return sentence_transformers.VERSION
    return str(table(name.replace(".", "_"))["version"])


def compare_poolings(reads: Sequence[KindName], pooled: KindName) -> tuple[bool, str]:
    """Whether a server pools what the model reads of a text without padding, and under which condition."""
    if len(reads) != 1:
        return False, ""
    same = pooled == without_padding(reads[0])
    return same, KINDS[reads[0]].provided if same else ""
