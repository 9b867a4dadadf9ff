"""Worker: answers questions on a machine of a cluster, each in a bounded child process as on one machine.

What arrives and what leaves is text: a question as JSON, a child's answer as JSON. A question that nobody waits for any
longer ends with its child.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archtrace.errors import message
from archtrace_reports.asking.children import ask_one, forking
from archtrace_reports.asking.fork_client import Template
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.outcome_json import encode_outcome
from archtrace_reports.text.report import Unanswered, differing, versions

_lock = threading.Lock()
#: The one template of this worker, once it is needed.
_templates: list[Template | None] = []


def answer(asked: str, code: str, bounds: Mapping[str, float], wanted: Mapping[str, str]) -> str:
    """A child's answer to a question, both as JSON.

    `code` is the digest of the user's file that the question names, or empty; `bounds` are the seconds and gigabytes of
    a child, `wanted` the versions of whoever asks. Reschedule where nobody waits for the answer here any longer.
    """
    from distributed import Reschedule

    name = json.loads(asked)["target"]
    found: Any = _refusal(name, wanted, code)
    if found is None:
        limits = Limits(bounds["seconds"], bounds["gigabytes"], _threads())
        found = ask_one(name, asked, limits, _template(limits), _watched())
    if found is None:
        raise Reschedule
    return json.dumps(encode_outcome(found) if isinstance(found, Unanswered) else found)


def _refusal(name: str, wanted: Mapping[str, str], code: str) -> Unanswered | None:
    """Why this worker is not to answer: it came later than the others were looked at, or sees another file."""
    different = differing(wanted, versions())
    if different:
        return Unanswered(name, f"a worker has other versions: {named(different)}")
    if code and code != digest(name):
        return Unanswered(name, _unseen(name))
    return None


def named(different: Mapping[str, tuple[str, str]]) -> str:
    """What differs in words: "torch 2.12.0 and not 2.13.0"."""
    return ", ".join(f"{name} {theirs} and not {mine}" for name, (mine, theirs) in different.items())


def digest(target: str) -> str:
    """Of the file that `path/file.py:Class` names; empty where it cannot be read, or none is named."""
    file = Path(target.rpartition(":")[0])
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.suffix == ".py" else ""
    except OSError:
        return ""


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


def _watched() -> Callable[[], bool]:
    """Tells whether the task that this thread works on is still waited for."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        # A running task cannot be stopped from without: the worker marks it, and goes on.
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return wanted


def _template(limits: Limits) -> Template | None:
    """What children are forked from: made once, and made anew where it has died."""
    with _lock:
        if _templates and (_templates[0] is None or _templates[0].alive):
            return _templates[0]
        _templates[:] = [forking(limits)]
        return _templates[0]
