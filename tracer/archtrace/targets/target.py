"""Target: a model that can be built, and where its config came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

from archtrace.answer.result import ConfigSource, Finding, Readout

if TYPE_CHECKING:
    import torch


class ModelConfig(Protocol):
    """A config of the library, as far as all have it; what only some have is asked for with `getattr`."""

    model_type: str
    #: Of most: whether keys and values are kept, the number format of a checkpoint, and the token of padding.
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
    """Whether a value is a model, told without torch."""
    return callable(getattr(value, "named_modules", None))


def nothing(module: torch.nn.Module, readouts: Sequence[Readout]) -> tuple[Finding, ...]:
    """What is to be said of most models once they are traced."""
    return ()


@dataclass(frozen=True, eq=False)
class Target:
    """What a user's word stands for.

    `make(config)` constructs the module (`config` is None where the class takes none); `module` is the live module
    when the user gave one. `findings` say what had to be assumed or filled in; `told` says what only the built module
    and its readouts show. `class_name` is empty where it is known of the built module alone.
    """

    name: str
    class_name: str
    model_type: str | None
    config: ModelConfig | None
    config_source: ConfigSource
    make: Make
    module: torch.nn.Module | None = None
    findings: tuple[Finding, ...] = ()
    told: Callable[[torch.nn.Module, Sequence[Readout]], tuple[Finding, ...]] = nothing
