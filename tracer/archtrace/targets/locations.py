"""Places: where a checkpoint's small files lie, in a folder or in a repository of the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archtrace.answer.result import ConfigSource
from archtrace.targets import hub


@dataclass(frozen=True)
class ConfigLocation:
    """A folder, or a repository at a revision; `source` says how its config was found."""

    name: str
    source: ConfigSource
    revision: str | None = None

    def file(self, name: str) -> Path | None:
        """A JSON file that lies there; None where there is none, or none that can be had now."""
        if self.source != "local":
            return hub.beside(self.name, name, self.revision)
        path = Path(self.name) / name
        return path if path.is_file() else None
