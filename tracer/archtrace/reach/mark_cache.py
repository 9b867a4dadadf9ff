"""A cache of marks: equal layers do the same to the same marks, and looking that up is cheaper than doing it again.

Marks over a long window have millions of elements. Each array that a pass makes gets a number, by its
contents; results (two joined, one masked, some carried along the flows of a step) are found again by these numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from archtrace.reach.flows import Flow
from archtrace.reach.marks import Marks, NodeMarks, join
from archtrace.reach.rules.registry import Flows, Transfer
from archtrace.reach.values import Unknown, Value, digest, drop_certain

_Thing = TypeVar("_Thing")
#: Bytes of marks that one pass may leave to the next.
MOST = 2**29


class MarkCache:
    """Marks by number, and the results of what was done with them."""

    def __init__(self) -> None:
        self._forget()

    def begin(self) -> None:
        """A pass begins: what the last ones left stays, unless it has become too much."""
        if self._bytes > MOST:
            self._forget()

    def _forget(self) -> None:
        self._bytes = 0
        self._numbers: dict[Hashable, int] = {}
        self._arrays: list[Marks] = []
        self._number_by_id: dict[int, int] = {}
        self._results: dict[Hashable, Marks] = {}
        self._pulls: dict[Hashable, Sequence[tuple[int, Marks]]] = {}
        self._pushes: dict[Hashable, list[Marks | None]] = {}
        # An id() is reused once its object is gone, so the objects are held here.
        self._alive: dict[int, object] = {}

    def number(self, marks: Marks) -> int:
        """The number of an array: equal ones have one number."""
        # The digest of a large array costs as much as using it, so an object is digested once in its life.
        number = self._number_by_id.get(id(marks))
        if number is None:
            number = self._number(marks)
            if self._arrays[number] is not marks:
                self._number_by_id[id(self._keep(marks))] = number
        return number

    def _key_of(self, marks: NodeMarks) -> Hashable:
        if isinstance(marks, list):
            return tuple(map(self._key_of, marks))
        return None if marks is None else self.number(marks)

    def _number(self, marks: Marks) -> int:
        number = self._numbers.setdefault((marks.shape, digest(marks)), len(self._arrays))
        if number == len(self._arrays):
            self._arrays.append(marks)
            self._number_by_id[id(marks)] = number
            self._bytes += marks.nbytes
        return number

    def _keep(self, thing: _Thing) -> _Thing:
        self._alive[id(thing)] = thing
        return thing

    def _once(self, key: Hashable, make: Callable[[], Marks]) -> Marks:
        result = self._results.get(key)
        if result is None:
            # The first of equal arrays stands for all of them.
            result = self._results[key] = self._arrays[self._number(make())]
        return result

    def join(self, left: Marks | None, right: Marks) -> Marks:
        """The union of two mark arrays of one tensor; None stands for no marks."""
        if left is None or left is right:
            return right
        return self._once(("join", self.number(left), self.number(right)), lambda: join(left, right))

    def carry(self, flow: Flow, backwards: bool, marks: Marks) -> Marks:
        """Marks along a flow, from its operand to its result or backwards."""
        key = (id(flow), backwards, self.number(marks))
        if key not in self._results:
            self._keep(flow)
        return self._once(key, lambda: flow.pull(marks) if backwards else flow.push(marks))

    def pull(self, step: Transfer, parts: Sequence[Marks | None]) -> Sequence[tuple[int, Marks]]:
        """The marks of a step's operands, by slot, from those of the results; a slot may come several times."""
        key = (id(step), *map(self._key_of, parts))
        pulled = self._pulls.get(key)
        if pulled is None:
            marked = [(marks, flows) for marks, flows in zip(parts, step.flows, strict=False) if marks is not None]
            pulled = [(slot, self.carry(flow, True, marks)) for marks, flows in marked for slot, flow in flows]
            self._keep(step)
            self._pulls[key] = pulled
        return pulled

    def push(self, step: Transfer, operands: Sequence[Marks | None]) -> list[Marks | None]:
        """The marks of each result of a step, from those of the operands."""
        key = (id(step), *map(self._key_of, operands))
        pushed = self._pushes.get(key)
        if pushed is None:
            pushed = [self._push(flows, operands) for flows in step.flows]
            self._keep(step)
            self._pushes[key] = pushed
        return pushed

    def _push(self, flows: Flows, operands: Sequence[Marks | None]) -> Marks | None:
        marks: Marks | None = None
        for slot, flow in flows:
            if (source := operands[slot]) is not None:
                marks = self.join(marks, self.carry(flow, False, source))
        return marks

    def drop_certain(self, marks: Marks, value: Value) -> Marks:
        """Marks without those on elements whose value is certain: what cannot change reaches nothing."""
        if not isinstance(value, Unknown) or value.anywhere:
            return marks
        key = ("open", self.number(value.open), self.number(marks))
        return self._once(key, lambda: drop_certain(marks, value))
