"""resolve: the one way from what the user names to a target that can be built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archtrace.answer.result import Finding, Readout
from archtrace.errors import refusal
from archtrace.targets import (
    adapters,
    by_name,
    classes,
    code,
    configs,
    encoders,
    fills,
    folders,
    head_kinds,
    library,
    other_head,
    prompts,
    remote,
)
from archtrace.targets.configs import ConfigClass
from archtrace.targets.sentence import Encoder
from archtrace.targets.target import Make, ModelConfig, Target, is_config, is_module, nothing
from archtrace.targets.target_options import TargetOptions

if TYPE_CHECKING:
    import torch


def resolve(
    target: object,
    *,
    num_labels: int | None = None,
    config: str | Path | Mapping[str, object] | None = None,
    overrides: Mapping[str, object] | None = None,
    trust_remote_code: bool = False,
    arguments: Mapping[str, object] | None = None,
    head: str | None = None,
) -> Target:
    """What `target` stands for: an id or an address of the Hub, a model type, a class of the library, a folder or its
    config.json, `module:name` or `file.py:name` of a class, a function or a module, a config, a class, a function that
    builds a model, or a live module. `head` is a kind of head_kinds.HEADS, of a target without a class of its own.
    Raises TargetError, whose message says what, where, why and what to do."""
    wishes = TargetOptions(num_labels, config, overrides or {}, trust_remote_code, arguments or {}, head)
    if head is not None:
        head_kinds.classes(head)  # an unknown one is refused before anything is looked up
    if isinstance(target, str | Path):
        return _from_text(str(target), wishes)
    name: str = getattr(target, "__name__", type(target).__name__)
    found = _from_object(name, target, wishes)
    if found is None:
        raise refusal(
            f"a {type(target).__name__} is no target",
            why="a target is an id, a folder, file.py:Class, a config, a class, a function or a module",
            do="give one of these",
        )
    return found


def _from_object(name: str, given: object, wishes: TargetOptions, folder: str = "") -> Target | None:
    """The target of a class, a config, a live module or a function; None for anything else."""
    if isinstance(given, type):
        return classes.from_class(name, given, wishes, folder)
    if is_config(given):
        return _from_config(given, wishes)
    if is_module(given):
        return classes.from_module(given, wishes, name if folder else "")
    return classes.from_class(name, given, wishes, folder) if callable(given) else None


def _from_text(text: str, wishes: TargetOptions) -> Target:
    if code.is_code(text):
        found, folder = code.load(text)
        return _from_object(text, found, wishes, folder) or classes.from_class(text, found, wishes)
    if not text.strip():
        raise refusal(
            "the target is empty", why="there is nothing to look up", do="name a model, such as bert-base-uncased"
        )
    kind = _class_named(text.strip(), wishes)
    if kind is not None:
        return classes.from_class(kind, library.model_class(kind), wishes)
    if wishes.arguments:
        raise refusal(
            f"{text} takes no arguments",
            why="only the constructor of a class of yours does, or a function that builds a model",
            do="change its config instead (--config-set KEY=VALUE)",
        )
    return _from_name(text, wishes)


def _class_named(text: str, wishes: TargetOptions) -> str | None:
    """The class of the library that a text by_name, where its default config will not do."""
    name = None if folders.exists(text) else library.spelled(text)
    if name is None or name in library.model_types():
        return None
    return name if wishes.config is not None or name not in library.classifiers().values() else None


def _from_name(text: str, wishes: TargetOptions) -> Target:
    origin = by_name.origin(text, wishes)
    model = _model(origin, wishes)
    fields = {k: v for k, v in origin.fields.items() if k not in ("architectures", "auto_map")}
    config = configs.construct(model.config_class(), fields, wishes.fields(), origin.where)
    config = head_kinds.part_of(config, model.name) if wishes.head is not None else config
    findings = (*origin.findings, *model.findings, *fills.fill(config))
    told = _of_adapter(origin.adapter) if origin.adapter else nothing
    if origin.adapter and origin.adapter.prompt is not None:
        model = replace(model, name=prompts.WRAPPER, make=prompts.behind(model.make, origin.adapter))
    return Target(
        text, model.name, model.model_type, config, origin.source, model.make, findings=findings, told=told
    )  # fmt: skip


def _of_adapter(adapter: adapters.Adapter) -> Callable[[torch.nn.Module, Sequence[Readout]], tuple[Finding, ...]]:
    """What is said of an adapter once it is known which modules stand behind what is read."""

    def told(module: torch.nn.Module, readouts: Sequence[Readout]) -> tuple[Finding, ...]:
        own = {path for path, part in module.named_modules() if any(True for _ in part.parameters(recurse=False))}
        return tuple(adapters.told(adapter, [path for each in readouts for path in each.path if path in own]))

    return told


@dataclass(frozen=True)
class _Model:
    """A model class whose config is still to be made."""

    name: str
    model_type: str | None
    config_class: Callable[[], ConfigClass]
    make: Make
    findings: tuple[Finding, ...] = ()


def _model(origin: by_name.Origin, wishes: TargetOptions) -> _Model:
    model_type = str(origin.fields.get("model_type", ""))
    auto_map = configs.table(origin.fields, "auto_map", origin.where)
    # a head that is asked for stands on the backbone, whatever else the checkpoint has behind it
    encoder = origin.encoder if wishes.head is None else None
    trusted = wishes.trust_remote_code and wishes.head in (None, head_kinds.DEFAULT)
    wanted = remote.MODEL if encoder is None else remote.BARE
    if trusted and remote.usable(auto_map, wanted):
        config_class, model_class = remote.classes(auto_map, origin.repository, wanted, origin.revision)
        made = _Model(model_class.__name__, model_type or None, lambda: config_class, model_class)
        return made if encoder is None else _behind(encoder, origin.where, made)
    if auto_map and model_type not in library.model_types():
        problem = remote.without_classifier(auto_map, origin.where) if trusted else None
        raise problem or remote.untrusted(model_type, origin.where)
    if encoder is not None:
        return _behind(encoder, origin.where, _named_model(library.bare_name(model_type, origin.where), model_type))
    architectures = configs.name_list(origin.fields, "architectures", origin.where)
    model = _library_model(model_type, architectures, origin.where, wishes.head)
    told = other_head.told(_own(origin), model.name, origin.where) if wishes.head is None else ()
    return replace(model, findings=told)


def _own(origin: by_name.Origin) -> Mapping[str, object]:
    """The fields of the config, without the head that an adapter of a classifier brings along in its place."""
    brought = origin.adapter is not None and origin.adapter.classifies
    return {**origin.fields, "architectures": ()} if brought else origin.fields


def _behind(encoder: Encoder, where: str, model: _Model) -> _Model:
    """The model with what sentence-transformers puts behind it."""
    make: Make = lambda config: encoders.build(model.make(config), encoder)  # noqa: E731
    return replace(model, name=encoders.title(model.name, encoder), make=make, findings=encoders.told(encoder, where))


def _library_model(model_type: str, architectures: Sequence[str], where: str, head: str | None) -> _Model:
    return _named_model(head_kinds.class_name(head, model_type, architectures, where), model_type)


def _named_model(name: str, model_type: str) -> _Model:
    return _Model(
        name, model_type, lambda: library.config_class(model_type), lambda config: library.construct(name, config)
    )


def _from_config(given: ModelConfig, wishes: TargetOptions) -> Target:
    config = classes.of_config(given, wishes)
    name = type(config).__name__
    architectures = configs.name_list(vars(config), "architectures", name)
    model = _library_model(config.model_type, architectures, name, wishes.head)
    told = () if wishes.head else other_head.told({"architectures": architectures}, model.name, name)
    findings = (*told, *fills.fill(config))
    return Target(name, model.name, config.model_type, config, "given", model.make, findings=findings)
