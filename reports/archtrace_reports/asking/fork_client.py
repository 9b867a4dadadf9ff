"""Fork server, as seen by the process that asks it for children: they need not import torch and transformers again."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path

PROGRAM = ("-P", "-m", "archtrace_reports.asking.fork_server")


class ForkServer:
    """The server process, started once; it ends when its stdin is closed. Several threads may use it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._lock = threading.Lock()  # one thread may read the line that another one waits for
        self._ended: dict[int, int] = {}
        self._rest = b""

    def start(self, question: str, file: Path, log: Path) -> ForkedChild:
        """A child for one question, as JSON. OSError where the server has ended."""
        assert self._process.stdin is not None
        request = json.dumps({"question": question, "file": str(file), "log": str(log)}).encode() + b"\n"
        with self._lock:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            while True:
                started = self._read_line(None)
                if started is not None:
                    return ForkedChild(self, started)

    @property
    def is_alive(self) -> bool:
        """Whether it can start more children."""
        return self._process.poll() is None

    def exit_code(self, pid: int) -> int | None:
        """The exit code of a child; None while it runs."""
        with self._lock:
            while self._has_line():
                self._read_line(0)
        if pid not in self._ended and self._process.poll() is not None:
            return 1
        return self._ended.get(pid)

    def close(self) -> None:
        """End the server and all its children."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it had ended when it was last used
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def _has_line(self) -> bool:
        assert self._process.stdout is not None
        return b"\n" in self._rest or bool(select.select([self._process.stdout], [], [], 0)[0])

    def _read_line(self, timeout: float | None) -> int | None:
        """One line: the pid of a child that was started; None for one that has ended."""
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            select.select([self._process.stdout], [], [], timeout)
            fresh = os.read(self._process.stdout.fileno(), 4096)
            if not fresh:
                raise OSError("the fork server has ended")
            self._rest += fresh
        line, _, self._rest = self._rest.partition(b"\n")
        word, pid, *status = line.split()
        if word == b"started":
            return int(pid)
        self._ended[int(pid)] = int(status[0])
        return None


class ForkedChild:
    """A child, as subprocess.Popen would give it."""

    stdin = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode = 0

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        try:
            code = self._server.exit_code(self.pid)
        except OSError:
            code = 1
        if code is not None:
            self.returncode = code
        return code

    def wait(self) -> int:
        """The server waits for the process itself: there is nothing left to reap here."""
        return self.returncode
