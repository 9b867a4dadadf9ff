"""resolve: the one way from what the user names to a target that can be built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archtrace.targets import classes, code, configs, fills, head_kinds, library, names, remote
from archtrace.targets.messages import refusal
from archtrace.targets.target import Target
from archtrace.targets.wishes import Wishes


def resolve(
    target: Any,
    *,
    num_labels: int | None = None,
    config: str | Path | Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    head: str | None = None,
) -> Target:
    """What `target` stands for: an id, a model type, a folder, `module:Class`, `file.py:Class`, a config, a class or a
    live module. `head` is a kind of head_kinds.HEADS, of a target without a class of its own. Raises TargetError, whose
    message says what, where, why and what to do."""
    wishes = Wishes(num_labels, config, overrides or {}, trust_remote_code, head)
    if head is not None:
        head_kinds.classes(head)  # an unknown one is refused before anything is looked up
    if isinstance(target, str | Path):
        return _from_text(str(target), wishes)
    if isinstance(target, type):
        return classes.from_class(target.__name__, target, wishes)
    if hasattr(target, "to_diff_dict"):
        return _from_config(target, wishes)
    if callable(getattr(target, "named_modules", None)):
        return classes.from_module(target, wishes)
    raise refusal(
        f"a {type(target).__name__} is no target",
        why="a target is an id, a folder, file.py:Class, a config, a class or a module",
        do="give one of these",
    )


def _from_text(text: str, wishes: Wishes) -> Target:
    if code.is_code(text):
        found, folder = code.load(text)
        return classes.from_class(text, found, wishes, folder)
    if not text.strip():
        raise refusal(
            "the target is empty", why="there is nothing to look up", do="name a model, such as bert-base-uncased"
        )
    origin = names.origin(text, wishes)
    model = _model(origin, wishes)
    fields = {k: v for k, v in origin.fields.items() if k not in ("architectures", "auto_map")}
    config = configs.construct(model.config_class(), fields, wishes.fields(), origin.where)
    config = head_kinds.part_of(config, model.name) if wishes.head is not None else config
    findings = (*origin.findings, *fills.fill(config))
    return Target(text, model.name, model.model_type, config, origin.source, model.make, findings=findings)


@dataclass(frozen=True)
class _Model:
    """A model class whose config is still to be made."""

    name: str
    model_type: str | None
    config_class: Callable[[], Any]
    make: Callable[[Any], Any]


def _model(origin: names.Origin, wishes: Wishes) -> _Model:
    model_type = str(origin.fields.get("model_type", ""))
    auto_map = origin.fields.get("auto_map") or {}
    trusted = wishes.trust_remote_code and wishes.head in (None, head_kinds.DEFAULT)
    if trusted and remote.usable(auto_map):
        config_class, model_class = remote.classes(auto_map, origin.repository)
        return _Model(model_class.__name__, model_type or None, lambda: config_class, model_class)
    if auto_map and model_type not in library.model_types():
        problem = remote.without_classifier(auto_map, origin.where) if trusted else None
        raise problem or remote.untrusted(model_type, origin.where)
    return _library_model(model_type, origin.fields.get("architectures") or (), origin.where, wishes.head)


def _library_model(model_type: str, architectures: Any, where: str, head: str | None) -> _Model:
    name = head_kinds.class_name(head, model_type, tuple(architectures), where)
    return _Model(
        name, model_type, lambda: library.config_class(model_type), lambda config: library.construct(name, config)
    )


def _from_config(given: Any, wishes: Wishes) -> Target:
    config = classes.of_config(given, wishes)
    name = type(config).__name__
    model = _library_model(config.model_type, config.architectures or (), name, wishes.head)
    findings = fills.fill(config)
    return Target(name, model.name, config.model_type, config, "given", model.make, findings=findings)
