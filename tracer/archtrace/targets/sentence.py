"""Sentence encoders: what a checkpoint of sentence-transformers puts behind its model, as its files say.

`modules.json` lists the parts in order, each with a folder of its own: `[{"path": "1_Pooling", "type":
"sentence_transformers.models.Pooling"}, ...]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archtrace.errors import did_you_mean, refusal
from archtrace.targets import configs, hub
from archtrace.targets.hub import ConfigLocation

#: Fields of the schema before 5.4, a boolean each, and the modes that they stand for, in the order of their results.
LEGACY: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
MODES = frozenset(LEGACY.values())


@dataclass(frozen=True)
class EncoderPart:
    """One module behind the model: its type's last word (`Pooling`) and the fields of its config."""

    kind: str
    fields: Mapping[str, object]

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of a pooling."""
        return configs.name_list(self.fields, "modes", self.kind)

    @property
    def width(self) -> int:
        """The width of what a dense layer gives."""
        width = self.fields["out_features"]
        return int(width) if isinstance(width, int | float | str) else 0


@dataclass(frozen=True)
class Encoder:
    """The parts behind the model, in their order."""

    parts: tuple[EncoderPart, ...]

    @property
    def modes(self) -> tuple[str, ...]:
        """The pooling modes, whose results are concatenated."""
        return tuple(mode for part in self.parts if part.kind == "Pooling" for mode in part.modes)

    @property
    def leaves_prompt_out(self) -> bool:
        """Whether the tokens of a prompt are not pooled, where there is one."""
        return any(part.fields.get("include_prompt") is False for part in self.parts)


def read(location: ConfigLocation) -> Encoder | None:
    """The parts behind the model of a checkpoint; None where it is no sentence encoder with a pooling."""
    path = location.file(hub.MODULES)
    modules = _modules(path) if path else []
    if path is None or "Pooling" not in map(_kind, modules):
        return None
    return Encoder(tuple(_part(module, location, path) for module in modules if _kind(module) != "Transformer"))


def from_table(parts: Sequence[Mapping[str, object]], where: str) -> Encoder:
    """The parts of a table's entry: each its `kind` and the fields of its config."""
    kinds = [(str(each["kind"]), each) for each in parts]
    return Encoder(tuple(EncoderPart(kind, _PARTS[kind](each, where)) for kind, each in kinds))


def transformer(path: Path, location: ConfigLocation) -> Path:
    """The config of the model that a modules.json names. TargetError where it is not there."""
    for module in (each for each in _modules(path) if _kind(each) == "Transformer"):
        config = location.file(f"{module.get('path') or '.'}/{hub.FILE}")
        if config is not None:
            return config
    raise refusal(
        "the sentence encoder has no transformer",
        where=str(path),
        why=f"none of its modules is a Transformer with a {hub.FILE}: {', '.join(map(_kind, _modules(path)))}",
        do="name a folder that has one, or a class: path/to/file.py:Class",
    )


def _modules(path: Path) -> list[Mapping[str, object]]:
    try:
        modules: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(modules, list) or not all(isinstance(each, dict) and "type" in each for each in modules):
        raise _unreadable(path, "it is no list of modules, each with a type")
    return modules


def _unreadable(path: Path, why: str) -> Exception:
    return refusal(f"{path.name} cannot be read", where=str(path), why=why, do="write it as sentence-transformers does")


def _kind(module: Mapping[str, object]) -> str:
    return str(module["type"]).rsplit(".", 1)[-1]


def _part(module: Mapping[str, object], location: ConfigLocation, path: Path) -> EncoderPart:
    kind = _kind(module)
    if kind not in _PARTS:
        raise refusal(
            f"a sentence encoder with {kind} is not answered",
            where=str(path),
            why=f"known are Transformer and {', '.join(sorted(_PARTS))}; {kind} is another module",
            do="trace the live model, archtrace.trace(SentenceTransformer(...)[0]), or a class: path/to/file.py:Class",
        )
    config = location.file(f"{module.get('path') or kind}/{hub.FILE}")
    fields, where = configs.read(config) if config else ({}, f"{location.name}/{module.get('path')}")
    return EncoderPart(kind, _PARTS[kind](fields, where))


def _pooling(fields: Mapping[str, object], where: str) -> Mapping[str, object]:
    """The modes in either schema; the mean where the config names none. A config that is missing is refused."""
    if not fields:
        raise refusal(
            "the pooling is not known",
            where=where,
            why=f"modules.json names a Pooling, whose {hub.FILE} cannot be had",
            do="put the file there, or connect to the Hub",
        )
    modes = _pooling_modes(fields, where)
    unknown = next((mode for mode in modes if mode not in MODES), None)
    if unknown is not None:
        raise refusal(
            f"the pooling mode {unknown!r} is not known",
            where=where,
            why=f"sentence-transformers has {', '.join(sorted(MODES))}",
            do=f"{did_you_mean(unknown, MODES)}correct the mode",
        )
    return {**fields, "modes": modes}


def _pooling_modes(fields: Mapping[str, object], where: str) -> tuple[str, ...]:
    named = fields.get("pooling_mode")
    if isinstance(named, str) and named:
        return (named,)
    legacy = tuple(mode for name, mode in LEGACY.items() if fields.get(name))
    return configs.name_list(fields, "pooling_mode", where) or legacy or ("mean",)


def _dense(fields: Mapping[str, object], where: str) -> Mapping[str, object]:
    activation = str(fields.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if "out_features" not in fields or not activation.startswith("torch.nn."):
        raise refusal(
            "the dense layer of the sentence encoder cannot be built",
            where=where,
            why=f"it needs out_features and an activation of torch.nn, and has {activation}",
            do="correct the file",
        )
    return {**fields, "activation_function": activation.rsplit(".", 1)[-1]}


def _as_it_is(fields: Mapping[str, object], where: str) -> Mapping[str, object]:
    return fields


#: The parts that can be built, and what checks and completes the fields of each.
_PARTS: Mapping[str, Callable[[Mapping[str, object], str], Mapping[str, object]]] = {
    "Pooling": _pooling,
    "Dense": _dense,
    "Normalize": _as_it_is,
    "LayerNorm": _as_it_is,
    "Dropout": _as_it_is,
}
