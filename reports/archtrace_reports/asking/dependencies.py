"""Dependencies: the packages of the extra `trace`, checked before any work is done."""

from __future__ import annotations

from importlib.util import find_spec

from archtrace.tracing import optional_dependencies

#: The packages of the extra `trace` that the reports import.
SHOWING = ("rich", "jinja2", "markupsafe", "cattrs", "graphviz")


def require_showing() -> None:
    """Raise MissingError where this environment cannot show an answer that is known."""
    if any(find_spec(name) is None for name in SHOWING):  # only then what the refusal needs is imported
        optional_dependencies.require(SHOWING)


def require() -> None:
    """Raise MissingError where this environment cannot trace a model and show the answer."""
    optional_dependencies.require((*optional_dependencies.TRACING, *SHOWING))
