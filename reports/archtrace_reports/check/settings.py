"""Settings: what `[tool.archtrace]` in the nearest pyproject.toml says of a check."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from archtrace.errors import TargetError

NAME = "pyproject.toml"
#: Folders that no check walks into, and files of editors that are none.
EXCLUDED = (".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", ".*_cache", ".#*")
#: key -> what it holds; a list may also be one string.
KEYS = {"select": list, "ignore": list, "exclude": list, "per-file-ignores": dict, "baseline": str, "models": dict}


class Settings(NamedTuple):
    """Codes may be prefixes: "AT00" is AT001 to AT009. `root` is the folder of the pyproject.toml, else the current."""

    root: str
    select: tuple[str, ...] = ("AT",)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()
    baseline: str | None = None

    def wants(self, code: str, path: str = "") -> bool:
        """Whether findings of a code (in a file) are told."""
        ignored = [*self.ignore, *(c for pattern, codes in self.per_file if _matches(path, pattern) for c in codes)]
        return code.startswith(self.select) and not code.startswith(tuple(ignored))

    def excludes(self, folder: str, name: str) -> bool:
        """Whether something in a folder is passed over on a walk."""
        from fnmatch import fnmatch

        path = os.path.normpath(os.path.join(folder, name))
        return any(fnmatch(name, pattern) or _matches(path, pattern) for pattern in (*EXCLUDED, *self.exclude))


def _matches(path: str, pattern: str) -> bool:
    from fnmatch import fnmatch

    return fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}") or fnmatch(path, f"{pattern}/*")


def settings(start: str) -> Settings:
    """The settings that hold at a place. Raises TargetError for a pyproject.toml that says something else."""
    file = next((file for folder in _upwards(start) if os.path.isfile(file := os.path.join(folder, NAME))), None)
    if file is None:
        return Settings(start)
    table = _table(file)
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
    """Refuse keys that nobody knows, and values of another kind."""
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise TargetError(f"{where} has no key {', '.join(unknown)}; it takes {', '.join(KEYS)}")
    for key, kind in KEYS.items():
        if kind is not list and key in table and not isinstance(table[key], kind):
            raise TargetError(f"{where} {key} is no {'table' if kind is dict else 'string'}")


def _strings(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A list of strings, or one string."""
    value = table.get(key, [])
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
        raise TargetError(f"{where} {key} is no list of strings")
    return tuple(several)


def codes(given: Iterable[str], where: str) -> tuple[str, ...]:
    """Codes as people write them, apart by commas or spaces. Raises TargetError for one that no finding can have."""
    found = tuple(code for text in given for code in text.upper().replace(",", " ").split())
    if found:
        _refuse_unknown(found, where)
    return found


def _refuse_unknown(given: Iterable[str], where: str) -> None:
    from archtrace.lint import RESERVED, RETIRED
    from archtrace.lint import codes as of_rules
    from archtrace_reports.check.finding import OWN

    known = sorted([*OWN, *of_rules(), *RESERVED, *RETIRED])
    for code in given:
        if not any(one.startswith(code) for one in known):
            from difflib import get_close_matches

            near = get_close_matches(code, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "archtrace explain lists them"
            raise TargetError(f"{where}: there is no code {code}; {hint}")


def _table(file: str) -> dict[str, Any]:
    """`[tool.archtrace]`; most files have none, and need not be parsed."""
    try:
        with open(file, "rb") as stream:
            text = stream.read()
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}") from None
    if b"archtrace" not in text:
        return {}
    import tomllib

    try:
        found = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{file} is no TOML that can be read: {error}") from None
    tool = found.get("tool", {})
    table = tool.get("archtrace", {}) if isinstance(tool, dict) else tool
    if not isinstance(table, dict):
        raise TargetError(f"{file}: tool.archtrace is no table")
    return table
