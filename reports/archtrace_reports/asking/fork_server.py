"""Fork server: a process that has torch and transformers imported, and forks a child for each question.

python -P -m archtrace_reports.asking.fork_server

It reads a JSON line {"question", "file", "log"} for each child from stdin, writes "started PID", and
"ended PID STATUS" once that child has ended.

Importing costs more than most answers. A child is still a process of its own, which its parent may kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from pathlib import Path
from typing import NoReturn

from archtrace_reports.asking import child
from archtrace_reports.asking.engine import silence_libraries

#: Seconds between two looks at what has ended.
PAUSE = 0.05


def main() -> None:
    """Serve until stdin closes, which it does when the parent is gone; then every child goes too."""
    silence_libraries()
    warm()
    # Children block on reading their end, which closes with this process: it alone has the other one.
    theirs, ours = os.pipe()
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], PAUSE)
        if ready:
            line = sys.stdin.buffer.readline()
            if not line:
                return
            _report(f"started {_fork(json.loads(line), theirs, ours)}")
        _report_ended()


def warm() -> None:
    """Import what every answer needs."""
    with contextlib.redirect_stdout(sys.stderr):
        import transformers.modeling_utils  # noqa: F401

        from archtrace import trace  # noqa: F401


def _report(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fork(request: dict[str, str], theirs: int, ours: int) -> int:
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        _answer(request, theirs)
    return pid


def _answer(request: dict[str, str], theirs: int) -> NoReturn:
    """In the child: a session of its own, its log for what it says, its answer in the file."""
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    status = 1
    try:
        child.answer(request["question"], Path(request["file"]), lambda: os.read(theirs, 1))
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(status)


def _report_ended() -> None:
    """Report each child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _report(f"ended {pid} {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
