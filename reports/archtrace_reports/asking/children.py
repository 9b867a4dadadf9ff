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
from archtrace_reports.asking.fork_client import ForkedChild, ForkServer
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
    """A running child. Its answer is a file in `folder`; its stderr goes to a file, in case it crashes."""

    def __init__(self, name: str, question: str, folder: Path, limits: Limits, server: ForkServer | None) -> None:
        self.name = name
        self._limits = limits
        self._file = folder / "answer.json"
        self._log = folder / "stderr.txt"
        self._ends = time.monotonic() + limits.seconds
        self._process = self._start(question, server)

    def _start(self, question: str, server: ForkServer | None) -> subprocess.Popen[bytes] | ForkedChild:
        forked = _fork(server, question, self._file, self._log)
        return forked or _spawn(question, self._file, self._log, self._limits)

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
        last_line = self._log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
        how = f"{_ending(self._process.returncode)}){f': {last_line}' if last_line else ''}"
        return self._give_up(f"its process died ({how}")


def _fork(server: ForkServer | None, question: str, file: Path, log: Path) -> ForkedChild | None:
    """None where there is no fork server, or it has ended: each child then imports for itself."""
    with contextlib.suppress(OSError):
        return server.start(question, file, log) if server else None
    return None


def _spawn(question: str, file: Path, log: Path, limits: Limits) -> subprocess.Popen[bytes]:
    """A session of its own keeps Ctrl-C with the parent, who then kills."""
    command = [sys.executable, *PROGRAM, question, str(file)]
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
    output = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False).stdout
    return int(output.strip() or 0) * 1024


def outcomes(questions: Sequence[Question], limits: Limits) -> Generator[tuple[int, Result | Unanswered], None, None]:
    """(number of the question, its outcome) in the order in which they end. Leaving the loop kills what still runs."""
    named_questions = [(q.target, json.dumps(encode(q))) for q in questions]
    for number, answer in answers_of(named_questions, limits):
        yield number, decode_answer(answer)


def decode_answer(answer: Any) -> Result | Unanswered:
    """The outcome in the JSON of a child; an Unanswered stays as it is."""
    return answer if isinstance(answer, Unanswered) else decode_outcome(answer)


def answers_of(named_questions: Sequence[tuple[str, str]], limits: Limits) -> Iterator[tuple[int, Any]]:
    """The same for pairs of a target's name and a question as JSON; the answers are JSON, too."""
    waiting = list(enumerate(named_questions))[::-1]
    running: dict[int, Child] = {}
    shared = _shared_fork_server(len(named_questions), limits)
    with tempfile.TemporaryDirectory(prefix="archtrace-") as folder, shared as server:
        try:
            while waiting or running:
                while waiting and len(running) < limits.jobs:
                    number, (name, question) = waiting.pop()
                    place = Path(folder, str(number))
                    place.mkdir()
                    running[number] = Child(name, question, place, limits, server)
                yield from _ended(running)
                time.sleep(PAUSE if running else 0)
        finally:
            for child in running.values():
                child.kill()


def answer_of(name: str, question: str, limits: Limits, server: ForkServer | None, wanted: Callable[[], bool]) -> Any:
    """The answer to one question, as JSON or Unanswered; None once it is `wanted` no longer, which ends the child."""
    with tempfile.TemporaryDirectory(prefix="archtrace-") as folder:
        child = Child(name, question, Path(folder), limits, server)
        try:
            while (answer := child.poll()) is None and wanted():
                time.sleep(PAUSE)
            return answer
        finally:
            child.kill()


def start_fork_server(limits: Limits) -> ForkServer | None:
    """A fork server for many questions, which the caller closes; None where the system cannot fork."""
    return ForkServer(_environment(limits)) if hasattr(os, "fork") else None


@contextlib.contextmanager
def _shared_fork_server(count: int, limits: Limits) -> Iterator[ForkServer | None]:
    """A fork server for many questions, where the system can fork; a few are faster without."""
    server = start_fork_server(limits) if count >= MANY else None
    try:
        yield server
    finally:
        if server is not None:
            server.close()


def _ended(running: dict[int, Child]) -> Iterator[tuple[int, Any]]:
    for number, child in list(running.items()):
        answer = child.poll()
        if answer is not None:
            child.kill()
            del running[number]
            yield number, answer
