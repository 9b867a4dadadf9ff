"""Makers: a user's class, or a function that builds a model, and the arguments that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archtrace.errors import did_you_mean, refusal
from archtrace.targets import library, size_limits
from archtrace.targets.code import on_path
from archtrace.targets.pretrained import Loader, without_weights
from archtrace.targets.target import is_module

if TYPE_CHECKING:
    import torch


def constructor_of(made: Callable[..., object]) -> Callable[..., object]:
    """The function whose parameters a caller gives: the `__init__` of a class, or the function itself."""
    constructor: Callable[..., object] = type.__getattribute__(made, "__init__") if isinstance(made, type) else made
    return constructor


@dataclass(frozen=True, eq=False)
class Maker:
    """A class or a function that makes a model, and the user's name for it; `folder` is where its own imports lie."""

    name: str
    made: Callable[..., object]
    folder: str = ""

    @property
    def class_name(self) -> str:
        """The class of what it makes; empty where only a run of the function shows it."""
        return self.made.__name__ if isinstance(self.made, type) else ""

    @property
    def where(self) -> str:
        """What is called to make the model, as a place in code."""
        name: str = getattr(self.made, "__name__", type(self.made).__name__)
        return f"{name}.__init__" if isinstance(self.made, type) else name

    def parameters(self) -> list[inspect.Parameter]:
        """The parameters for which a caller may give arguments."""
        parameters = list(inspect.signature(constructor_of(self.made)).parameters.values())
        return parameters[1:] if self.class_name else parameters

    def make(self, loader: Loader, *args: object, **kwargs: object) -> torch.nn.Module:
        """The model, made with its own folder on the path (a constructor may import), no weights read."""
        try:
            with on_path(self.folder or "."), without_weights(loader, self.made):
                model = self.made(*args, **kwargs)
        except ImportError as error:
            raise library.missing_package(self.class_name or self.where, error) from error
        if not is_module(model):
            raise refusal(
                f"{self.name} builds no model",
                where=self.where,
                why=f"it returns a {type(model).__name__}, not a torch.nn.Module",
                do="return the module alone",
            )
        return model


def checked_arguments(maker: Maker, arguments: Mapping[str, object], first: int = 0) -> dict[str, object]:
    """The arguments, where the maker takes them and needs no others; its `first` parameters get theirs elsewhere.
    TargetError where it does not."""
    parameters = maker.parameters()[first:]
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    unknown = next((field for field in arguments if field not in named), None)
    if unknown is not None and not open_ended:
        raise refusal(
            f"{maker.name} takes no {unknown!r}",
            where=maker.where,
            why=f"its parameters are {', '.join(sorted(named)) or 'none'}",
            do=f"{did_you_mean(unknown, named)}leave it out, or give it a parameter of that name",
        )
    _check_complete(maker, parameters, arguments)
    size_limits.check(arguments, maker.where)
    return dict(arguments)


def _check_complete(maker: Maker, parameters: Iterable[inspect.Parameter], arguments: Mapping[str, object]) -> None:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in variadic]
    missing = [field for field in needed if field not in arguments]
    if missing:
        raise refusal(
            f"{maker.name} cannot be built without {', '.join(missing)}",
            where=maker.where,
            why="these parameters have no default",
            do=f"set them (--arg {missing[0]}=...), or trace a live module",
        )
