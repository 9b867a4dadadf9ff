"""Parts played for packages that a model of the library needs and that are not installed.

A stand-in builds modules of the same names, channels and strides. What they do inside is not what the package does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from archtrace.answer.result import Finding

#: Package -> the module here that plays it. Its `NAMES` are what modules import from the package.
STANDINS: Mapping[str, str] = {"detectron2": "archtrace.targets.standins.detectron2"}
_ABSENT = object()


def missing(error: ImportError) -> str | None:
    """The package that is missing by the library's own words, if a stand-in can play it."""
    text = str(error)
    return next((package for package in STANDINS if f"requires the {package} library" in text), None)


@contextmanager
def played(package: str, *classes: type) -> Iterator[None]:
    """For a while, the modules of these classes have the stand-in's names, and the library takes it for the package."""
    from transformers.utils import import_utils

    names: Mapping[str, Any] = import_module(STANDINS[package]).NAMES
    backends = import_utils.BACKENDS_MAPPING
    kept = backends[package]
    tables = [vars(sys.modules[c.__module__]) for c in classes]
    before = [(table, name, table.get(name, _ABSENT)) for table in tables for name in names]
    try:
        backends[package] = (lambda: True, kept[1])
        for table in tables:
            table.update(names)
        yield
    finally:
        backends[package] = kept
        for table, name, value in before:
            if value is _ABSENT:
                table.pop(name, None)
            else:
                table[name] = value


def stood_in(model: Any) -> tuple[Finding, ...]:
    """What an answer must say of a model that was built with a stand-in; nothing of any other."""
    package = getattr(model, "archtrace_stand_in", None)
    what = f"{package} is not installed; its part is played by a stand-in"
    return (Finding("stand-in", f"{what}: what the image's features read inside is not answered"),) if package else ()
