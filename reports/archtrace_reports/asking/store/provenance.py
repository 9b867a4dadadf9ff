"""Provenance: which files an answer came from, so that it is kept as long as they stay as they are."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import archtrace

#: Modules that Python loads before an audit hook can be set, and that no model is made of.
STARTING = frozenset({"__main__", "__mp_main__", "sitecustomize", "usercustomize"})
#: A file that is opened so is made anew: what it held does not matter.
MAKING = os.O_WRONLY | os.O_TRUNC | os.O_EXCL


class _Listener:
    """What the process has opened and tried to import while it was watched. One serves the whole process: a module is
    loaded once, and the second contract that uses it opens nothing. `missed`: files of modules that were loaded while
    it was not watched."""

    def __init__(self) -> None:
        self.is_on = False
        self.read: set[str] = set()
        self.sought: set[str] = set()
        self.known: set[str] = set()
        self.missed: set[str] = set()

    def record(self, event: str, arguments: tuple[object, ...]) -> None:
        """The audit hook, which stays for good."""
        if not self.is_on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and isinstance(flags, int) and not flags & MAKING:
                self.read.add(os.path.abspath(os.fsdecode(path)))
        elif event == "import":
            self.sought.add(str(arguments[0]))


_LISTENER = _Listener()


def start_watching() -> None:
    """Record from now on which files are opened: configs, and whatever else a model reads."""
    _add_hook()
    _LISTENER.missed |= _loaded() - _LISTENER.known
    _LISTENER.is_on = True


def stop_watching() -> None:
    """Record nothing until the next `start_watching`."""
    _LISTENER.is_on = False
    _LISTENER.known = _loaded()


@contextmanager
def watching() -> Iterator[None]:
    """Watch what is opened and imported inside."""
    start_watching()
    try:
        yield
    finally:
        stop_watching()


@cache
def _add_hook() -> None:
    sys.addaudithook(_LISTENER.record)


def sources(folders: Iterable[str]) -> list[str] | None:
    """The files behind an answer: what was read or was to be read, the modules that are loaded, and those that would be
    if they were there, in these folders; but for what the versions of the environment stand for. Of a package that
    defines modules of torch every file that is loaded counts: people patch such files in place.

    None where that is not known, since modules were loaded before anything was watched.
    """
    if _LISTENER.missed:
        return None
    paths = map(Path, _LISTENER.read)
    read = (str(path) for path in paths if "__pycache__" not in path.parts and not path.name.startswith("<"))
    absent = [name for name in _LISTENER.sought if "." not in name and name not in sys.modules]
    ends = [end for name in absent for end in (f"{name}.py", os.path.join(name, "__init__.py"))]
    new = (os.path.join(folder, end) for folder in folders for end in ends)
    return sorted({*_loaded(), *_installed(_packages()), *filter(_is_own, (*read, *new))})


def _loaded() -> set[str]:
    """The files of the loaded modules that are the user's own."""
    return set(filter(_is_own, (file for name, file in _files() if name not in STARTING)))


def _installed(packages: Iterable[str]) -> set[str]:
    """The files of the modules of installed packages that are loaded."""
    return {file for name, file in _files() if name.partition(".")[0] in packages and not _is_own(file)}


def _files() -> Iterator[tuple[str, str]]:
    """Module -> its file, of those that have one."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.isfile(path := os.path.abspath(file)):
            yield name, path


def _packages() -> set[str]:
    """The packages that define modules of torch, but for torch and archtrace, which their versions stand for."""
    torch = sys.modules.get("torch")
    waiting = [torch.nn.Module] if torch else []
    packages = set()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        packages.add(kind.__module__.partition(".")[0])
    return packages - {"torch", "archtrace", "archtrace_reports", *sys.stdlib_module_names}


def _is_own(file: str) -> bool:
    """Whether a file, which need not exist, is no part of an installed package; a folder or a pipe is none."""
    real = os.path.realpath(file)
    installed = real.startswith(_foreign_folders()) or "/site-packages/" in Path(real).as_posix()
    return not installed and (os.path.isfile(file) or not os.path.exists(file))


@cache
def _foreign_folders() -> tuple[str, ...]:
    """The folders of Python, of its packages, of archtrace and of its caches, and those that hold no files."""
    from platformdirs import user_cache_dir

    paths = [path for name, path in sysconfig.get_paths().items() if name != "data"]
    tracer = Path(archtrace.__file__).parent
    packages = (tracer, tracer.with_name("archtrace_lint"), Path(__file__).parents[2])
    ours = [*map(str, packages), user_cache_dir("archtrace")]
    return tuple(os.path.realpath(path) + os.sep for path in (*paths, *ours, "/proc", "/dev", "/sys"))
