"""A user's code: `package.module:name` or `path/file.py:name`, imported as itself or under a private name."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from archtrace.errors import did_you_mean, refusal
from archtrace.targets import siblings

_FORM = re.compile(r"(?P<module>.+\.py|[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")


def is_code(text: str) -> bool:
    """Whether the text has the form of a file or a module, with or without a class."""
    return bool(_FORM.fullmatch(text)) or text.endswith((".py", ".py:"))


def load(text: str) -> tuple[object, str]:
    """The object that the text names, and the folder that its imports need. TargetError says what fails where."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise _no_class(text.rstrip(":"))
    place, name = match["module"], match["name"]
    module, folder = _from_file(Path(place)) if place.endswith(".py") else _from_package(place)
    value: object = module
    for part in name.split("."):
        if not hasattr(value, part):
            raise _unknown_name(name, part, place, value)
        value = getattr(value, part)
    return value, folder


def _no_class(place: str) -> Exception:
    path = Path(place)
    if not path.is_file():
        return _no_file(path)
    first = next(iter(_classes(path)), "Class")
    return refusal(
        f"{place} names no class", where=place, why="a file may hold several", do=f"name one: {place}:{first}"
    )


def _no_file(path: Path) -> Exception:
    siblings = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
    return refusal(
        f"no file {path.name}",
        where=str(path.parent.resolve()),
        why="there is no such file",
        do=f"{did_you_mean(path.name, siblings)}correct the path",
    )


def _unknown_name(name: str, part: str, place: str, owner: object) -> Exception:
    members: dict[str, object] = vars(owner)
    known = [n for n, value in members.items() if callable(value) and not n.startswith("_")]
    return refusal(
        f"no class {name} in {place}",
        where=getattr(owner, "__file__", None) or place,
        why=f"{place} defines no {part!r}",
        do=f"{did_you_mean(part, known)}correct the name",
    )


def _classes(path: Path) -> Iterable[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return ()
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]


def _from_file(path: Path) -> tuple[ModuleType, str]:
    if not path.is_file():
        raise _no_file(path)
    path = path.resolve()
    name = siblings.name_of(path)
    try:
        with on_path(str(path.parent)):
            return siblings.import_file(name, path), str(path.parent)
    except (Exception, SystemExit) as error:
        siblings.forget(name)
        raise _failed(path.name, str(path), error) from error


def _from_package(name: str) -> tuple[ModuleType, str]:
    folder = str(Path.cwd())
    try:
        with on_path(folder):
            importlib.invalidate_caches()
            return importlib.import_module(name), folder
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}.")
        if not missing:
            raise _failed(name, name, error) from error
    raise refusal(
        f"no module {name}",
        where=f"{folder} and the packages of {sys.prefix}",
        why="there is no such module",
        do="run from the folder that holds it, install it, or name the file: path/to/file.py:Class",
    )


@contextmanager
def on_path(folder: str) -> Iterator[None]:
    """The folder goes first on sys.path, for a while."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _failed(name: str, place: str, error: BaseException) -> Exception:
    """The refusal of code that raises while it is imported: at which of its lines, and what it says."""
    why = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    loads = any(frame.name == "from_pretrained" for frame in traceback.extract_tb(error.__traceback__))
    do = "put the model into a function and name that: no weights are read then" if loads else "correct the code"
    return refusal(f"{name} cannot be imported", where=_line(error) or place, why=why, do=do)


def _line(error: BaseException) -> str:
    """`file:line` of the last frame outside the import machinery and the installed packages."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    foreign = ("<frozen", str(Path(importlib.__file__).parent), sys.prefix, str(Path(__file__).parent))
    users = [frame for frame in frames if not frame.filename.startswith(foreign)]
    return f"{users[-1].filename}:{users[-1].lineno}" if users else ""
