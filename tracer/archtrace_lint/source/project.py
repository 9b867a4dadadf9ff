"""The padding sides that a tree sets, and the versions that it requires: read when a finding depends on them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

from archtrace_lint.source.import_resolver import CODE_ENDINGS, ImportResolver, file_stamp

#: Files with the requirements of a tree; files that mark its root; how many folders above a file to look for it.
REQUIREMENTS = ("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt")
ROOTS = (".git", *REQUIREMENTS)
PARENT_FOLDERS = 6
#: Most files of a tree that are read, and the largest size of one in bytes.
MAX_FILES, MAX_BYTES = 3_000, 2_000_000
_SKIPPED_FOLDERS = frozenset(("node_modules", "site-packages", "build", "dist", "venv", "env", "__pycache__"))

#: `padding_side = "left"`, as an attribute, a keyword, a default or a key; in a notebook its quotes are escaped.
_SIDE = re.compile(rb"padding_side\\?[\"']?\]?\s*(?::\s*\w+\s*)?[:=]\s*\\?[\"'](left|right)")

#: Path -> the text of a file that sets a side of padding, and the sides.
SidesByFile: TypeAlias = dict[str, tuple[bytes, frozenset[str]]]


def padding_sides(resolver: ImportResolver, name: str) -> frozenset[str]:
    """The sides set by the files of the tree that mention a name; if none does, those of the nearest folder.

    That is the file's own folder, or the first above it in which a file sets a side. The result depends on the whole
    tree, so all its files and folders are recorded.
    """
    root = _root(resolver.path)
    folders, files = _inside(root)
    state = {path: file_stamp(path) for path in (*folders, *files)}
    resolver.files.update(state)
    sides_by_file = _files_that_set_sides(tuple(files), tuple(state.values()))
    word = re.compile(rb"\b" + name.encode() + rb"\b") if name else None
    # A file that names the class probably makes its batches, so its side counts before that of others.
    users = frozenset(side for text, sides in sides_by_file.values() if word and word.search(text) for side in sides)
    return users or _nearest(os.path.dirname(os.path.abspath(resolver.path)), root, sides_by_file)


def _nearest(folder: str, root: str, sides_by_file: SidesByFile) -> frozenset[str]:
    while True:
        inside = (file_sides for file, (_, file_sides) in sides_by_file.items() if file.startswith(folder + os.sep))
        sides = frozenset(side for file_sides in inside for side in file_sides)
        if sides or len(folder) <= len(root):
            return sides
        folder = os.path.dirname(folder)


def requires_below(resolver: ImportResolver, package: str, version: str) -> bool:
    """The tree around a file requires a package in versions below this one only."""
    files = [os.path.join(_root(resolver.path), name) for name in REQUIREMENTS]
    resolver.files.update((path, file_stamp(path)) for path in files)
    bound = re.compile(rf"[\"'\s]{package}(?:\[[^\]]*\])?\s*(?:[^\"'\n#;]*,)?\s*(?:<=?|==|~=)\s*(\d+)\.(\d+)")
    texts = (_text(path).decode("utf-8", "replace") for path in files)
    bounds = [(int(a), int(b)) for text in texts for a, b in bound.findall("\n" + text)]
    return bool(bounds) and max(bounds) < tuple(map(int, version.split(".")))


def _root(path: str) -> str:
    """The root folder of a file's tree; the file's own folder if nothing above it marks a root."""
    own = folder = os.path.dirname(os.path.abspath(path))
    for _ in range(PARENT_FOLDERS):
        if any(os.path.exists(os.path.join(folder, root)) for root in ROOTS):
            return folder
        folder = os.path.dirname(folder)
    return own


@lru_cache(maxsize=4)
def _files_that_set_sides(files: tuple[str, ...], state: object) -> SidesByFile:
    """Those of the files that set a side of padding; `state`: their stamps, a part of the cache key."""
    del state  # only a part of the cache key
    return {file: (text, sides) for file in files if (sides := frozenset(_sides_set(text := _text(file))))}


def _sides_set(text: bytes) -> Iterator[str]:
    """The sides that a text sets; TensorFlow's `padded_batch` pads on the right."""
    yield from (side.decode() for side in _SIDE.findall(text))
    if b".padded_batch(" in text:
        yield "right"


def _inside(root: str) -> tuple[list[str], list[str]]:
    """The folders of a tree, and its Python files and notebooks, up to MAX_FILES."""
    folders, paths = list[str](), list[str]()
    for folder, inner, files in os.walk(root):
        # In place, so that `os.walk` enters only these; sorted, as a file system lists names in any order.
        inner[:] = sorted(name for name in inner if name not in _SKIPPED_FOLDERS and not name.startswith("."))
        folders.append(folder)
        paths += [os.path.join(folder, name) for name in sorted(files) if name.endswith(CODE_ENDINGS)]
        if len(paths) >= MAX_FILES:
            break
    return folders, paths[:MAX_FILES]


def _text(path: str) -> bytes:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > MAX_BYTES:
            return b""
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
