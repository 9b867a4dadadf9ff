"""Settings: what the nearest `[tool.archtrace]` of a pyproject.toml says of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from archtrace.errors import TargetError
from archtrace_reports.check.codes import unknown
from archtrace_reports.check.paths import relative

#: Folders that no check walks into.
EXCLUDED = (".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", ".*_cache")
#: The code of a file that was not checked: told whatever is selected, or a broken file would pass for a clean one.
UNREAD = "AT000"
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
        if code.startswith((*self.ignore, *self._ignored_in(path))):
            return False
        return code == UNREAD or code.startswith(self.select)

    def _ignored_in(self, path: str) -> tuple[str, ...]:
        if not self.per_file:
            return ()
        place = relative(path, self.root)
        return tuple(c for pattern, codes in self.per_file.items() if _matches(place, pattern) for c in codes)

    def excludes(self, path: Path) -> bool:
        """Whether a folder or file is passed over on a walk."""
        if any(fnmatch(path.name, name) for name in EXCLUDED):
            return True
        return bool(self.exclude) and _excluded(relative(str(path), self.root), self.exclude)


def _excluded(place: str, patterns: Sequence[str]) -> bool:
    return any(_matches(place, pattern) for pattern in patterns)


def _matches(path: str, pattern: str) -> bool:
    return fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}") or fnmatch(path, f"{pattern}/*")


def settings(start: Path) -> Settings:
    """The settings that hold at a place: of the nearest pyproject.toml that has any, else the nearest is the root.

    Raises TargetError for a pyproject.toml that says something else.
    """
    files = [file for folder in (start, *start.parents) if (file := folder / "pyproject.toml").is_file()]
    if not files:
        return Settings(start)
    file, table = next(((f, table) for f in files if (table := _table(f)) is not None), (files[0], {}))
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise TargetError(f"{file}: [tool.archtrace] has no key {', '.join(unknown)}; it takes {', '.join(KEYS)}")
    for key, kind in KEYS.items():
        if key in table and not isinstance(table[key], kind):
            raise TargetError(f"{file}: [tool.archtrace] {key} is no {'table' if kind is dict else kind.__name__}")
    return Settings(
        root=file.parent,
        select=_codes(file, "select", table.get("select", ["AT"])),
        ignore=_codes(file, "ignore", table.get("ignore", [])),
        exclude=_texts(file, "exclude", table.get("exclude", [])),
        per_file={
            pattern: _codes(file, f"per-file-ignores of {pattern!r}", codes)
            for pattern, codes in table.get("per-file-ignores", {}).items()
        },
        baseline=file.parent / table["baseline"] if "baseline" in table else None,
        models=table.get("models", {}),
    )


def _codes(file: Path, key: str, given: object) -> tuple[str, ...]:
    """Codes, in capitals. Raises TargetError for what is none."""
    codes = tuple(code.upper() for code in _texts(file, key, [given] if isinstance(given, str) else given))
    wrong = unknown(codes)
    if wrong:
        raise TargetError(f"{file}: [tool.archtrace] {key}: {wrong[0]}")
    return codes


def _texts(file: Path, key: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise TargetError(f"{file}: [tool.archtrace] {key} is no list of strings")
    return tuple(given)


def _table(file: Path) -> dict[str, Any] | None:
    """`[tool.archtrace]`; most files have none, and need not be parsed."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}") from None
    if b"archtrace" not in text:
        return None
    import tomllib

    try:
        found = tomllib.loads(text.decode("utf-8")).get("tool", {}).get("archtrace")
    except (ValueError, AttributeError) as error:
        raise TargetError(f"{file} is no TOML that can be read: {error}") from None
    if found is not None and not isinstance(found, dict):
        raise TargetError(f"{file}: tool.archtrace is no table")
    return found
