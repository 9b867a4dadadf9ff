"""Meaning: what each code says, from the source rule and the graph rule that share it; pages are made from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.rules import rules as graph_rules
from archtrace_lint import rules as source_rules
from archtrace_lint.rule import Rule


@dataclass(frozen=True)
class Meaning:
    """One code. `source` and `graph`: the rules that find it, at least one of them."""

    code: str
    name: str
    summary: str
    why: str
    real: tuple[str, ...]
    instead: str
    source: Rule | None
    graph: GraphRule | None

    @property
    def kinds(self) -> str:
        """Where it is looked for."""
        return ", ".join(kind for kind, rule in (("source", self.source), ("graph", self.graph)) if rule)


def meanings() -> Mapping[str, Meaning]:
    """Every code of a rule, in order."""
    source = {rule.code: rule for rule in source_rules()}
    graph = {rule.code: rule for rule in graph_rules()}
    return {code: _meaning(code, source.get(code), graph.get(code)) for code in sorted({*source, *graph})}


def _meaning(code: str, source: Rule | None, graph: GraphRule | None) -> Meaning:
    words = source or (graph.words if graph else None)
    name = source.name if source else graph.name if graph else ""
    assert words is not None, f"{code} has no words"
    return Meaning(code, name, words.summary, words.why, words.real, words.instead, source, graph)
