"""What the analysis needs to know about a built model: the library's model in it, the backbone of that, its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import torch
from torch.utils._python_dispatch import is_traceable_wrapper_subclass


def is_library_model(module: torch.nn.Module) -> bool:
    """True for a PreTrainedModel, without importing transformers."""
    return any(c.__name__ == "PreTrainedModel" for c in type(module).__mro__)


def library_model_in(module: torch.nn.Module) -> tuple[str, torch.nn.Module] | None:
    """The one library model that a module is or wraps, with its path; None where there is none, or several."""
    models = [*_outermost(module, "")]
    return models[0] if len(models) == 1 else None


def _outermost(module: torch.nn.Module, path: str) -> Iterator[tuple[str, torch.nn.Module]]:
    """The library models that no other one holds."""
    if is_library_model(module):
        yield path, module
        return
    for name, child in module.named_children():
        yield from _outermost(child, f"{path}.{name}".lstrip("."))


def backbone_of(module: torch.nn.Module) -> str | None:
    """The path of the base model of the library model that a module is or wraps; None where it has none.

    A base model that the user's own head stands on has none: `encoder.last_hidden_state` is what its author calls it.
    """
    path, model = library_model_in(module) or ("", module)
    prefix = getattr(model, "base_model_prefix", "") if is_library_model(model) else ""
    if prefix and hasattr(model, prefix):
        return f"{path}.{prefix}".lstrip(".")
    # Numbers of a pipeline's steps are nobody's name.
    return path if any(part.isdigit() for part in path.split(".")) else None


def forward_of(module: torch.nn.Module) -> Callable[..., Any]:
    """The forward whose signature names the inputs: a wrapper hands all that it is given to a module inside.

    `forward(*args, **kwargs)` of a wrapper says nothing, nor does `forward(features: dict[str, Tensor])`.
    """
    forward: Callable[..., Any] = module.forward
    if not (_is_variadic(forward) or takes_mapping(module)):
        return forward
    inner = _wrapped(module)
    return forward if inner is None else forward_of(inner)


def _wrapped(module: torch.nn.Module) -> torch.nn.Module | None:
    """The library model inside, else the only module inside."""
    children = list(module.children())
    inner = (library_model_in(module) or (None, None))[1]
    return inner if inner is not None else children[0] if len(children) == 1 else None


def _is_variadic(forward: Callable[..., Any]) -> bool:
    kinds = (p.kind for p in inspect.signature(forward).parameters.values())
    return all(kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD) for kind in kinds)


def takes_mapping(module: torch.nn.Module) -> bool:
    """Whether a module is a pipeline: a library model and further steps, which hand on one mapping of features."""
    if not isinstance(module, torch.nn.Sequential) or library_model_in(module) is None:
        return False
    parameters = inspect.signature(module.forward).parameters.values()
    required = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    # With postponed evaluation an annotation is its own text.
    annotation = str(required[0].annotation).lower() if len(required) == 1 else ""
    return "dict[" in annotation or "mapping[" in annotation


def tables_of(module: torch.nn.Module) -> list[dict[str, object]]:
    """Where a module itself holds tensors: its parameters, its buffers and its attributes, each by name."""
    tables: list[dict[str, Any]] = [module._parameters, module._buffers, vars(module)]
    return [*tables]


def views_of_parameters(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """The attributes and buffers that share memory with a parameter: each is that parameter, or a part of it."""
    own = {_memory(p) for p in module.parameters() if _plain(p)}
    for part in module.modules():
        for tensor in chain.from_iterable(table.values() for table in tables_of(part)[1:]):
            if isinstance(tensor, torch.Tensor) and _plain(tensor) and _memory(tensor) in own:
                yield tensor


def _memory(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _plain(tensor: torch.Tensor) -> bool:
    """Whether a tensor has one memory of its own, which neither a sparse nor a distributed one has."""
    return tensor.layout is torch.strided and not is_traceable_wrapper_subclass(tensor)


def parameter_count(module: torch.nn.Module) -> int:
    """The number of parameter elements, shared ones once."""
    return sum(p.numel() for p in module.parameters())
