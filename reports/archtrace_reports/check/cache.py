"""Cache: the findings of files that have not changed since, in a file of the user's cache folder, written whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import archtrace
from archtrace_reports.check.finding import Finding
from archtrace_reports.check.settings import UNREAD, Settings


class Cache:
    """By absolute path: when a file was changed last, its size, and what was found. Another version starts anew."""

    def __init__(self, settings: Settings) -> None:
        from platformdirs import user_cache_path

        plain = replace(settings, models={})
        key = hashlib.sha256(repr((archtrace.__version__, _rules(), plain)).encode()).hexdigest()[:24]
        self._file = user_cache_path("archtrace") / "check" / f"{key}.json"
        self._known: dict[str, list[object]] = {}
        self._stamps: dict[str, list[int]] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._file.read_text("utf-8"))
            self._known = found if isinstance(found, dict) else {}

    def get(self, path: str) -> list[Finding] | None:
        """What was found in a file; None where it is not known, or has changed."""
        try:
            self._stamps[path] = now = _stamp(path)
            stamp, found = self._known[os.path.abspath(path)]
            return [Finding(path, *rest) for rest in found] if stamp == now else None  # type: ignore[attr-defined]
        except (KeyError, OSError, ValueError, TypeError):
            return None

    def put(self, fresh: Mapping[str, list[Finding]]) -> None:
        """Keep what was found; a cache that cannot be written is no harm.

        The stamps are those from before the check: a file that was saved meanwhile is checked again. So is one that
        could not be read, since being allowed to changes no stamp.
        """
        from archtrace_reports.files import replace

        with contextlib.suppress(OSError):
            for path, found in fresh.items():
                if path in self._stamps and not any(finding.code == UNREAD for finding in found):
                    self._known[os.path.abspath(path)] = [self._stamps[path], [list(f[1:]) for f in found]]
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace(self._file, json.dumps(self._known))


def _stamp(path: str) -> list[int]:
    told = os.stat(path)
    return [told.st_mtime_ns, told.st_size]


def _rules() -> str:
    """The rules as they are: their files' names, sizes and times."""
    folder = Path(archtrace.__file__).parent / "lint"
    return repr([(file.name, *_stamp(str(file))) for file in sorted(folder.rglob("*.py"))])
