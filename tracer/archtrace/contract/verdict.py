"""Verdict: what tracing one declared model said, small and plain, so that it can be kept."""

from __future__ import annotations

from typing import Any, NamedTuple

from archtrace.contract.contract import Term
from archtrace.contract.traced import Broken, SourceRange


class Verdict(NamedTuple):
    """What is broken, the place of each readout's expression, and the terms that the model holds, as values of TOML
    (None: the contract should not have the term)."""

    broken: tuple[Broken, ...]
    places: tuple[SourceRange | None, ...]
    terms: dict[str, Term]

    def encode(self) -> dict[str, object]:
        """As plain values for JSON."""
        return {"broken": self.broken, "places": self.places, "terms": self.terms}


def decode(value: dict[str, Any]) -> Verdict:
    """The inverse of `encode`. TypeError or KeyError where the value is none."""
    # By hand: of a named tuple whose hints are text, as here, cattrs 26.1 cannot tell the types of its fields.
    places = tuple(SourceRange(*place) if place else None for place in value["places"])
    return Verdict(tuple(Broken(*broken) for broken in value["broken"]), places, dict(value["terms"]))
