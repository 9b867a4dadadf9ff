"""Files to check: those that are named, and those in folders that are named, without following links to folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from archtrace_reports.check.settings import Settings

#: Endings of the files that a walk takes.
ENDINGS = (".py", ".pyi", ".ipynb")


def files_to_check(
    names: Iterable[str], settings: Settings, fail: Callable[[str], None], *, forced: bool = False
) -> Iterator[str]:
    """Files, each once, as first named; of a folder those that hold Python, in order. `fail` takes a
    message for what is not there. `forced`: what the settings exclude is passed over even where it is named."""
    yielded: set[str] = set()
    for name in names:
        if forced and settings.covers(name):
            continue
        for file in _walk(name, settings, fail) if os.path.isdir(name) else _named(name, fail):
            place = os.path.abspath(file)
            if place not in yielded:
                yielded.add(place)
                yield file


def _named(name: str, fail: Callable[[str], None]) -> Iterator[str]:
    why = _missing(name)
    if why:
        fail(why)
    else:
        yield name


def _missing(name: str) -> str | None:
    """Why there is no such file."""
    try:
        os.stat(name)
    except FileNotFoundError:
        return f"{name} is a link that leads nowhere" if os.path.islink(name) else f"there is no file {name}"
    except (OSError, ValueError) as error:
        return f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
    return None


def _walk(top: str, settings: Settings, fail: Callable[[str], None]) -> Iterator[str]:
    def unread(error: OSError) -> None:
        fail(f"the folder {error.filename} cannot be read: {error.strerror}")

    for folder, folders, files in os.walk(top, onerror=unread):
        folders[:] = sorted(name for name in folders if not settings.excludes(folder, name))
        for name in sorted(files):
            if name.endswith(ENDINGS) and not settings.excludes(folder, name):
                yield os.path.normpath(os.path.join(folder, name))
