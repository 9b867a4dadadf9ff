"""What a tree says of the side of padding, and of the versions that it asks for: read where a finding hangs on it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

from archtrace_lint.source.import_resolver import MODULES, Beside, stamped

#: Where a tree says what it asks for; what its root holds, and how many folders above a file it is looked for.
REQUIREMENTS = ("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt")
ROOTS = (".git", *REQUIREMENTS)
UP = 6
#: Files of a tree that are read, and the bytes of one: a larger tree is no team's own.
FILES, LARGEST = 3_000, 2_000_000
_LEFT_OUT = frozenset(("node_modules", "site-packages", "build", "dist", "venv", "env", "__pycache__"))

#: `padding_side = "left"`, as an attribute, a keyword, a default or a key; in a notebook its quotes are escaped.
_SIDE = re.compile(rb"padding_side\\?[\"']?\]?\s*(?::\s*\w+\s*)?[:=]\s*\\?[\"'](left|right)")

#: Path -> the text of a file that sets a side of padding, and the sides.
Speaking: TypeAlias = dict[str, tuple[bytes, frozenset[str]]]


def sides(beside: Beside, name: str) -> frozenset[str]:
    """The sides that those files of the tree set which name a word; where none does, those of the nearest folder.

    The nearest is the file's own, or the first above it under which a file sets a side. The answer hangs on the whole
    tree: all its files and folders are noted.
    """
    root = _root(beside.path)
    folders, files = _inside(root)
    state = {path: stamped(path) for path in (*folders, *files)}
    beside.files.update(state)
    speaking = _speaking(tuple(files), tuple(state.values()))
    word = re.compile(rb"\b" + name.encode() + rb"\b") if name else None
    users = frozenset(side for text, said in speaking.values() if word and word.search(text) for side in said)
    return users or _nearest(os.path.dirname(os.path.abspath(beside.path)), root, speaking)


def _nearest(folder: str, root: str, speaking: Speaking) -> frozenset[str]:
    while True:
        inside = (said for file, (_, said) in speaking.items() if file.startswith(folder + os.sep))
        found = frozenset(side for said in inside for side in said)
        if found or len(folder) <= len(root):
            return found
        folder = os.path.dirname(folder)


def below(beside: Beside, package: str, version: str) -> bool:
    """The tree around a file asks for a version of a package that lies before this one, and for no later."""
    files = [os.path.join(_root(beside.path), name) for name in REQUIREMENTS]
    beside.files.update((path, stamped(path)) for path in files)
    asked = re.compile(rf"[\"'\s]{package}(?:\[[^\]]*\])?\s*(?:[^\"'\n#;]*,)?\s*(?:<=?|==|~=)\s*(\d+)\.(\d+)")
    texts = (_text(path).decode("utf-8", "replace") for path in files)
    bounds = [(int(a), int(b)) for text in texts for a, b in asked.findall("\n" + text)]
    return bool(bounds) and max(bounds) < tuple(map(int, version.split(".")))


def _root(path: str) -> str:
    """The folder of the tree that a file is of; its own, where nothing above says so."""
    own = folder = os.path.dirname(os.path.abspath(path))
    for _ in range(UP):
        if any(os.path.exists(os.path.join(folder, root)) for root in ROOTS):
            return folder
        folder = os.path.dirname(folder)
    return own


@lru_cache(maxsize=4)
def _speaking(files: tuple[str, ...], state: object) -> Speaking:
    """Those of these files, as they are now, that set a side of padding."""
    del state  # what is kept holds for it alone
    return {file: (text, said) for file in files if (said := frozenset(_said(text := _text(file))))}


def _said(text: bytes) -> Iterator[str]:
    """The sides that a text sets; TensorFlow's batches pad behind."""
    yield from (side.decode() for side in _SIDE.findall(text))
    if b".padded_batch(" in text:
        yield "right"


def _inside(root: str) -> tuple[list[str], list[str]]:
    """The folders of a tree, and its Python files and notebooks, up to a number."""
    folders, found = list[str](), list[str]()
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if name not in _LEFT_OUT and not name.startswith("."))
        folders.append(folder)
        found += [os.path.join(folder, name) for name in sorted(files) if name.endswith(MODULES)]
        if len(found) >= FILES:
            break
    return folders, found[:FILES]


def _text(path: str) -> bytes:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return b""
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
