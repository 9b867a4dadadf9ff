"""Children: each question in a process of its own, bounded in time and memory, several at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.asking.fork_client import Forked, Template
from archtrace_reports.asking.limits import Limits, cores
from archtrace_reports.asking.outcome_json import decode_outcome
from archtrace_reports.asking.question import Question
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Unanswered

#: Seconds between two looks at the children.
PAUSE = 0.05
#: From so many questions on, importing once and forking pays.
MANY = 4
#: -P keeps the current folder from shadowing modules.
PROGRAM = ("-P", "-m", "archtrace_reports.asking.child")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Child:
    """A running child. Its answer is a file in `folder`; what it says on stderr is kept for a post-mortem."""

    def __init__(self, name: str, asked: str, folder: Path, limits: Limits, template: Template | None = None) -> None:
        self.name = name
        self._limits = limits
        self._file = folder / "answer.json"
        self._log = folder / "stderr.txt"
        self._ends = time.monotonic() + limits.seconds
        forked = _forked(template, asked, self._file, self._log)
        self._process: subprocess.Popen[bytes] | Forked = forked or _start(asked, self._file, self._log, limits)

    def poll(self) -> Any:
        """The answer as JSON, an Unanswered where there will be none, None while it works."""
        if self._process.poll() is not None:
            return self._answer()
        if time.monotonic() > self._ends:
            return self._give_up(f"no answer within {self._limits.seconds:g} s (--timeout gives it longer)")
        if _resident(self._process.pid) > self._limits.gigabytes * 1e9:
            return self._give_up(f"needs more than {self._limits.gigabytes:g} GB (--memory gives it more)")
        return None

    def kill(self) -> None:
        """End the child and all that it started, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    def _give_up(self, why: str) -> Unanswered:
        return Unanswered(self.name, why)

    def _answer(self) -> Any:
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self._file.read_text("utf-8"))
        said = self._log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
        return self._give_up(f"its process died ({_ending(self._process.returncode)}){f': {said}' if said else ''}")


def _forked(template: Template | None, asked: str, file: Path, log: Path) -> Forked | None:
    """None where there is no template, or none any more: a run outlives it, and each child then imports for itself."""
    with contextlib.suppress(OSError):
        return template.start(asked, file, log) if template else None
    return None


def _start(asked: str, file: Path, log: Path, limits: Limits) -> subprocess.Popen[bytes]:
    """A session of its own keeps Ctrl-C with the parent, who then kills."""
    command = [sys.executable, *PROGRAM, asked, str(file)]
    with log.open("wb") as stderr:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            env=_environment(limits),
            start_new_session=True,
        )


def _environment(limits: Limits) -> dict[str, str]:
    """Children share the cores instead of fighting over them."""
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // limits.jobs))} if limits.jobs > 1 else {}
    return threads | dict(os.environ)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    return signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"


def _resident(pid: int) -> float:
    """The memory that a process really holds, in bytes; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0 if Path("/proc/self/statm").exists() else _resident_by_ps(pid)


def _resident_by_ps(pid: int) -> float:
    """The same where there is no /proc."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False).stdout
    return int(told.strip() or 0) * 1024


def outcomes(questions: Sequence[Question], limits: Limits) -> Generator[tuple[int, Result | Unanswered], None, None]:
    """(number of the question, its outcome) in the order in which they end. Leaving the loop kills what still runs."""
    asked = [(q.target, json.dumps(encode(q))) for q in questions]
    for number, found in run(asked, limits):
        yield number, outcome_of(found)


def outcome_of(found: Any) -> Result | Unanswered:
    """The outcome that a child has told as JSON; an Unanswered is one."""
    return found if isinstance(found, Unanswered) else decode_outcome(found)


def run(asked: Sequence[tuple[str, str]], limits: Limits) -> Iterator[tuple[int, Any]]:
    """The same for (name, what to ask) and answers as JSON."""
    waiting = list(enumerate(asked))[::-1]
    running: dict[int, Child] = {}
    with tempfile.TemporaryDirectory(prefix="archtrace-") as folder, _template(len(asked), limits) as template:
        try:
            while waiting or running:
                while waiting and len(running) < limits.jobs:
                    number, (name, what) = waiting.pop()
                    place = Path(folder, str(number))
                    place.mkdir()
                    running[number] = Child(name, what, place, limits, template)
                yield from _ended(running)
                time.sleep(PAUSE if running else 0)
        finally:
            for child in running.values():
                child.kill()


def ask_one(name: str, asked: str, limits: Limits, template: Template | None, wanted: Callable[[], bool]) -> Any:
    """The answer to one question as `run` gives it; None once it is `wanted` no longer, which ends the child."""
    with tempfile.TemporaryDirectory(prefix="archtrace-") as folder:
        child = Child(name, asked, Path(folder), limits, template)
        try:
            while (found := child.poll()) is None and wanted():
                time.sleep(PAUSE)
            return found
        finally:
            child.kill()


def forking(limits: Limits) -> Template | None:
    """A template for many questions, to be closed by whoever asks; None where the system cannot fork."""
    return Template(_environment(limits)) if hasattr(os, "fork") else None


@contextlib.contextmanager
def _template(count: int, limits: Limits) -> Iterator[Template | None]:
    """A template for many questions, where the system can fork; a few are faster without."""
    template = forking(limits) if count >= MANY else None
    try:
        yield template
    finally:
        if template is not None:
            template.close()


def _ended(running: dict[int, Child]) -> Iterator[tuple[int, Any]]:
    for number, child in list(running.items()):
        found = child.poll()
        if found is not None:
            child.kill()
            del running[number]
            yield number, found
