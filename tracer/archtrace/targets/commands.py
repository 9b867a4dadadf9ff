"""Commands: what to type to ask about a class that was not traced."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path


def of_class(name: str, where: str) -> str:
    """The command that asks about a class of the library, with the config file at `where` if that is a file."""
    return f"archtrace {name}{_config(where)}"


def of_code(auto_map: Mapping[str, object], where: str) -> str | None:
    """The command that asks about the first model that lies as code beside a config file; None where none does."""
    for key, named in auto_map.items():
        module, _, kind = str(named).rpartition(".")
        file = Path(where).parent / f"{module}.py"
        if key.startswith("AutoModel") and module.isidentifier() and file.is_file():
            return f"archtrace {shlex.quote(f'{file}:{kind}')}{_config(where)}"
    return None


def _config(where: str) -> str:
    return f" --config {shlex.quote(where)}" if Path(where).is_file() else ""
