"""vLLM: a class of its own, one that an adapter lets pool, or its Transformers backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from archtrace.answer.result import KindName
from archtrace.answer.serving import ServerPooling
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import POOLINGS, listed, table

_REGISTRY = "vllm/model_executor/models/registry.py: _ModelRegistry.inspect_model_cls"
_BACKEND = "vllm/model_executor/models/transformers/pooling.py: SequenceClassificationMixin, EmbeddingMixin"
#: The poolings that it has for a whole text: vllm/config/pooler.py, SequencePoolingType.
NAMES: tuple[str, ...] = ("CLS", "LAST", "MEAN")


def pools(subject: CheckpointFiles) -> ServerPooling:
    """What vLLM pools when it is started without a pooler config: config/model.py, ModelConfig.__post_init__."""
    default = _default(subject)
    configured, by = _configured(subject)
    return replace(default, kind=configured, by=f"{by}, in {default.by}") if configured and default.kind else default


def _default(subject: CheckpointFiles) -> ServerPooling:
    """The class that takes an architecture, and what it pools where nothing else is said."""
    known, architecture = table("vllm"), subject.architecture
    if kind := listed(known["pools"], architecture):
        return ServerPooling(kind, f"its own {architecture}", _REGISTRY)
    base = _base(architecture)
    if base is None:
        return _backend(subject)
    if kind := listed(known["adapted"], base):
        taken = f"its own {base}" if base == architecture else f"its {base}, with a head put behind it"
        return ServerPooling(kind, taken, "vllm/model_executor/models/adapters.py: as_seq_cls_model")
    return ServerPooling(
        None, f"its {base} takes the place of {architecture} and has no head for a whole text", _REGISTRY
    )


def decided(subject: CheckpointFiles) -> bool:
    """Whether no pooler config is heard: vLLM has no such model, or a field of its config decides."""
    return _default(subject).kind is None or subject.architecture in table("vllm")["fields"]


def _configured(subject: CheckpointFiles) -> tuple[KindName | None, str]:
    """What goes before the default, and where it is said: a field of the config, a sentence encoder's files."""
    field = table("vllm")["fields"].get(subject.architecture)
    if kind := POOLINGS.get(str(subject.field(field)).lower()):
        return kind, f"{field} of the config"
    return of_files(subject), "1_Pooling/config.json"


def of_files(subject: CheckpointFiles) -> KindName | None:
    """What it takes from a sentence encoder's files (transformers_utils/config.py, get_pooling_config): the last
    pooling named there that it has."""
    named = [_pooling_type(name) for name in _named(subject)]
    return next((POOLINGS[name.lower()] for name in reversed(named) if name in NAMES), None)


def _named(subject: CheckpointFiles) -> Iterator[str]:
    for key, value in (subject.pooling or {}).items():
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


def _backend(subject: CheckpointFiles) -> ServerPooling:
    """The Transformers backend, for classes of transformers whose attention can be replaced
    (registry.py, _try_resolve_transformers)."""
    import transformers

    own: type | None = getattr(transformers, subject.architecture, None)
    if own is None:
        return ServerPooling(None, f"neither vLLM nor transformers has a class {subject.architecture}", _REGISTRY)
    if not (_answers(own, "is_backend_compatible") or _answers(own, "_can_set_attn_implementation")):
        return ServerPooling(None, f"transformers' {subject.architecture} lets no other attention in", _REGISTRY)
    name = _backend_class(subject)
    kind = listed(table("vllm")["backend"], name)
    if kind is None:
        return ServerPooling(None, f"its Transformers backend has no {name}", _BACKEND)
    return ServerPooling(kind, f"{name}, its Transformers backend", _BACKEND)


def _answers(own: type, name: str) -> bool:
    """What a class of transformers answers; older releases do not know the question."""
    question: Callable[[], bool] | None = getattr(own, name, None)
    return bool(question()) if question else False


def _backend_class(subject: CheckpointFiles) -> str:
    """The class of the backend: config/model.py, _get_transformers_backend_cls."""
    text = subject.text
    counts: Iterator[int | None] = (getattr(text, name, None) for name in table("vllm")["experts"])
    experts = next((count for count in counts if count is not None), 0)
    parts = ("MultiModal" if text is not subject.config else "", "MoE" if experts else "")
    return f"Transformers{''.join(parts)}{'ForSequenceClassification' if subject.classifies else 'EmbeddingModel'}"
