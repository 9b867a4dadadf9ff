"""vLLM: a class of its own, one that an adapter lets pool, or its Transformers backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from archtrace.answer.result import KindName
from archtrace.answer.serving import ServerPooling
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import POOLINGS, listed_kind, table

_REGISTRY = "vllm/model_executor/models/registry.py: _ModelRegistry.inspect_model_cls"
_BACKEND = "vllm/model_executor/models/transformers/pooling.py: SequenceClassificationMixin, EmbeddingMixin"
#: The poolings that it has for a whole text: vllm/config/pooler.py, SequencePoolingType.
NAMES: tuple[str, ...] = ("CLS", "LAST", "MEAN")


def pools(checkpoint: CheckpointFiles) -> ServerPooling:
    """What vLLM pools when it is started without a pooler config: config/model.py, ModelConfig.__post_init__."""
    default = _default(checkpoint)
    configured, by = _configured(checkpoint)
    return replace(default, kind=configured, by=f"{by}, in {default.by}") if configured and default.kind else default


def _default(checkpoint: CheckpointFiles) -> ServerPooling:
    """The class of vLLM that runs an architecture, and what it pools where nothing is configured."""
    known, architecture = table("vllm"), checkpoint.architecture
    if kind := listed_kind(known["pools"], architecture):
        return ServerPooling(kind, f"its own {architecture}", _REGISTRY)
    base = _base(architecture)
    if base is None:
        return _backend(checkpoint)
    if kind := listed_kind(known["adapted"], base):
        taken = f"its own {base}" if base == architecture else f"its {base}, with a head put behind it"
        return ServerPooling(kind, taken, "vllm/model_executor/models/adapters.py: as_seq_cls_model")
    return ServerPooling(
        None, f"its {base} takes the place of {architecture} and has no head for a whole text", _REGISTRY
    )


def ignores_pooler_config(checkpoint: CheckpointFiles) -> bool:
    """Whether a pooler config has no effect: vLLM has no such model, or a field of the model's config decides."""
    return _default(checkpoint).kind is None or checkpoint.architecture in table("vllm")["fields"]


def _configured(checkpoint: CheckpointFiles) -> tuple[KindName | None, str]:
    """What overrides the default, and where it stands: a field of the config, or a sentence encoder's files."""
    field = table("vllm")["fields"].get(checkpoint.architecture)
    if kind := POOLINGS.get(str(checkpoint.field(field)).lower()):
        return kind, f"{field} of the config"
    return of_files(checkpoint), "1_Pooling/config.json"


def of_files(checkpoint: CheckpointFiles) -> KindName | None:
    """What it takes from a sentence encoder's files (transformers_utils/config.py, get_pooling_config): the last
    pooling named there that it has."""
    types = [_pooling_type(name) for name in _pooling_names(checkpoint)]
    return next((POOLINGS[name.lower()] for name in reversed(types) if name in NAMES), None)


def _pooling_names(checkpoint: CheckpointFiles) -> Iterator[str]:
    for key, value in (checkpoint.pooling or {}).items():
        if key == "pooling_mode" and isinstance(value, str):
            yield value
        elif value is True:
            yield key


def _pooling_type(name: str) -> str:
    """parse_pooling_type of the same file: `pooling_mode_mean_sqrt_len_tokens` is MEAN to it."""
    name = name.replace("pooling_mode_", "").split("_", 1)[0]
    return "LAST" if "lasttoken" in name else name.upper()


def _base(architecture: str) -> str | None:
    """The registered architecture that takes the place of one: itself, or with another ending (_normalize_arch)."""
    known = table("vllm")
    groups = (*known["pools"].values(), *known["adapted"].values(), known["other"])
    own = next((suffix for suffix in known["suffixes"] if architecture.endswith(suffix)), None)
    others = (architecture.replace(own, suffix) for suffix in known["suffixes"]) if own else ()
    return next((name for name in (architecture, *others) if any(name in group for group in groups)), None)


def _backend(checkpoint: CheckpointFiles) -> ServerPooling:
    """The Transformers backend, for classes of transformers whose attention can be replaced
    (registry.py, _try_resolve_transformers)."""
    import transformers

    own: type | None = getattr(transformers, checkpoint.architecture, None)
    if own is None:
        return ServerPooling(None, f"neither vLLM nor transformers has a class {checkpoint.architecture}", _REGISTRY)
    if not (_class_says(own, "is_backend_compatible") or _class_says(own, "_can_set_attn_implementation")):
        return ServerPooling(None, f"transformers' {checkpoint.architecture} lets no other attention in", _REGISTRY)
    name = _backend_class(checkpoint)
    kind = listed_kind(table("vllm")["backend"], name)
    if kind is None:
        return ServerPooling(None, f"its Transformers backend has no {name}", _BACKEND)
    return ServerPooling(kind, f"{name}, its Transformers backend", _BACKEND)


def _class_says(own: type, name: str) -> bool:
    """What a method of a class of transformers answers; False in older releases, which lack it."""
    method: Callable[[], bool] | None = getattr(own, name, None)
    return bool(method()) if method else False


def _backend_class(checkpoint: CheckpointFiles) -> str:
    """The class of the backend: config/model.py, _get_transformers_backend_cls."""
    text = checkpoint.text
    counts: Iterator[int | None] = (getattr(text, name, None) for name in table("vllm")["experts"])
    experts = next((count for count in counts if count is not None), 0)
    parts = ("MultiModal" if text is not checkpoint.config else "", "MoE" if experts else "")
    return f"Transformers{''.join(parts)}{'ForSequenceClassification' if checkpoint.classifies else 'EmbeddingModel'}"
