"""llama.cpp: the pooling type that its converter writes into the GGUF."""

from __future__ import annotations

from archtrace.answer.serving import ServerPooling
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import POOLINGS, table

_WRITES = "conversion/base.py: _try_set_pooling_type"
_RANKS = "src/llama-graph.cpp: build_pooling, llm_graph_input_cls::set_input"
#: The fields of a sentence encoder's file, in the order in which they are asked, before `pooling_mode`.
_FIELDS = ("pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_lasttoken")
_MODES = ("mean", "cls", "lasttoken")


def pools(checkpoint: CheckpointFiles) -> ServerPooling:
    """What it pools: of a classifier that it ranks with, the first token, or the mean where the config says so."""
    known, architecture = table("llama_cpp"), checkpoint.architecture
    if architecture in known["ranks"]:
        mean = checkpoint.field("classifier_pooling") == "mean"
        return ServerPooling("masked_mean" if mean else "first", "pooling type RANK, started with --rerank", _RANKS)
    if architecture in known["reads_modules"]:
        return _of_files(checkpoint)
    if architecture in known["other"]:
        return ServerPooling(None, "its converter writes no pooling type: it asks for --pooling", _WRITES)
    return ServerPooling(None, f"its converter does not take {architecture}", "conversion/__init__.py: TEXT_MODEL_MAP")


def _of_files(checkpoint: CheckpointFiles) -> ServerPooling:
    fields = checkpoint.pooling
    if fields is None:
        return ServerPooling(None, "its converter finds no modules.json: it asks for --pooling", _WRITES)
    named = next((field for field in _FIELDS if fields.get(field)), None)
    mode = named.removeprefix("pooling_mode_").split("_")[0] if named else fields.get("pooling_mode")
    if mode not in _MODES:
        return ServerPooling(None, f"its converter refuses the pooling {mode}", _WRITES)
    return ServerPooling(POOLINGS[str(mode)], "1_Pooling/config.json, as its converter reads it", _WRITES)
