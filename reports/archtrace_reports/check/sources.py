"""Sources: the files that are meant. A folder is walked; links to folders are not followed, pipes not opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from archtrace_reports.check.settings import Settings

#: Endings of the files that a walk takes.
ENDINGS = (".py", ".pyi", ".ipynb")


def sources(given: Iterable[str], settings: Settings) -> Iterator[str]:
    """Files, each once, as first named; of a folder those that hold Python, in order; what is not there as well."""
    seen: set[str] = set()
    for name in given:
        for file in _walk(name, settings) if os.path.isdir(name) else [name]:
            place = os.path.abspath(file)
            if place not in seen:
                seen.add(place)
                yield file


def _walk(top: str, settings: Settings) -> Iterator[str]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not settings.excludes(Path(folder, name)))
        for name in sorted(files):
            file = os.path.normpath(os.path.join(folder, name))
            if name.endswith(ENDINGS) and not settings.excludes(Path(file)) and os.path.isfile(file):
                yield file
