"""Cache: verdicts whose files have not changed since, in the store of answers, read without importing torch."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from typing import Any

from archtrace.contract.verdict import Verdict, decode
from archtrace_reports.asking.store.answer_store import new_entry
from archtrace_reports.asking.store.environment import environment
from archtrace_reports.asking.store.known_answers import user_store
from archtrace_reports.check.contracts.declared_contracts import DeclaredContract


class VerdictCache:
    """The verdicts on the contracts of a project: they hold for what a contract says in an environment, as long as each
    file that they came from stays as it is."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)
        self._store = user_store()

    def get(self, declared: DeclaredContract) -> Verdict | None:
        """The verdict on a contract; None where there is none, or a file that it came from has changed."""
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            entry = self._store.get(*self._key(declared))
            return None if entry is None else decode(entry.answer)
        return None

    def put(self, declared: DeclaredContract, verdict: Verdict, files: Iterable[str], since: int) -> None:
        """Store a verdict, unless one of its files has changed since (nanoseconds): it may come from the old one."""
        entry = new_entry(f"{declared.name} in {self._root}", files, verdict.encode(), environment=environment())
        self._store.put(entry, since, *self._key(declared))

    def _key(self, declared: DeclaredContract) -> tuple[Any, ...]:
        table = json.dumps(declared.table, sort_keys=True, default=str)
        return "contract", self._root, declared.name, table, environment()
