"""What a tree says of the side of padding, and of the versions that it asks for: read where a finding hangs on it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

#: Where a tree says what it asks for; what its root holds, and how many folders above a file it is looked for.
REQUIREMENTS = ("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt")
ROOTS = (".git", *REQUIREMENTS)
UP = 6
#: Files of a tree that are read, and the bytes of one: a larger tree is no team's own.
FILES, LARGEST = 3_000, 2_000_000
_LEFT_OUT = frozenset(("node_modules", "site-packages", "build", "dist", "venv", "env", "__pycache__"))

#: `padding_side = "left"`, as an attribute, a keyword, a default or a key; in a notebook its quotes are escaped.
_SIDE = re.compile(rb"padding_side\\?[\"']?\]?\s*(?::\s*\w+\s*)?[:=]\s*\\?[\"'](left|right)")


def sides(path: str, names: Iterable[str]) -> frozenset[str]:
    """The sides that the files of the tree around a file set which name one of these words; of no words, all files."""
    words = re.compile(rb"\b(" + b"|".join(name.encode() for name in names) + rb")\b")
    return frozenset(side for text, said in _speaking(_root(path)) if words.search(text) for side in said)


def below(path: str, package: str, version: str) -> bool:
    """The tree around a file asks for a version of a package that lies before this one, and for no later."""
    root = _root(path)
    asked = re.compile(rf"[\"'\s]{package}(?:\[[^\]]*\])?\s*(?:[^\"'\n#;]*,)?\s*(?:<=?|==|~=)\s*(\d+)\.(\d+)")
    texts = (_text(os.path.join(root, name)).decode("utf-8", "replace") for name in REQUIREMENTS)
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
def _speaking(root: str) -> list[tuple[bytes, frozenset[str]]]:
    """The files under a folder that set a side of padding: text, and sides."""
    return [(text, said) for text in _texts(root) if (said := frozenset(s.decode() for s in _SIDE.findall(text)))]


def _texts(root: str) -> Iterator[bytes]:
    """The texts under a folder that speak of a side at all."""
    read = 0
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if name not in _LEFT_OUT and not name.startswith("."))
        for name in sorted(files):
            if name.endswith((".py", ".ipynb")) and read < FILES:
                read += 1
                text = _text(os.path.join(folder, name))
                if b"padding_side" in text:
                    yield text


def _text(path: str) -> bytes:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return b""
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
