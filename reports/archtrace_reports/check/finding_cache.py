"""Cache: the findings of files that have not changed since, in one file of the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archtrace.answer.version import __version__
from archtrace_lint import Edit
from archtrace_reports.check.problem import Findings, Problem, ProblemStep
from archtrace_reports.check.settings import UNREAD, Settings

if TYPE_CHECKING:
    from archtrace_lint.source.import_resolver import FileStamp


class FindingCache:
    """By absolute path: when a file was changed last, its size, and its findings. Another version starts anew.

    Findings may depend on other files, helpers that are imported: each entry has a checksum of their stamps. Their
    paths stand once, in a list under the name "", as many files import the same.
    """

    def __init__(self, settings: Settings) -> None:
        from platformdirs import user_cache_path

        without_contracts = settings._replace(models=())
        key = hashlib.sha256(repr((__version__, _rules(), without_contracts)).encode()).hexdigest()[:24]
        self._file = user_cache_path("archtrace") / "check" / f"{key}.json"
        self._entries: dict[str, list[Any]] = {}
        self._stamps: dict[str, list[int]] = {}
        self._others: dict[str, FileStamp | None] = {}
        with contextlib.suppress(OSError, ValueError, RecursionError):
            content = json.loads(self._file.read_text("utf-8"))
            self._entries = content if isinstance(content, dict) and isinstance(content.get(""), list) else {}
        self._paths: list[Any] = self._entries.setdefault("", [])
        self._numbers = {path: number for number, path in enumerate(self._paths)}

    def get(self, path: str) -> list[Problem] | None:
        """The findings in a file; None where there is no entry, or the file has changed. Ask before you check it."""
        stamp = _stamp(path)
        try:
            stamp_before, others, total, rows = self._entries[os.path.abspath(path)]
            if stamp and stamp_before == stamp and total == _sum(map(self._other, others)):
                return [_decoded(path, row) for row in rows]
        except (KeyError, ValueError, TypeError, IndexError):
            pass
        self._stamps[path] = stamp
        return None

    def put(self, fresh: Mapping[str, list[Problem]]) -> None:
        """Store findings, as of when `get` asked for them; a cache that cannot be written is no harm.

        A file that could not be read gets no entry: its stamp stays when it becomes readable.
        """
        from archtrace_reports.text.files import replace

        for path, findings in fresh.items():
            stamp = self._stamps.get(path)
            if stamp and not any(finding.code == UNREAD for finding in findings):
                others = findings.files if isinstance(findings, Findings) else ()
                numbers, total = [self._number(path) for path, _ in others], _sum(stamp for _, stamp in others)
                rows = [list(finding[1:]) for finding in findings]
                self._entries[os.path.abspath(path)] = [stamp, numbers, total, rows]
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace(self._file, json.dumps(self._entries))

    def _number(self, path: str) -> int:
        """The place of a path in the list; a new one comes last."""
        path = os.path.abspath(path)
        if path not in self._numbers:
            self._numbers[path] = len(self._paths)
            self._paths.append(path)
        return self._numbers[path]

    def _other(self, number: int) -> FileStamp | None:
        """The stamp of another file as it is now; each is looked at once a run."""
        from archtrace_lint.source.import_resolver import file_stamp

        path = self._paths[number]
        if path not in self._others:
            self._others[path] = file_stamp(path)
        return self._others[path]


def _sum(stamps: Iterable[FileStamp | None]) -> int:
    """One number for the stamps of several files."""
    return zlib.crc32(repr(list(stamps)).encode())


def _decoded(path: str, fields: list[Any]) -> Problem:
    """A finding, all but its path, as JSON keeps it: every tuple has become a list."""
    finding = Problem(path, *fields)
    edits, steps = tuple(Edit(*edit) for edit in finding.edits), tuple(ProblemStep(*step) for step in finding.steps)
    return finding._replace(edits=edits, steps=steps)


def _stamp(path: str) -> list[int]:
    """What changes with a file, and with who may read it; nothing where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size]


def _rules() -> str:
    """The rules as they are: their files' names, sizes and times."""
    spec = find_spec("archtrace_lint")  # its place alone: the cache is read without importing the rules
    folder = Path(str(spec and spec.origin)).parent
    return repr([(file.name, *_stamp(str(file))) for file in sorted(folder.rglob("*.py"))])
