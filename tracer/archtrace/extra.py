"""Extra: what tracing needs and the plain package does not bring, and the one refusal where it is not there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec

from archtrace.errors import MissingError, message

#: The packages of the extra `trace` that the tracer imports.
TRACING = ("torch", "transformers", "huggingface_hub", "networkx", "numpy")


def require(packages: Iterable[str] = TRACING) -> None:
    """Raise MissingError where one of these packages is not installed; none is imported to find out."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise MissingError(_told(missing))


def _told(missing: list[str]) -> str:
    return message(
        "tracing needs packages that are not installed",
        where=sys.prefix,
        why=f"no {', '.join(missing)} here; archtrace without its extra `trace` is the source rules of check alone",
        do="pip install 'archtrace[trace]'",
    )
