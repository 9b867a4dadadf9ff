"""Parts played for packages that a model of the library needs and that are not installed.

A stand-in builds modules of the same names, channels and strides. What they do inside is not what the package does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from archtrace.answer.result import Finding

if TYPE_CHECKING:
    import torch

#: Package -> the module here that plays it. Its `NAMES` are what modules import from the package.
STANDINS: Mapping[str, str] = {"detectron2": "archtrace.targets.standins.detectron2"}
_ABSENT = object()


def missing(error: ImportError) -> str | None:
    """The package that is missing by the library's own words, if a stand-in can play it."""
    text = str(error)
    return next((package for package in STANDINS if f"requires the {package} library" in text), None)


@contextmanager
def played(package: str, *modules: str) -> Iterator[None]:
    """For a while, these modules have the stand-in's names, and the library takes it for the package."""
    from transformers.utils import import_utils

    names: Mapping[str, object] = import_module(STANDINS[package]).NAMES
    backends: dict[str, tuple[Callable[[], bool], str]] = import_utils.BACKENDS_MAPPING
    backend = backends[package]
    tables: list[dict[str, object]] = [vars(sys.modules[module]) for module in modules]
    before = [(table, name, table.get(name, _ABSENT)) for table in tables for name in names]
    try:
        backends[package] = (lambda: True, backend[1])
        for table in tables:
            table.update(names)
        yield
    finally:
        backends[package] = backend
        for table, name, value in before:
            if value is _ABSENT:
                table.pop(name, None)
            else:
                table[name] = value


def stood_in(model: torch.nn.Module) -> tuple[Finding, ...]:
    """The finding about a model that was built with a stand-in; none about any other."""
    package: str | None = getattr(model, "archtrace_stand_in", None)
    what = f"{package} is not installed; its part is played by a stand-in"
    return (Finding("stand-in", f"{what}: what the image's features read inside is not answered"),) if package else ()
