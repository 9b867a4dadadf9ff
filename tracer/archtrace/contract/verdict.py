"""Verdict: how a traced model compares with its contract, as plain values that a cache can hold."""

from __future__ import annotations

from typing import Any, NamedTuple

from archtrace.contract.contract import Term
from archtrace.contract.traced_model import ContractViolation, SourceRange


class Verdict(NamedTuple):
    """The violations, where each readout's expression stands in the code, and the terms that would hold for the model,
    as values of TOML (None: the contract should not have the term)."""

    violations: tuple[ContractViolation, ...]
    source_ranges: tuple[SourceRange | None, ...]
    terms: dict[str, Term]

    def encode(self) -> dict[str, object]:
        """As plain values for JSON."""
        return {"broken": self.violations, "places": self.source_ranges, "terms": self.terms}


def decode(value: dict[str, Any]) -> Verdict:
    """The inverse of `encode`. Raises TypeError or KeyError where the value encodes no verdict."""
    # By hand: cattrs 26.1 cannot resolve the field types of a named tuple whose annotations are strings, as here.
    source_ranges = tuple(SourceRange(*fields) if fields else None for fields in value["places"])
    violations = tuple(ContractViolation(*fields) for fields in value["broken"])
    return Verdict(violations, source_ranges, dict(value["terms"]))
