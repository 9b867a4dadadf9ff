"""Settings: what `[tool.archtrace]` in the nearest pyproject.toml says of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from archtrace.errors import TargetError

#: Folders that no check walks into.
EXCLUDED = (".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", ".*_cache")
#: key -> what it holds.
KEYS = {"select": list, "ignore": list, "exclude": list, "per-file-ignores": dict, "baseline": str, "models": dict}


@dataclass(frozen=True)
class Settings:
    """Codes may be prefixes: "AT00" is AT001 to AT009. `root` is the folder of the pyproject.toml, else the current."""

    root: Path
    select: tuple[str, ...] = ("AT",)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    baseline: Path | None = None
    #: The contracts, as the file says them.
    models: Mapping[str, Any] = field(default_factory=dict)

    def wants(self, code: str, path: str = "") -> bool:
        """Whether findings of a code (in a file) are told."""
        ignored = [
            *self.ignore,
            *(c for pattern, codes in self.per_file.items() if _matches(path, pattern) for c in codes),
        ]
        return code.startswith(self.select) and not code.startswith(tuple(ignored))

    def excludes(self, path: Path) -> bool:
        """Whether a folder or file is passed over on a walk."""
        return any(fnmatch(path.name, name) or _matches(str(path), name) for name in (*EXCLUDED, *self.exclude))


def _matches(path: str, pattern: str) -> bool:
    return fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}") or fnmatch(path, f"{pattern}/*")


def settings(start: Path) -> Settings:
    """The settings that hold at a place. Raises TargetError for a pyproject.toml that says something else."""
    file = next(
        (folder / "pyproject.toml" for folder in (start, *start.parents) if (folder / "pyproject.toml").is_file()), None
    )
    if file is None:
        return Settings(start)
    table = _table(file)
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise TargetError(f"{file}: [tool.archtrace] has no key {', '.join(unknown)}; it takes {', '.join(KEYS)}")
    for key, kind in KEYS.items():
        if key in table and not isinstance(table[key], kind):
            raise TargetError(f"{file}: [tool.archtrace] {key} is no {'table' if kind is dict else kind.__name__}")
    return Settings(
        root=file.parent,
        select=tuple(table.get("select", ("AT",))),
        ignore=tuple(table.get("ignore", ())),
        exclude=tuple(table.get("exclude", ())),
        per_file={pattern: _codes(codes) for pattern, codes in table.get("per-file-ignores", {}).items()},
        baseline=file.parent / table["baseline"] if "baseline" in table else None,
        models=table.get("models", {}),
    )


def _codes(codes: str | Sequence[str]) -> tuple[str, ...]:
    return (codes,) if isinstance(codes, str) else tuple(codes)


def _table(file: Path) -> dict[str, Any]:
    """`[tool.archtrace]`; most files have none, and need not be parsed."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}") from None
    if b"archtrace" not in text:
        return {}
    import tomllib

    try:
        found = tomllib.loads(text.decode("utf-8")).get("tool", {}).get("archtrace", {})
    except (ValueError, AttributeError) as error:
        raise TargetError(f"{file} is no TOML that can be read: {error}") from None
    if not isinstance(found, dict):
        raise TargetError(f"{file}: tool.archtrace is no table")
    return found
