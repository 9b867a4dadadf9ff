"""Pool: many files checked on all cores. Whatever ends the run ends the workers, too, and they print nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import InvalidStateError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial

from archtrace.errors import ArchtraceError
from archtrace_reports.check.check_file import check_file
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import Settings

#: Parts that each core's share is cut into: files differ in size, and no core should wait long for the last.
PARTS = 32
#: Seconds between two looks at whether the parent lives.
PAUSE = 0.5


def check_in_processes(files: Sequence[str], settings: Settings, cores: int) -> dict[str, list[Problem]]:
    """Each file's findings. Raises ArchtraceError where a worker was killed."""
    size = max(1, len(files) // (PARTS * cores))
    pool = ProcessPoolExecutor(cores, initializer=_begin, initargs=(os.getpid(),))
    threading.excepthook = _unless_cancelled
    try:
        with _no_interrupt():
            findings = pool.map(partial(check_file, settings=settings), files, chunksize=size)
        return dict(zip(files, findings, strict=True))
    except BrokenProcessPool:
        raise ArchtraceError("a worker process was killed, perhaps for want of memory; check fewer files") from None
    except BaseException:
        # A signal to this process alone leaves the workers at their files, and the pool would wait for those.
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        threading.excepthook = threading.__excepthook__


def _unless_cancelled(error: threading.ExceptHookArgs) -> None:
    """Ctrl-C ends the workers and cancels what they had to do; the pool's own thread then trips over what is cancelled,
    and would say so."""
    if not (error.exc_type and issubclass(error.exc_type, InvalidStateError)):
        threading.__excepthook__(error)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Keep Ctrl-C waiting while workers start: they inherit this, and are not ready for it until they have begun."""
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def _begin(parent: int) -> None:
    """A worker ends at once and silently on a signal, and when its parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PAUSE)
    os._exit(1)
