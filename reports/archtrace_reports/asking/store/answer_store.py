"""The store: a folder with a file for each answer, whole or not at all, however many write at once."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archtrace_reports.asking.store.digest import changed, of_files, short
from archtrace_reports.asking.store.portable_paths import located, portable

FORMAT = 1
#: Beyond so many answers the oldest go: a thousand are about four megabytes.
MOST = 5_000
ENDING = ".z"


@dataclass(frozen=True)
class Entry:
    """An answer and what it came from. `subject`: what was asked about; `made`: when, in UTC; `files`: those that it
    came from, as `places` writes them, and their `digest`; `answer` and `drawing`: plain JSON, the latter as text,
    since few need it; `environment`: what was installed."""

    subject: str
    made: str
    files: tuple[str, ...]
    digest: str
    answer: Any
    drawing: str = "null"
    environment: Any = None

    def behind(self, places: Iterable[str]) -> Entry:
        """The same, but that it came from these places."""
        found = tuple(sorted(set(places)))
        return replace(self, files=found, digest=of_files(located(found)))

    def holds(self) -> bool:
        """Whether every file is as it was, and absent where it was absent."""
        return of_files(located(self.files)) == self.digest


def entry(subject: str, files: Iterable[str], answer: Any, drawing: Any = None, environment: Any = None) -> Entry:
    """An entry of now. `files`: their paths, or their places."""
    from datetime import UTC, datetime

    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(subject, made, (), "", answer, json.dumps(drawing), environment).behind(map(portable, files))


def encode(kept: Entry) -> bytes:
    """Three lines, compressed: what it came from, the answer, the drawing."""
    head = {"format": FORMAT, **{name: getattr(kept, name) for name in _HEAD}}
    return zlib.compress("\n".join([json.dumps(head), json.dumps(kept.answer), kept.drawing]).encode(), 9)


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
    """The answers in a folder. One that cannot be read or written is no harm: it keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, *key: Any) -> Entry | None:
        """What was kept under a key; None where nothing was, or anything behind it has changed."""
        kept = self._read(self._file(key))
        return kept if kept is not None and kept.holds() else None

    def put(self, kept: Entry, since: int, *key: Any) -> bool:
        """Keep an entry, unless one of its files has changed `since` (nanoseconds): it may have seen the older one."""
        from archtrace_reports.text import files

        if any(changed(file) > since for file in located(kept.files)):
            return False
        with contextlib.suppress(OSError, TypeError, ValueError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room()
            files.replace(self._file(key), encode(kept))
            return True
        return False

    def entries(self) -> Iterator[Entry]:
        """All that is kept, the newest first, whether it holds or not."""
        for file in sorted(self._files(), key=lambda each: changed(str(each)), reverse=True):
            kept = self._read(file)
            if kept is not None:
                yield kept

    def clear(self) -> int:
        """Forget everything; how much there was."""
        files = self._files()
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def _file(self, key: tuple[Any, ...]) -> Path:
        return self.folder / f"{short(FORMAT, *key)}{ENDING}"

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"*{ENDING}"))

    def _read(self, file: Path) -> Entry | None:
        with contextlib.suppress(OSError):
            return decode(file.read_bytes())
        return None

    def _make_room(self) -> None:
        """A tenth goes at once, so that not every answer has to look through the folder for the oldest."""
        files = [entry.path for entry in os.scandir(self.folder)]
        if len(files) >= MOST:
            for file in sorted(files, key=changed)[: MOST // 10]:
                with contextlib.suppress(OSError):
                    os.unlink(file)
