"""TargetOptions: what the user asks of the config, beside the target itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TargetOptions:
    """`config` replaces the target's config; `overrides` (nested by dots) and `num_labels` are set on it. `arguments`
    go to the constructor of a class, or to a function that builds a model. `head`: the kind of head that it is given.
    """

    num_labels: int | None = None
    config: str | Path | Mapping[str, object] | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    trust_remote_code: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)
    head: str | None = None

    def __bool__(self) -> bool:
        return self.num_labels is not None or self.config is not None or bool(self.overrides or self.arguments)

    def fields(self) -> dict[str, object]:
        """The overrides, with the number of labels among them."""
        labels = {} if self.num_labels is None else {"num_labels": self.num_labels}
        return {**self.overrides, **labels}
