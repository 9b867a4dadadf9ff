"""Environment: the installed packages and the variables that an answer can depend on, found without importing any."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import archtrace
from archtrace_reports.asking.store.digest import digest_of_file, digest_of_files, digest_of_values

#: The variables that decide where a config comes from.
VARIABLES = (
    *("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_OFFLINE"),
    "PYTHONPATH",
)


def environment() -> str:
    """Everything: Python, archtrace, every installed package, the variables."""
    return digest_of_values(sys.version, release(), [os.environ.get(name, "") for name in VARIABLES], *_installed())


@cache
def release() -> str:
    """The release of archtrace: its version; in a checkout, whose files change under one version, with their digest."""
    home = Path(archtrace.__file__).parent
    if not (home.parents[1] / "pyproject.toml").exists():
        return archtrace.__version__
    return f"{archtrace.__version__}+{_digest_of_package(str(home))}"


def is_this_release(made_by: str) -> bool:
    """Whether shipped answers were made by this very release: those of an installed package cannot be of another."""
    return made_by == release() or ("+" not in release() and made_by.partition("+")[0] == release())


def _digest_of_package(home: str) -> str:
    """The digest of a package's files."""
    files = []
    for folder, inner, names in os.walk(home):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        files += [os.path.join(folder, name) for name in sorted(names) if name.endswith((".py", ".toml", ".json"))]
    return digest_of_files(files)[:12]


def packages(names: Iterable[str]) -> dict[str, str | None]:
    """Package -> its version without the local part ("2.13.0" of "2.13.0+cpu"); None where it is not installed."""
    # Of two on the path the first is imported: it comes last here, and stays.
    folders = (name for folder in reversed(sys.path) for name in _names_in(folder) if name.endswith(".dist-info"))
    stems = (name.removesuffix(".dist-info") for name in folders)
    pairs = (stem.rpartition("-")[::2] for stem in stems)
    versions = {_normalized(name): version.partition("+")[0] for name, version in pairs}
    return {name: versions.get(_normalized(name)) for name in names}


def _normalized(package: str) -> str:
    return package.lower().replace("-", "_").replace(".", "_")


def _installed() -> Iterator[str]:
    """Every installed package with its version, by the name of its metadata folder; and the digest of what may change
    under one version: the files of a package that was installed from a folder, the folders that a .pth adds."""
    for folder in sys.path:
        for name in _names_in(folder):
            if name.endswith((".dist-info", ".egg-info", ".pth")):
                yield name
                yield from filter(None, map(digest_of_file, _files_that_may_change(os.path.join(folder, name))))


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or "."))
    except OSError:
        return []


def _files_that_may_change(path: str) -> Iterator[str]:
    if path.endswith(".pth"):
        yield path
    elif os.path.exists(os.path.join(path, "direct_url.json")):
        yield os.path.join(path, "RECORD")
