"""Cache: verdicts whose inputs have not changed since, read without importing torch, in the user's cache folder.

The inputs are what the contract says, the versions of all that is installed, archtrace's own files, and the digest of
each file that the answer came from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import archtrace
from archtrace.contract.verdict import Verdict, decode
from archtrace_reports.contracts.declared import Declared
from archtrace_reports.contracts.watch import digests

FORMAT = 1
#: What of the environment decides where a config comes from.
VARIABLES = (
    *("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_OFFLINE"),
    "PYTHONPATH",
)


class Cache:
    """One file a contract. A cache that cannot be read or written is no harm."""

    def __init__(self, root: str) -> None:
        from platformdirs import user_cache_path

        self._root = os.path.realpath(root)
        self._folder = user_cache_path("archtrace") / "contracts"

    def get(self, declared: Declared) -> Verdict | None:
        """What was said of a contract; None where that is not known, or anything behind it has changed."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            kept = json.loads(self._file(declared).read_text("utf-8"))
            if kept["key"] == self._key(declared) and kept["files"] == digests(kept["files"]):
                return decode(kept["verdict"])
        return None

    def put(self, declared: Declared, verdict: Verdict, files: Iterable[str], since: int) -> None:
        """Keep a verdict, unless one of its files has changed since (nanoseconds): it may have seen the older one."""
        from archtrace_reports.files import replace

        marks = digests(files)
        if any(_changed(file) > since for file, digest in marks.items() if digest):
            return
        kept = {"key": self._key(declared), "files": marks, "verdict": verdict.encode()}
        with contextlib.suppress(OSError, TypeError, ValueError):
            self._folder.mkdir(parents=True, exist_ok=True)
            replace(self._file(declared), json.dumps(kept))

    def _file(self, declared: Declared) -> Path:
        return self._folder / f"{_short(self._root, declared.name)}.json"

    def _key(self, declared: Declared) -> str:
        settings = [os.environ.get(name, "") for name in VARIABLES]
        table = json.dumps(declared.table, sort_keys=True, default=str)
        return _short(FORMAT, declared.name, table, settings, sys.version, *_installed(), *_ours())


def _changed(file: str) -> int:
    """When a file, or its name, became what it is: a file that is moved or copied keeps the time of what it holds."""
    told = os.stat(file)
    return max(told.st_mtime_ns, told.st_ctime_ns)


def _short(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _installed() -> Iterator[str]:
    """Every installed distribution with its version, by the names of its metadata; what of it may change under one
    version, by what it holds: the files of a package that was installed from a folder, the folders that a .pth adds."""
    for folder in sys.path:
        with contextlib.suppress(OSError):
            for name in sorted(n for n in os.listdir(folder or ".") if n.endswith((".dist-info", ".egg-info", ".pth"))):
                yield name
                yield from filter(None, digests(_changing(os.path.join(folder, name))).values())


def _changing(path: str) -> Iterator[str]:
    if path.endswith(".pth"):
        yield path
    elif os.path.exists(os.path.join(path, "direct_url.json")):
        yield os.path.join(path, "RECORD")


def _ours() -> Iterator[tuple[str, int, int]]:
    """archtrace's own files: their names, sizes and times."""
    for file in sorted(Path(archtrace.__file__).parent.rglob("*.*")):
        if file.suffix in (".py", ".toml"):
            told = file.stat()
            yield file.name, told.st_size, told.st_mtime_ns
