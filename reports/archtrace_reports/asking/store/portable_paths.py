"""Portable paths: from an installed package, from the Hub's cache or from the current folder on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

INSTALLED, HUB, HERE = "{installed}/", "{hub}/", "{here}/"


def portable(path: str) -> str:
    """A path without the folders of this machine, where it lies in an installed package or in the Hub's cache; never
    from the current folder on, which has nothing to do with a file that was given by its whole path."""
    for folder in sys.path:
        inner = path[len(folder) + 1 :] if folder.endswith("-packages") and path.startswith(folder + os.sep) else ""
        # Only where `located` leads back to it: a path that never exists would count as unchanged.
        if inner and _folder_of_package(inner.partition(os.sep)[0]) == folder:
            return INSTALLED + inner.replace(os.sep, "/")
    hub = hub_cache() + os.sep
    return HUB + path[len(hub) :].replace(os.sep, "/") if path.startswith(hub) else path


def located(places: tuple[str, ...]) -> Iterator[str]:
    """The paths on this machine, from the current folder."""
    homes: dict[str, str] = {}
    for place in places:
        head, slash, rest = place.partition("/")
        if head + slash == INSTALLED:
            package = rest.partition("/")[0]
            if package not in homes:
                homes[package] = _folder_of_package(package)
            yield os.path.join(homes[package], rest)
        elif head + slash in (HUB, HERE):
            yield os.path.join(hub_cache() if head + slash == HUB else os.getcwd(), rest)
        else:
            yield place


def _folder_of_package(package: str) -> str:
    """The folder that a package, or the file of a module, would be imported from."""
    return next((folder for folder in sys.path if _is_module(os.path.join(folder, package))), "")


def _is_module(path: str) -> bool:
    # The folder of programs is on the path too where one of them runs, and has one that is called `transformers`.
    return os.path.isdir(path) or ("." in os.path.basename(path) and os.path.isfile(path))


def hub_cache() -> str:
    """The folder of the Hub's cache, as huggingface_hub's constants.py finds it (1.0 to 2.4), without importing it."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(caches, "huggingface")
    return os.path.expandvars(os.path.expanduser(given or os.path.join(home, "hub")))
