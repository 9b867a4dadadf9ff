"""Targets by class or module, with any head: what a constructor takes."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any

from archtrace.targets import configs, fills, library, limits
from archtrace.targets.code import on_path
from archtrace.targets.messages import did_you_mean, one_line, refusal
from archtrace.targets.target import Target
from archtrace.targets.wishes import Wishes


def from_class(name: str, kind: Any, wishes: Wishes, folder: str = "") -> Target:
    """A target of a class; `folder` is where its module's own imports lie."""
    if not (isinstance(kind, type) and issubclass(kind, _module_type())):
        raise _no_module(name, kind)
    _refuse_head(name, wishes)
    config_kind = config_class(kind)
    if config_kind is not None:
        return _with_config(name, kind, config_kind, wishes, folder)
    arguments = _arguments(name, kind, wishes)
    return Target(name, kind.__name__, None, None, "given", lambda _: _construct(kind, folder, **arguments))


def from_module(module: Any, wishes: Wishes) -> Target:
    """A target of a live module, which is taken as it is."""
    name = type(module).__name__
    _refuse_head(name, wishes)
    if wishes:
        raise refusal(
            f"a live {name} cannot be changed",
            where=name,
            why="num_labels, config and overrides shape a model while it is built",
            do="build it as wanted, or give its class",
        )
    config = getattr(module, "config", None)
    return Target(name, name, getattr(config, "model_type", None), config, "given", lambda _: module, module)


def _refuse_head(name: str, wishes: Wishes) -> None:
    if wishes.head is not None:
        raise refusal(
            f"{name} has a head of its own",
            where=name,
            why="a kind of head chooses among the classes of a model type, and this is one class",
            do=f"leave {wishes.head!r} out, or name a model type or a checkpoint",
        )


def _module_type() -> Any:
    import torch

    return torch.nn.Module


def _no_module(name: str, kind: Any) -> Exception:
    what = f"class {kind.__name__}" if isinstance(kind, type) else f"a {type(kind).__name__}"
    return refusal(
        f"{name} is no model", where=name, why=f"it is {what}, not a torch.nn.Module", do="name a module class"
    )


def config_class(kind: Any) -> Any:
    """The config class of a model class: its `config_class`, else the type of its constructor's `config`."""
    declared = getattr(kind, "config_class", None)
    if isinstance(declared, type):
        return declared
    try:
        hints = typing.get_type_hints(kind.__init__)
    except Exception:
        return None
    return next((t for t in hints.values() if isinstance(t, type) and hasattr(t, "to_diff_dict")), None)


def _with_config(name: str, kind: Any, config_kind: Any, wishes: Wishes, folder: str) -> Target:
    fields, where = (
        configs.read(wishes.config) if wishes.config is not None else ({}, f"{name}, with its default config")
    )
    config = configs.construct(config_kind, fields, wishes.fields(), where)
    findings = fills.fill(config)
    model_type = getattr(config, "model_type", None) or None
    make = lambda wanted: _construct(kind, folder, wanted)  # noqa: E731
    return Target(name, kind.__name__, model_type, config, "given", make, findings=findings)


def _arguments(name: str, kind: Any, wishes: Wishes) -> dict[str, Any]:
    """What a constructor without a config is given: the wishes that are parameters of it."""
    parameters = dict(list(inspect.signature(kind.__init__).parameters.items())[1:])
    wanted = {**(configs.read(wishes.config)[0] if wishes.config is not None else {}), **wishes.fields()}
    named = {p.name for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = next((field for field in wanted if field not in named), None)
    if unknown is not None and not open_ended:
        raise refusal(
            f"{name} takes no {unknown!r}",
            where=f"{kind.__name__}.__init__",
            why=f"its parameters are {', '.join(sorted(named)) or 'none'}",
            do=f"{did_you_mean(unknown, named)}leave it out, or give the class a parameter of that name",
        )
    _check_complete(name, kind, parameters, wanted)
    limits.check(wanted, f"{kind.__name__}.__init__")
    return wanted


def _check_complete(name: str, kind: Any, parameters: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in parameters.values() if p.default is p.empty and p.kind not in variadic]
    missing = [field for field in needed if field not in wanted]
    if missing:
        raise refusal(
            f"{name} cannot be built without {', '.join(missing)}",
            where=f"{kind.__name__}.__init__",
            why="these parameters have no default",
            do=f"set them (--config-set {missing[0]}=...), or trace a live module",
        )


def _construct(kind: Any, folder: str, *args: Any, **kwargs: Any) -> Any:
    """Construct with the class's own folder on the path: a constructor may import."""
    try:
        with on_path(folder or "."):
            return kind(*args, **kwargs)
    except ImportError as error:
        raise library.missing_package(kind.__name__, error) from error


def of_config(config: Any, wishes: Wishes) -> Any:
    """A copy of the user's config object, the wishes set on it. TargetError with a config beside it."""
    import copy

    if wishes.config is not None:
        raise refusal("two configs", where="config", why="the target is a config itself", do="give one of them")
    if not wishes.fields():
        return copy.deepcopy(config)
    try:
        fields = config.to_diff_dict()
    except Exception as error:
        raise refusal("the config cannot be copied", where=type(config).__name__, why=one_line(error)) from error
    return configs.construct(type(config), fields, wishes.fields(), "the config given")
