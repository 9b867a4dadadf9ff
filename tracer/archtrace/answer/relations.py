"""Relations: which positions j reach position i of an output that has positions of its own. A row a relation.

Words, slices, the search for the relation that holds, schema and docs read this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

RelationName: TypeAlias = str


@dataclass(frozen=True)
class RelationRule:
    """One relation. `holds` is asked of i, j and the reach w; `meaning` says which j; `slice` picks them, as a template
    in {lead}, the axes before that of positions, and {reach}."""

    meaning: str
    slice: str
    holds: Callable[[int, int, int], bool]


#: In the order in which they are tried: where two explain all layouts, the simpler one is the answer.
RELATIONS: Mapping[RelationName, RelationRule] = {
    "same": RelationRule("position i alone", "[{lead}i]", lambda i, j, w: j == i),
    "all": RelationRule("all positions", "[:]", lambda i, j, w: True),
    "up_to": RelationRule("the positions up to i", "[{lead}:i + 1]", lambda i, j, w: j <= i),
    "before": RelationRule("the positions before i", "[{lead}:i]", lambda i, j, w: j < i),
    "from": RelationRule("position i and those after it", "[{lead}i:]", lambda i, j, w: j >= i),
    "after": RelationRule("the positions after i", "[{lead}i + 1:]", lambda i, j, w: j > i),
    "next": RelationRule("position i + 1 alone", "[{lead}i + 1]", lambda i, j, w: j == i + 1),
    "previous": RelationRule("position i - 1 alone", "[{lead}i - 1]", lambda i, j, w: j == i - 1),
    "around": RelationRule(
        "the positions at most {reach} from i", "[{lead}max(i - {reach}, 0):i + {reach} + 1]",
        lambda i, j, w: abs(i - j) <= w,
    ),
    "behind": RelationRule(
        "position i and the {reach} before it", "[{lead}max(i - {reach}, 0):i + 1]", lambda i, j, w: i - w <= j <= i,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """What reaches position i of the output: positions of a tensor, or tokens.

    `of` is the tensor's name, or "tokens". `masked`: of the positions that the rule names only those that are not
    padding, and i itself. `reach` is w, where the rule has one.
    """

    of: str
    name: RelationName
    masked: bool = False
    reach: int = 0

    @property
    def words(self) -> str:
        """Which positions, in words: after "the tokens at"."""
        meaning = RELATIONS[self.name].meaning.format(reach=self.reach)
        return f"{meaning} that are not padding, and at i itself" if self.masked else meaning

    def slice(self, lead: str = ":, ") -> str:
        """The subscript that picks the positions of the tensor; padding is left to the words."""
        return RELATIONS[self.name].slice.format(lead=lead, reach=self.reach)
