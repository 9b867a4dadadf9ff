"""Targets by class or module, with any head: what a constructor takes."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

from archtrace.errors import one_line, refusal
from archtrace.targets import configs, fills, pretrained
from archtrace.targets.configs import ConfigClass
from archtrace.targets.makers import Maker, checked_arguments, constructor_of
from archtrace.targets.pretrained import Loader
from archtrace.targets.target import Make, ModelConfig, ModelFindings, Target
from archtrace.targets.target_options import TargetOptions

if typing.TYPE_CHECKING:
    import torch


def from_class(name: str, kind: object, options: TargetOptions, folder: str = "") -> Target:
    """A target of a class, or of a function that builds a model; `folder` is where its module's own imports lie."""
    if not callable(kind) or (isinstance(kind, type) and not issubclass(kind, _module_type())):
        raise _no_module(name, kind)
    _refuse_head(name, options)
    maker = Maker(name, kind, folder)
    config_kind = config_class(kind)
    if config_kind is not None:
        return _with_config(maker, config_kind, options)
    arguments = checked_arguments(maker, {**_fields(options), **options.arguments})
    return _pretrained(maker, arguments) if pretrained.is_mentioned(kind) else _plain(maker, arguments)


def _plain(maker: Maker, arguments: Mapping[str, object]) -> Target:
    loader = Loader()
    make: Make = lambda _: maker.make(loader, **arguments)  # noqa: E731
    return Target(maker.name, maker.class_name, None, None, "given", make, model_findings=lambda *_: loader.findings())


def _pretrained(maker: Maker, arguments: Mapping[str, object]) -> Target:
    """A target whose constructor calls `from_pretrained`: built once to see of which ids. The config of a single one
    is the target's, so that a small model can be built of it."""
    from archtrace.capture.build import build

    loader = Loader()
    build(lambda: maker.make(loader, **arguments))
    if len(loader.loaded) != 1:
        return _plain(maker, arguments)
    (base,) = loader.loaded.values()
    make: Make = lambda config: maker.make(Loader({base.name: config}, loader.loaded), **arguments)  # noqa: E731
    model_type: str | None = getattr(base.config, "model_type", None)
    findings = loader.findings()
    return Target(maker.name, maker.class_name, model_type, base.config, base.source, make, findings=findings)


def from_module(module: torch.nn.Module, options: TargetOptions, user_name: str = "") -> Target:
    """A target of a live module, which is taken as it is; `user_name`: what the user calls it, else its class does."""
    name = type(module).__name__
    _refuse_head(name, options)
    if options:
        raise refusal(
            f"a live {name} cannot be changed",
            where=name,
            why="num_labels, config, overrides and arguments shape a model while it is built",
            do="build it as wanted, or give its class",
        )
    config: ModelConfig | None = getattr(module, "config", None)
    model_type: str | None = getattr(config, "model_type", None)
    return Target(user_name or name, name, model_type, config, "given", lambda _: module, module)


def _refuse_head(name: str, options: TargetOptions) -> None:
    if options.head is not None:
        raise refusal(
            f"{name} has a head of its own",
            where=name,
            why="a kind of head chooses among the classes of a model type, and this is one class",
            do=f"leave {options.head!r} out, or name a model type or a checkpoint",
        )


def _module_type() -> Any:
    import torch

    return torch.nn.Module


def _no_module(name: str, kind: Any) -> Exception:
    what = f"class {kind.__name__}" if isinstance(kind, type) else f"a {type(kind).__name__}"
    return refusal(
        f"{name} is no model", where=name, why=f"it is {what}, not a torch.nn.Module", do="name a module class"
    )


def config_class(kind: Callable[..., object]) -> ConfigClass | None:
    """The config class of a model class: its `config_class`, else the type of its constructor's `config`."""
    declared: object = getattr(kind, "config_class", None)
    if isinstance(declared, type):
        return declared
    try:
        hints: dict[str, object] = typing.get_type_hints(constructor_of(kind))
    except Exception:
        return None
    hints.pop("return", None)
    return next((t for t in hints.values() if isinstance(t, type) and hasattr(t, "to_diff_dict")), None)


def _fields(options: TargetOptions) -> dict[str, object]:
    """The config's fields and the overrides as constructor arguments, for a class that has no config."""
    return {**(configs.read(options.config)[0] if options.config is not None else {}), **options.fields()}


def _with_config(maker: Maker, config_kind: ConfigClass, options: TargetOptions) -> Target:
    default: tuple[dict[str, object], str] = {}, f"{maker.name}, with its default config"
    fields, where = default if options.config is None else configs.read(options.config)
    arguments = checked_arguments(maker, options.arguments, first=1)
    config = configs.construct(config_kind, fields, options.fields(), where)
    findings = fills.fill(config)
    model_type: str | None = getattr(config, "model_type", None) or None
    loader = Loader()
    make: Make = lambda config: maker.make(loader, config, **arguments)  # noqa: E731
    left_out: ModelFindings = lambda *_: loader.findings()  # noqa: E731
    return Target(
        maker.name, maker.class_name, model_type, config, "given", make, findings=findings, model_findings=left_out
    )


def of_config(config: ModelConfig, options: TargetOptions) -> ModelConfig:
    """A copy of the user's config object, with the overrides. TargetError where the options name another config."""
    import copy

    if options.config is not None:
        raise refusal("two configs", where="config", why="the target is a config itself", do="give one of them")
    if not options.fields():
        return copy.deepcopy(config)
    try:
        fields = config.to_diff_dict()
    except Exception as error:
        raise refusal("the config cannot be copied", where=type(config).__name__, why=one_line(error)) from error
    return configs.construct(type(config), fields, options.fields(), "the config given")
