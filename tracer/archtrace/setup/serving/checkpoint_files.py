"""What a server knows of a model: the files of its checkpoint, and nothing of the model's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archtrace.errors import TargetError, refusal
from archtrace.targets import by_name, head_kinds
from archtrace.targets.configs import name_list
from archtrace.targets.sentence import LEGACY
from archtrace.targets.target_options import TargetOptions
from archtrace.tracing.trace import Trace


@dataclass(frozen=True)
class CheckpointFiles:
    """`architecture` as `config.json` names it; `config` as transformers builds it, None for a class without one.

    `pooling`: the fields of `1_Pooling/config.json`, and `modes` what sentence-transformers makes of them; None and
    empty where the model is no sentence encoder.
    """

    architecture: str
    config: object
    pooling: Mapping[str, object] | None = None
    modes: tuple[str, ...] = ()

    @property
    def model_type(self) -> str:
        """The config's model type; empty without one."""
        return str(getattr(self.config, "model_type", ""))

    @property
    def classifies(self) -> bool:
        """Whether its name is that of a sequence classifier of transformers."""
        return self.architecture.endswith("ForSequenceClassification")

    @property
    def text(self) -> object:
        """The part of the config that is about text, most often all of it; None without one."""
        of_text: Callable[[], object] | None = getattr(self.config, "get_text_config", None)
        return self.config if of_text is None else of_text()

    def field(self, name: str | None) -> object:
        """A field of the config; None where there is none."""
        return getattr(self.config, name, None) if name else None


def checkpoint_files(traced: Trace, target: object) -> CheckpointFiles:
    """The files of a traced target. Raises TargetError for a head that is neither a classifier nor an encoder."""
    if not any(finding.code == "sentence-encoder" for finding in traced.target.findings):
        _refuse_other_heads(traced)
        return CheckpointFiles(traced.result.class_name, traced.config)
    return _encoder(traced, target)


def _refuse_other_heads(traced: Trace) -> None:
    kind = head_kinds.kind_of(type(traced.module))
    if kind not in (None, head_kinds.HEADS[head_kinds.DEFAULT]):
        raise refusal(
            f"what servers pool for a {kind.noun} is not known" if kind else "",
            where=traced.result.class_name,
            why="the tables are about sequence classifiers and sentence encoders",
            do="name one of these",
        )


def _encoder(traced: Trace, target: object) -> CheckpointFiles:
    origin = by_name.origin(str(target), TargetOptions()) if isinstance(target, str | Path) else None
    parts = origin.encoder.parts if origin and origin.encoder else ()
    fields = next((part.fields for part in parts if part.kind == "Pooling"), None)
    if origin is None or fields is None:  # a live encoder: the files are not at hand
        raise TargetError("what servers pool for a sentence encoder is told of its folder or id alone; name that")
    architectures = name_list(origin.fields, "architectures", origin.where)
    class_name = type(getattr(traced.module, "transformer", traced.module)).__name__
    modes = name_list(fields, "modes", origin.where)
    pooling = (
        _in_both_schemas(modes) if origin.source == "bundled" else {k: v for k, v in fields.items() if k != "modes"}
    )
    return CheckpointFiles(architectures[0] if architectures else class_name, traced.config, pooling, modes)


def _in_both_schemas(modes: Sequence[str]) -> Mapping[str, object]:
    """The fields as either schema of the file has them: the bundled table does not say in which one a file is."""
    flags = {field: mode in modes for field, mode in LEGACY.items()}
    return {**flags, "pooling_mode": modes[0] if len(modes) == 1 else list(modes)}
