"""Worker: answers questions on a machine of a cluster, each in a bounded child process as on one machine.

What arrives and what leaves is text: a question as JSON, a child's answer as JSON. A question that nobody waits for any
longer ends with its child.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from archtrace.errors import message
from archtrace_reports.asking.children import answer_of, start_fork_server
from archtrace_reports.asking.fork_client import ForkServer
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.outcome_json import encode_outcome
from archtrace_reports.asking.store.digest import digest_of_file
from archtrace_reports.text.report import Unanswered, differing, versions

_lock = threading.Lock()
#: The one fork server of this worker, once it is needed.
_fork_servers: list[ForkServer | None] = []


def answer(question: str, code: str, bounds: Mapping[str, float], asker_versions: Mapping[str, str]) -> str:
    """A child's answer to a question, both as JSON.

    `code` is the digest of the user's file that the question names, or empty; `bounds` are the seconds and gigabytes of
    a child, `asker_versions` those of the machine that asks. Reschedule where nobody waits for it any longer.
    """
    from distributed import Reschedule

    name = json.loads(question)["target"]
    outcome: Any = _refusal(name, asker_versions, code)
    if outcome is None:
        limits = Limits(bounds["seconds"], bounds["gigabytes"], _threads())
        outcome = answer_of(name, question, limits, _fork_server(limits), _still_wanted())
    if outcome is None:
        raise Reschedule
    return json.dumps(encode_outcome(outcome) if isinstance(outcome, Unanswered) else outcome)


def _refusal(name: str, asker_versions: Mapping[str, str], code: str) -> Unanswered | None:
    """Why this worker is not to answer: it came later than the others were looked at, or sees another file."""
    different = differing(asker_versions, versions())
    if different:
        return Unanswered(name, f"a worker has other versions: {named(different)}")
    if code and code != code_digest(name):
        return Unanswered(name, _unseen(name))
    return None


def named(different: Mapping[str, tuple[str, str]]) -> str:
    """What differs in words: "torch 2.12.0 and not 2.13.0"."""
    return ", ".join(f"{name} {theirs} and not {mine}" for name, (mine, theirs) in different.items())


def code_digest(target: str) -> str:
    """The digest of the file in `path/file.py:Class`; empty where it cannot be read, or the target names none."""
    file = target.rpartition(":")[0]
    return (digest_of_file(file) or "") if file.endswith(".py") else ""


def _unseen(target: str) -> str:
    return message(
        f"a worker does not see the code of {target}",
        where=target.rpartition(":")[0],
        why="code does not travel, and the worker has no such file there, or another one",
        do="put the file where each worker has it under this path, or ask about it without --scheduler",
    )


def _threads() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


def _still_wanted() -> Callable[[], bool]:
    """Tells whether the task that this thread works on is still waited for."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        # A running task cannot be stopped from without: the worker marks it, and goes on.
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return wanted


def _fork_server(limits: Limits) -> ForkServer | None:
    """The process that children are forked from: started once, and again where it has died."""
    with _lock:
        if _fork_servers and (_fork_servers[0] is None or _fork_servers[0].is_alive):
            return _fork_servers[0]
        _fork_servers[:] = [start_fork_server(limits)]
        return _fork_servers[0]
