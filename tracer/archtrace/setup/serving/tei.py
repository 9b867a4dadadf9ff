"""text-embeddings-inference: its Candle backend."""

from __future__ import annotations

from collections.abc import Mapping

from archtrace.answer.result import KindName
from archtrace.answer.serving import ServerPooling
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import POOLINGS, table

_ROUTER = "router/src/lib.rs: get_backend_model_type"
_MODELS = "backends/candle/src/models/*.rs: load"
#: What --pooling takes (backends/core/src/lib.rs, Pool), and the kind.
OPTIONS: Mapping[str, KindName] = {"cls": "first", "mean": "masked_mean", "last-token": "last_non_pad"}
#: The fields of a file that are asked, in their order (router/src/lib.rs, PoolConfig), and the option that each is.
_FIELDS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last-token",
}
#: Without these the file cannot be read.
_NEEDED = ("pooling_mode_cls_token", "pooling_mode_mean_tokens")


def pools(checkpoint: CheckpointFiles) -> ServerPooling:
    """What it pools when it is started without --pooling, which it ignores for a classifier."""
    known, kind = table("tei"), checkpoint.model_type
    if kind not in (*known["classifies"], *known["embeds"]):
        return ServerPooling(
            None, f"it has no model type {kind or 'without a config'}", "backends/candle/src/lib.rs: Config"
        )
    if not checkpoint.architecture.endswith("Classification"):
        return _embedding(checkpoint)
    if kind not in known["classifies"]:
        return ServerPooling(None, f"its {kind} has no classification head", _MODELS)
    decides = str(checkpoint.field(known["fields"].get(kind)) or "cls")
    return ServerPooling(POOLINGS.get(decides), f"its {kind}, as a classifier", _MODELS)


def takes_pooling_option(checkpoint: CheckpointFiles) -> bool:
    """Whether --pooling has an effect: not for a classifier, nor for a model type that it does not know."""
    known = table("tei")
    is_known = checkpoint.model_type in (*known["classifies"], *known["embeds"])
    return is_known and not checkpoint.architecture.endswith("Classification")


def _embedding(checkpoint: CheckpointFiles) -> ServerPooling:
    fields = checkpoint.pooling
    if fields is None:
        if table("tei")["cls_by_default"] in checkpoint.model_type:
            return ServerPooling("first", "its default without 1_Pooling/config.json", _ROUTER)
        return ServerPooling(None, "it asks for --pooling: there is no 1_Pooling/config.json", _ROUTER)
    if any(name not in fields for name in _NEEDED):
        return ServerPooling(
            None, "it cannot read this 1_Pooling/config.json, which has no pooling_mode_cls_token", _ROUTER
        )
    name = next((word for field, word in _FIELDS.items() if fields.get(field)), None)
    if name is None:
        return ServerPooling(None, "it has no such pooling as 1_Pooling/config.json names", _ROUTER)
    return ServerPooling(OPTIONS[name], "1_Pooling/config.json", _ROUTER)
