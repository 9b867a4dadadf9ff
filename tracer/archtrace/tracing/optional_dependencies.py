"""Optional dependencies: what the extra `trace` brings, and the refusal where it is missing or too old."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from archtrace.errors import MissingError, message

#: The packages of the extra `trace` that the tracer imports.
TRACING = ("torch", "transformers", "huggingface_hub", "networkx", "numpy")
#: The oldest releases that tracing runs on, as pyproject.toml has them; docs/versions.md shows what was tried.
OLDEST = {"torch": "2.10", "transformers": "4.48"}


def require(packages: Iterable[str] = TRACING) -> None:
    """Raise MissingError where one of these packages is not installed, or too old; none is imported to find out."""
    names = tuple(packages)
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise MissingError(_not_installed(missing))
    if old := {name: release for name in names if (release := _too_old(name))}:
        raise MissingError(_outdated(old))


def _too_old(name: str) -> str:
    """The installed release of a package, where it is older than the oldest that runs; else empty."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version(name) if name in OLDEST else ""
    except PackageNotFoundError:  # built in place: nothing tells its release
        return ""
    return release if release and _numbers(release) < _numbers(OLDEST[name]) else ""


def _numbers(release: str) -> tuple[int, ...]:
    """The numbers that a release begins with: (2, 13, 0) of "2.13.0+cpu", (5, 0, 0) of "5.0.0rc1"."""
    match = re.match(r"\d+(\.\d+)*", release)
    return tuple(map(int, match[0].split("."))) if match else ()


def _not_installed(missing: list[str]) -> str:
    return message(
        "tracing needs packages that are not installed",
        where=sys.prefix,
        why=f"no {', '.join(missing)} here; archtrace without its extra `trace` is the source rules of check alone",
        do="pip install 'archtrace[trace]'",
    )


def _outdated(old: Mapping[str, str]) -> str:
    requirements = [f"'{name}>={OLDEST[name]}'" for name in old]
    here = " and ".join(f"{name} {release}" for name, release in old.items())
    return message(
        f"{here} {'are' if len(old) > 1 else 'is'} too old to trace with",
        where=sys.prefix,
        why=f"tracing needs {' and '.join(f'{name} {OLDEST[name]} or later' for name in old)}",
        do=f"pip install {' '.join(requirements)}",
    )
