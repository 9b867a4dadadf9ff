"""SGLang: a class of its own with a Pooler in it, or its Transformers backend; no file says otherwise."""

from __future__ import annotations

from collections.abc import Callable

from archtrace.answer.serving import ServerPooling
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import listed_kind, table

_MODELS = "sglang/srt/models: EntryClass, and the Pooler of each class"
_BACKEND = "sglang/srt/models/transformers.py: EmbeddingMixin"


def pools(checkpoint: CheckpointFiles) -> ServerPooling:
    """What SGLang pools: srt/model_loader/utils.py, get_model_architecture."""
    known, architecture = table("sglang"), checkpoint.architecture
    field, own = known["mean_if"].get(checkpoint.model_type, (None, ""))
    if checkpoint.field(field):
        return ServerPooling("masked_mean", f"its own {own}", _MODELS)
    option = "" if architecture in known["embeds_unasked"] else ", started with --is-embedding"
    if kind := listed_kind(known["pools"], architecture):
        return ServerPooling(kind, f"its own {architecture}{option}", _MODELS)
    if architecture in known["other"]:
        return ServerPooling(None, f"its own {architecture} pools nothing", _MODELS)
    return _backend(checkpoint)


def _backend(checkpoint: CheckpointFiles) -> ServerPooling:
    import transformers

    own: type | None = getattr(transformers, checkpoint.architecture, None)
    compatible: Callable[[], bool] | None = getattr(own, "is_backend_compatible", None)
    if compatible is None or not compatible():
        return ServerPooling(
            None, f"it has no {checkpoint.architecture}, and cannot take transformers' class", _BACKEND
        )
    kind = "first" if str(checkpoint.field("pooling_type")).upper() == "CLS" else "last_non_pad"
    head = ", which leaves the head out" if checkpoint.classifies else ""
    return ServerPooling(kind, f"its Transformers backend{head}, started with --is-embedding", _BACKEND)
