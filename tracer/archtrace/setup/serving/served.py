"""served: the one verb for servers. From a target to what each of them pools, beside what the model reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archtrace.answer.kinds import KINDS, noun, noun_of_kind, without_padding
from archtrace.answer.result import KindName, Result
from archtrace.answer.serving import SERVERS, Served, ServerName, ServerPooling, Serving
from archtrace.setup.serving import llama_cpp, sentence_transformers, sglang, tei, vllm
from archtrace.setup.serving.checkpoint_files import CheckpointFiles, subject
from archtrace.setup.serving.export import exported, option
from archtrace.setup.serving.tables import table
from archtrace.tracing.trace import Trace, trace

#: Server -> its rule.
RULES: Mapping[ServerName, Callable[[CheckpointFiles], ServerPooling]] = {
    "vllm": vllm.pools,
    "tei": tei.pools,
    "sglang": sglang.pools,
    "llama.cpp": llama_cpp.pools,
    "sentence-transformers": sentence_transformers.pools,
}
#: Said where a server differs from an answer that is none too sure.
BOUND = "the answer about the model is a bound: it may read less than that"
#: What every server pools: the states of the last layer. A head that reads others is served by none.
STATES = "last_hidden_state"


def serve(target: object, **wishes: Any) -> Serving:
    """What each server pools of a model, beside what the model reads; `wishes` are those of `archtrace.trace`.

    Raises ArchtraceError where there is nothing to trace, and for heads that the servers' tables do not know.
    """
    found = trace(target, **wishes)
    return serving(found, subject(found, target))


def serving(found: Trace, seen: CheckpointFiles) -> Serving:
    """The same of a trace, and of what servers see of it."""
    reads, read = _reads(found.result, seen)
    files, unexported = exported(seen, reads)
    servers = tuple(_mended(_served(name, RULES[name](seen), reads), seen, files) for name in SERVERS)
    if found.result.status != "exact":
        servers = tuple(replace(each, note=BOUND) if each.same is False else each for each in servers)
    return Serving(found.target.name, found.result.class_name, reads, read, servers, files, unexported)


def _reads(result: Result, seen: CheckpointFiles) -> tuple[tuple[KindName, ...], tuple[str, ...]]:
    """The kinds of what is read, with their names; of a sentence encoder as its files say."""
    if seen.modes:
        own = sentence_transformers.kinds(seen.modes)
        return own, tuple(_called(kind, mode) for kind, mode in zip(own, seen.modes, strict=True))
    kinds = (r.kind if r.tensor.endswith(STATES) else "other" for r in result.readouts)
    return tuple(kinds), tuple(map(noun, result.readouts))


def _called(kind: KindName, mode: str) -> str:
    """What a mode of a sentence encoder reads; one that no kind says keeps its own name."""
    return f"{mode} pooling" if kind == "other" else noun_of_kind(kind)


def _served(name: ServerName, pooling: ServerPooling, reads: Sequence[KindName]) -> Served:
    version = _version(name)
    if pooling.own:
        return Served(name, version, pooling, same=True)
    if pooling.kind is None:
        return Served(name, version, pooling, same=None)
    same, provided = alike(reads, pooling.kind)
    return Served(name, version, pooling, same, provided)


def _mended(served: Served, seen: CheckpointFiles, files: Mapping[str, str]) -> Served:
    """With the option that changes it, where it differs, or serves nothing for want of a pooling."""
    change = "" if served.same else option(served.server, seen, files)
    return replace(served, change=change)


def _version(name: ServerName) -> str:
    """The version whose sources were read."""
    own = {"sentence-transformers": sentence_transformers.VERSION}
    return own[name] if name in own else str(table(name.replace(".", "_"))["version"])


def alike(reads: Sequence[KindName], pooled: KindName) -> tuple[bool, str]:
    """Whether a pooling takes of a text without padding what a model reads, and under which condition."""
    if len(reads) != 1:
        return False, ""
    same = pooled == without_padding(reads[0])
    return same, KINDS[reads[0]].provided if same else ""
