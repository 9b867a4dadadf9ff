"""Answer store: a folder with a file for each answer, written whole or not at all, however many write at once."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archtrace_reports.asking.store.digest import changed_at, digest_of_files, digest_of_values
from archtrace_reports.asking.store.portable_paths import located, portable

FORMAT = 1
#: Beyond so many answers the oldest go: a thousand are about four megabytes.
MOST = 5_000
ENDING = ".z"


@dataclass(frozen=True)
class Entry:
    """An answer and what it came from. `subject`: what was asked about; `made`: when, in UTC; `files`: those that it
    came from, as portable paths, and their `digest`; `answer` and `drawing`: plain JSON, the latter as text,
    since few need it; `environment`: what was installed."""

    subject: str
    made: str
    files: tuple[str, ...]
    digest: str
    answer: Any
    drawing: str = "null"
    environment: Any = None

    def with_files(self, places: Iterable[str]) -> Entry:
        """The same, but that it came from these files, given as portable paths."""
        sorted_places = tuple(sorted(set(places)))
        return replace(self, files=sorted_places, digest=digest_of_files(located(sorted_places)))

    def holds(self) -> bool:
        """Whether every file is as it was, and absent where it was absent."""
        return digest_of_files(located(self.files)) == self.digest


def new_entry(subject: str, files: Iterable[str], answer: Any, drawing: Any = None, environment: Any = None) -> Entry:
    """An entry made now. `files`: their paths, whole or portable."""
    from datetime import UTC, datetime

    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(subject, made, (), "", answer, json.dumps(drawing), environment).with_files(map(portable, files))


def encode(entry: Entry) -> bytes:
    """Three lines, compressed: what it came from, the answer, the drawing."""
    head = {"format": FORMAT, **{name: getattr(entry, name) for name in _HEAD}}
    return zlib.compress("\n".join([json.dumps(head), json.dumps(entry.answer), entry.drawing]).encode(), 9)


_HEAD = ("subject", "made", "files", "digest", "environment")


def decode(content: bytes) -> Entry | None:
    """The entry in a file; None where it is cut off, or of another format."""
    with contextlib.suppress(ValueError, KeyError, TypeError, zlib.error):
        first, answer, drawing = zlib.decompress(content).decode().split("\n")
        head = json.loads(first)
        if head.pop("format") == FORMAT:
            return Entry(**{**head, "files": tuple(head["files"])}, answer=json.loads(answer), drawing=drawing)
    return None


class AnswerStore:
    """The answers in a folder. A folder that cannot be read or written is no error: it keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, *key: Any) -> Entry | None:
        """The entry under a key; None where there is none, or a file that it came from has changed."""
        entry = self._read(self._file(key))
        return entry if entry is not None and entry.holds() else None

    def put(self, entry: Entry, since: int, *key: Any) -> bool:
        """Store an entry, unless one of its files has changed `since` (nanoseconds): the answer may come from the old
        content. Whether it was stored."""
        from archtrace_reports.text import files

        if any(changed_at(file) > since for file in located(entry.files)):
            return False
        with contextlib.suppress(OSError, TypeError, ValueError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room()
            files.replace(self._file(key), encode(entry))
            return True
        return False

    def entries(self) -> Iterator[Entry]:
        """All entries, the newest first, whether they hold or not."""
        for path in sorted(self._files(), key=lambda path: changed_at(str(path)), reverse=True):
            entry = self._read(path)
            if entry is not None:
                yield entry

    def clear(self) -> int:
        """Remove all entries; how many there were."""
        files = self._files()
        for path in files:
            path.unlink(missing_ok=True)
        return len(files)

    def _file(self, key: tuple[Any, ...]) -> Path:
        return self.folder / f"{digest_of_values(FORMAT, *key)}{ENDING}"

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"*{ENDING}"))

    def _read(self, file: Path) -> Entry | None:
        with contextlib.suppress(OSError):
            return decode(file.read_bytes())
        return None

    def _make_room(self) -> None:
        """Remove a tenth at once, so that not every answer has to look through the folder for the oldest."""
        files = [item.path for item in os.scandir(self.folder)]
        if len(files) >= MOST:
            for path in sorted(files, key=changed_at)[: MOST // 10]:
                with contextlib.suppress(OSError):
                    os.unlink(path)
