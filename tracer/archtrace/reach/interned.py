"""Interned marks: equal layers ask the same of the same marks, and a look at who asks is cheaper than the answer.

Marks over a long window have millions of elements. Each array that a pass makes is looked at once; from then on it is
known by its number, and so is what comes of joining two, of masking one, of carrying one along a flow.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from archtrace.reach.flows import Flow
from archtrace.reach.marks import Marks, join
from archtrace.reach.values import Unknown, changing, digest

#: Bytes of marks that are kept from one pass to the next.
MOST = 2**32


class Interned:
    """Marks by number, and what became of them."""

    def __init__(self) -> None:
        self._forget()

    def begin(self) -> None:
        """A pass begins: what the last ones left is kept as long as it is not too much."""
        if self._bytes > MOST:
            self._forget()

    def _forget(self) -> None:
        self._bytes = 0
        self._numbers: dict[Hashable, int] = {}
        self._arrays: list[Marks] = []
        self._seen: dict[int, int] = {}
        self._results: dict[Hashable, Marks] = {}
        self._kept: list[Any] = []

    def number(self, marks: Marks) -> int:
        """The number of an array: equal ones have one number."""
        # The digest of a large array costs as much as using it, so an object is digested once in its life.
        known = self._seen.get(id(marks))
        if known is None:
            known = self._numbers.setdefault((marks.shape, digest(marks)), len(self._arrays))
            if known == len(self._arrays):
                self._arrays.append(marks)
            self._seen[id(marks)] = known
            self._bytes += marks.nbytes
            self._kept.append(marks)  # an identity means something as long as what it names is there
        return known

    def _once(self, key: Hashable, make: Callable[[], Marks]) -> Marks:
        result = self._results.get(key)
        if result is None:
            made = make()
            result = self._results[key] = self._arrays[self.number(made)]
        return result

    def joined(self, left: Marks | None, right: Marks) -> Marks:
        """The union of two mark arrays of one tensor; None stands for no marks."""
        if left is None or left is right:
            return right
        return self._once(("join", self.number(left), self.number(right)), lambda: join(left, right))

    def carried(self, flow: Flow, way: str, marks: Marks) -> Marks:
        """Marks along a flow: `way` is "push" or "pull"."""
        self._kept.append(flow)
        return self._once((id(flow), way, self.number(marks)), lambda: getattr(flow, way)(marks))

    def changing(self, marks: Marks, value: Any) -> Marks:
        """Marks without those on elements whose value is certain: what cannot change reaches nothing."""
        if not isinstance(value, Unknown) or (value.certain.size == 1 and bool(value.open.all())):
            return marks
        key = ("open", self.number(value.open), self.number(marks))
        return self._once(key, lambda: changing(marks, value))
