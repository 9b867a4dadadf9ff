"""Settings of a check: those in the nearest `[tool.archtrace]` of a pyproject.toml."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from archtrace.errors import TargetError, did_you_mean
from archtrace_reports.check.codes import codes

NAME = "pyproject.toml"
#: Folders that no check walks into, and files of editors that are none.
EXCLUDED = (".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", ".*_cache", ".#*")
#: The code of a file that was not checked. It cannot be ignored, or a broken file would pass for a clean one.
UNREAD = "AT000"
#: key -> what it holds; a list may also be one string.
KEYS = {"select": list, "ignore": list, "exclude": list, "per-file-ignores": dict, "baseline": str, "models": dict}


class Settings(NamedTuple):
    """Codes may be prefixes: "AT00" is AT001 to AT009. `root` is the folder of the pyproject.toml, else the current.

    `models` are the contracts, by name, as the file says them.
    """

    root: str
    select: tuple[str, ...] = ("AT",)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()
    baseline: str | None = None
    models: tuple[tuple[str, Any], ...] = ()

    def relative(self, path: str) -> str:
        """A path from the root on, with slashes, the same wherever the command is run and however the file was named;
        one that lies elsewhere begins with `..`."""
        top = os.path.realpath(self.root)
        named, real = os.path.abspath(path), os.path.realpath(path)
        try:
            below = os.path.relpath(named if named.startswith(os.path.join(top, "")) else real, top)
        except ValueError:  # another drive of Windows
            below = real
        return below.replace(os.sep, "/")

    def wants(self, code: str, path: str = "") -> bool:
        """Whether findings of a code (in a file) are reported."""
        if code.startswith((*self.ignore, *self._ignored_in(path))):
            return False
        return code == UNREAD or code.startswith(self.select)

    def _ignored_in(self, path: str) -> tuple[str, ...]:
        if not self.per_file:
            return ()
        place = self.relative(path)
        return tuple(c for pattern, codes in self.per_file if _matches(place, pattern) for c in codes)

    def excludes(self, folder: str, name: str) -> bool:
        """Whether something in a folder is passed over on a walk."""
        from fnmatch import fnmatch

        if any(fnmatch(name, pattern) for pattern in EXCLUDED):
            return True
        place = self.relative(os.path.join(folder, name)) if self.exclude else ""
        return any(_matches(place, pattern) for pattern in self.exclude)

    def covers(self, path: str) -> bool:
        """Whether a walk from the root on would pass over a file or a folder, or over a folder that it lies in."""
        parts = self.relative(path).split("/")
        folders = (os.path.join(self.root, *parts[:depth]) for depth in range(len(parts)))
        return any(self.excludes(folder, name) for folder, name in zip(folders, parts, strict=True))


def _matches(path: str, pattern: str) -> bool:
    from fnmatch import fnmatch

    return fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}") or fnmatch(path, f"{pattern}/*")


def settings(start: str) -> Settings:
    """The settings that hold at a place: of the nearest pyproject.toml that has any, else the nearest is the root.

    Raises TargetError for a pyproject.toml that says something else.
    """
    files = [file for folder in _upwards(start) if os.path.isfile(file := os.path.join(folder, NAME))]
    if not files:
        return Settings(start)
    file, table = next(((f, table) for f in files if (table := _table(f)) is not None), (files[0], {}))
    where = f"{file}: [tool.archtrace]"
    _refuse_others(table, where)
    root = os.path.dirname(file)
    per_file = table.get("per-file-ignores", {}).items()
    return Settings(
        root=root,
        select=codes(_strings(table, "select", where), f"{where} select") or ("AT",),
        ignore=codes(_strings(table, "ignore", where), f"{where} ignore"),
        exclude=_strings(table, "exclude", where),
        per_file=tuple((p, codes(_strings({p: c}, p, where), f"{where} per-file-ignores {p}")) for p, c in per_file),
        baseline=os.path.join(root, table["baseline"]) if "baseline" in table else None,
        models=tuple(table.get("models", {}).items()),
    )


def _upwards(folder: str) -> Iterator[str]:
    """A folder and all that it lies in."""
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _refuse_others(table: Mapping[str, Any], where: str) -> None:
    """Refuse unknown keys, and values of the wrong type."""
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        near = did_you_mean(unknown[0], KEYS)
        raise TargetError(f"{where} has no key {', '.join(unknown)}; {near}it takes {', '.join(KEYS)}")
    for key, kind in KEYS.items():
        if kind is not list and key in table and not isinstance(table[key], kind):
            do = "; write [tool.archtrace.models.NAME] above each contract" if key == "models" else ""
            raise TargetError(f"{where} {key} is no {'table' if kind is dict else 'string'}{do}")


def _strings(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A list of strings, or one string."""
    value = table.get(key, [])
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(part, str) for part in several):
        raise TargetError(f"{where} {key} is no list of strings")
    return tuple(several)


def _table(file: str) -> dict[str, Any] | None:
    """`[tool.archtrace]`, None where there is none; most files have none, and need not be parsed."""
    try:
        with open(file, "rb") as stream:
            text = stream.read()
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}") from None
    if b"archtrace" not in text:
        return None
    import tomllib

    try:
        document = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{file} is no TOML that can be read: {error}") from None
    tool = document.get("tool", {})
    table = tool.get("archtrace") if isinstance(tool, dict) else tool
    if table is not None and not isinstance(table, dict):
        raise TargetError(f"{file}: tool.archtrace is no table")
    return table
