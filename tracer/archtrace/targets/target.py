"""Target: a model that can be built, and where its config came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

from archtrace.answer.result import ConfigSource, Finding, Readout

if TYPE_CHECKING:
    import torch


class ModelConfig(Protocol):
    """What all configs of the library have in common; fields of only some are read with `getattr`."""

    model_type: str
    #: Fields of most: whether keys and values are cached, the checkpoint's dtype, and the id of the pad token.
    use_cache: bool
    dtype: object
    pad_token_id: int | None

    def __init__(self, **fields: object) -> None: ...

    def to_dict(self) -> dict[str, object]:
        """All fields."""

    def to_diff_dict(self) -> dict[str, object]:
        """The fields that differ from the default."""


class ModelClass(Protocol):
    """A model class of the library."""

    __name__: str
    config_class: type[ModelConfig]

    def __call__(self, config: ModelConfig | None, /, *args: object, **kwargs: object) -> torch.nn.Module: ...


#: Builds a model of a config; of None where it takes none.
Make: TypeAlias = "Callable[[ModelConfig | None], torch.nn.Module]"


def is_config(value: object) -> TypeGuard[ModelConfig]:
    """Whether a value is a config of the library."""
    return hasattr(value, "to_diff_dict")


def is_module(value: object) -> TypeGuard[torch.nn.Module]:
    """Whether a value is a model, without importing torch to find out."""
    return callable(getattr(value, "named_modules", None))


#: What is found out about a target from its built module and its readouts.
ModelFindings: TypeAlias = "Callable[[torch.nn.Module, Sequence[Readout]], tuple[Finding, ...]]"


def no_findings(module: torch.nn.Module, readouts: Sequence[Readout]) -> tuple[Finding, ...]:
    """The ModelFindings of most targets."""
    return ()


@dataclass(frozen=True, eq=False)
class Target:
    """A model that the user named, or gave.

    `make(config)` constructs the module (`config` is None where the class takes none); `module` is the live module
    when the user gave one. `findings` say what had to be assumed or filled in; `model_findings` makes those that only
    the built module and its readouts show. `class_name` is empty where only the built module has it.
    """

    name: str
    class_name: str
    model_type: str | None
    config: ModelConfig | None
    config_source: ConfigSource
    make: Make
    module: torch.nn.Module | None = None
    findings: tuple[Finding, ...] = ()
    model_findings: ModelFindings = no_findings
