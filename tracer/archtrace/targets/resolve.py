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
from archtrace.targets.target import Make, ModelConfig, ModelFindings, Target, is_config, is_module, no_findings
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
    options = TargetOptions(num_labels, config, overrides or {}, trust_remote_code, arguments or {}, head)
    if head is not None:
        head_kinds.classes(head)  # an unknown one is refused before anything is looked up
    if isinstance(target, str | Path):
        return _from_text(str(target), options)
    name: str = getattr(target, "__name__", type(target).__name__)
    resolved = _from_object(name, target, options)
    if resolved is None:
        raise refusal(
            f"a {type(target).__name__} is no target",
            why="a target is an id, a folder, file.py:Class, a config, a class, a function or a module",
            do="give one of these",
        )
    return resolved


def _from_object(name: str, given: object, options: TargetOptions, folder: str = "") -> Target | None:
    """The target of a class, a config, a live module or a function; None for anything else."""
    if isinstance(given, type):
        return classes.from_class(name, given, options, folder)
    if is_config(given):
        return _from_config(given, options)
    if is_module(given):
        return classes.from_module(given, options, name if folder else "")
    return classes.from_class(name, given, options, folder) if callable(given) else None


def _from_text(text: str, options: TargetOptions) -> Target:
    if code.is_code(text):
        value, folder = code.load(text)
        return _from_object(text, value, options, folder) or classes.from_class(text, value, options)
    if not text.strip():
        raise refusal(
            "the target is empty", why="there is nothing to look up", do="name a model, such as bert-base-uncased"
        )
    kind = _class_named(text.strip(), options)
    if kind is not None:
        return classes.from_class(kind, library.model_class(kind), options)
    if options.arguments:
        raise refusal(
            f"{text} takes no arguments",
            why="only the constructor of a class of yours does, or a function that builds a model",
            do="change its config instead (--config-set KEY=VALUE)",
        )
    return _from_name(text, options)


def _class_named(text: str, options: TargetOptions) -> str | None:
    """The class of the library that a text names, where the default config of its type will not do."""
    name = None if folders.exists(text) else library.canonical_name(text)
    if name is None or name in library.model_types():
        return None
    return name if options.config is not None or name not in library.classifiers().values() else None


def _from_name(text: str, options: TargetOptions) -> Target:
    origin = by_name.origin(text, options)
    model = _model(origin, options)
    fields = {k: v for k, v in origin.fields.items() if k not in ("architectures", "auto_map")}
    config = configs.construct(model.config_class(), fields, options.fields(), origin.where)
    config = head_kinds.part_of(config, model.name) if options.head is not None else config
    findings = (*origin.findings, *model.findings, *fills.fill(config))
    model_findings = _adapter_findings(origin.adapter) if origin.adapter else no_findings
    if origin.adapter and origin.adapter.prompt is not None:
        model = replace(model, name=prompts.WRAPPER, make=prompts.in_wrapper(model.make, origin.adapter))
    return Target(
        text,
        model.name,
        model.model_type,
        config,
        origin.source,
        model.make,
        findings=findings,
        model_findings=model_findings,
    )


def _adapter_findings(adapter: adapters.Adapter) -> ModelFindings:
    """The findings about an adapter, made once it is known which modules stand between what is read and the logits."""

    def model_findings(module: torch.nn.Module, readouts: Sequence[Readout]) -> tuple[Finding, ...]:
        owners = {path for path, part in module.named_modules() if any(True for _ in part.parameters(recurse=False))}
        head = [path for readout in readouts for path in readout.path if path in owners]
        return tuple(adapters.findings(adapter, head))

    return model_findings


@dataclass(frozen=True)
class _Model:
    """A model class whose config is still to be made."""

    name: str
    model_type: str | None
    config_class: Callable[[], ConfigClass]
    make: Make
    findings: tuple[Finding, ...] = ()


def _model(origin: by_name.Origin, options: TargetOptions) -> _Model:
    model_type = str(origin.fields.get("model_type", ""))
    auto_map = configs.table(origin.fields, "auto_map", origin.where)
    # A head that the user names stands on the backbone, whatever else the checkpoint has behind it.
    encoder = origin.encoder if options.head is None else None
    trusted = options.trust_remote_code and options.head in (None, head_kinds.DEFAULT)
    auto_class = remote.MODEL if encoder is None else remote.BARE
    if trusted and remote.usable(auto_map, auto_class):
        config_class, model_class = remote.classes(auto_map, origin.repository, auto_class, origin.revision)
        model = _Model(model_class.__name__, model_type or None, lambda: config_class, model_class)
        return model if encoder is None else _with_encoder(encoder, origin.where, model)
    if auto_map and model_type not in library.model_types():
        problem = remote.without_classifier(auto_map, origin.where) if trusted else None
        raise problem or remote.untrusted(model_type, origin.where)
    if encoder is not None:
        bare = _named_model(library.bare_name(model_type, origin.where), model_type)
        return _with_encoder(encoder, origin.where, bare)
    architectures = configs.name_list(origin.fields, "architectures", origin.where)
    model = _library_model(model_type, architectures, origin.where, options.head)
    if options.head is not None:
        return model
    return replace(model, findings=other_head.findings(_fields_of_base(origin), model.name, origin.where))


def _fields_of_base(origin: by_name.Origin) -> Mapping[str, object]:
    """The fields of the config, without the head that the adapter of a classifier replaces by its own."""
    replaced = origin.adapter is not None and origin.adapter.classifies
    return {**origin.fields, "architectures": ()} if replaced else origin.fields


def _with_encoder(encoder: Encoder, where: str, model: _Model) -> _Model:
    """The model with what sentence-transformers puts behind it."""
    make: Make = lambda config: encoders.build(model.make(config), encoder)  # noqa: E731
    name, findings = encoders.title(model.name, encoder), encoders.findings(encoder, where)
    return replace(model, name=name, make=make, findings=findings)


def _library_model(model_type: str, architectures: Sequence[str], where: str, head: str | None) -> _Model:
    return _named_model(head_kinds.class_name(head, model_type, architectures, where), model_type)


def _named_model(name: str, model_type: str) -> _Model:
    return _Model(
        name, model_type, lambda: library.config_class(model_type), lambda config: library.construct(name, config)
    )


def _from_config(given: ModelConfig, options: TargetOptions) -> Target:
    config = classes.of_config(given, options)
    name = type(config).__name__
    architectures = configs.name_list(vars(config), "architectures", name)
    model = _library_model(config.model_type, architectures, name, options.head)
    fields = {"architectures": architectures}
    of_head = () if options.head else other_head.findings(fields, model.name, name)
    findings = (*of_head, *fills.fill(config))
    return Target(name, model.name, config.model_type, config, "given", model.make, findings=findings)
