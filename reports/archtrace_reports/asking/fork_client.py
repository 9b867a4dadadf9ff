"""Forked: children from a template that has imported what every answer needs."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path

TEMPLATE = ("-P", "-m", "archtrace_reports.asking.fork_server")


class Template:
    """The template process, started once; it ends when its stdin is closed. Several threads may ask it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *TEMPLATE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._lock = threading.Lock()  # what one thread hears of a child, another one may wait for
        self._ended: dict[int, int] = {}
        self._rest = b""

    def start(self, asked: str, file: Path, log: Path) -> Forked:
        """A child for one question. OSError where the template is gone."""
        assert self._process.stdin is not None
        told = json.dumps({"asked": asked, "file": str(file), "log": str(log)}).encode() + b"\n"
        with self._lock:
            self._process.stdin.write(told)
            self._process.stdin.flush()
            while True:
                started = self._hear(None)
                if started is not None:
                    return Forked(self, started)

    @property
    def alive(self) -> bool:
        """Whether it can be asked for more."""
        return self._process.poll() is None

    def ended(self, pid: int) -> int | None:
        """The exit code of a child; None while it runs."""
        with self._lock:
            while self._waits():
                self._hear(0)
        if pid not in self._ended and self._process.poll() is not None:
            return 1
        return self._ended.get(pid)

    def close(self) -> None:
        """End the template, and whatever it started."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it was gone when it was asked for the last time
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def _waits(self) -> bool:
        assert self._process.stdout is not None
        return b"\n" in self._rest or bool(select.select([self._process.stdout], [], [], 0)[0])

    def _hear(self, timeout: float | None) -> int | None:
        """One line: the pid of a child that was started; None for one that has ended."""
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            select.select([self._process.stdout], [], [], timeout)
            fresh = os.read(self._process.stdout.fileno(), 4096)
            if not fresh:
                raise OSError("the template process has ended")
            self._rest += fresh
        line, _, self._rest = self._rest.partition(b"\n")
        word, pid, *status = line.split()
        if word == b"started":
            return int(pid)
        self._ended[int(pid)] = int(status[0])
        return None


class Forked:
    """A child, as subprocess.Popen would give it."""

    stdin = None

    def __init__(self, template: Template, pid: int) -> None:
        self._template = template
        self.pid = pid
        self.returncode = 0

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        try:
            code = self._template.ended(self.pid)
        except OSError:
            code = 1
        if code is not None:
            self.returncode = code
        return code

    def wait(self) -> int:
        """The template has waited for it, or will."""
        return self.returncode
