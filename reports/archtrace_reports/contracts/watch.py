"""Watch: which files an answer came from, so that it is kept as long as they stay as they are."""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import archtrace

#: The sets that are being filled. An audit hook stays for good, so one serves the whole process.
_WATCHING: list[set[str]] = []


@contextmanager
def watching() -> Iterator[set[str]]:
    """Collects the files that are opened meanwhile: configs, and whatever else a model reads."""
    _hooked()
    read: set[str] = set()
    _WATCHING.append(read)
    try:
        yield read
    finally:
        _WATCHING.remove(read)


@cache
def _hooked() -> None:
    sys.addaudithook(_opened)


def _opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _WATCHING and isinstance(arguments[0], str):
        for read in _WATCHING:
            read.add(os.path.abspath(arguments[0]))


def sources(read: Iterable[str]) -> list[str]:
    """The files behind an answer: what was read, and the modules that are loaded, but for those that the versions of
    the environment stand for."""
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return sorted({os.path.abspath(f) for f in (*modules, *read) if isinstance(f, str) and _is_own(f)})


def _is_own(file: str) -> bool:
    real = os.path.realpath(file)
    installed = real.startswith(_foreign()) or "/site-packages/" in Path(real).as_posix()
    return not installed and os.path.isfile(file)


@cache
def _foreign() -> tuple[str, ...]:
    """The folders of Python, of its packages, of archtrace and of its caches, and those that hold no files."""
    from platformdirs import user_cache_dir

    paths = [path for name, path in sysconfig.get_paths().items() if name != "data"]
    ours = [str(Path(archtrace.__file__).parent), str(Path(__file__).parents[1]), user_cache_dir("archtrace")]
    return tuple(os.path.realpath(path) + os.sep for path in (*paths, *ours, "/proc", "/dev", "/sys"))


def digests(files: Iterable[str]) -> dict[str, str | None]:
    """File -> the digest of what it holds; None where there is no file."""
    return {file: _digest(file) for file in files}


def _digest(file: str) -> str | None:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None
