"""The command line: answers on stdout, everything else on stderr; exit 0 answered, 2 not, 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from archtrace.errors import ArchtraceError
from archtrace_reports.commands.fast_path import show_if_known

NAME = "archtrace"
ANSWERED, FAILED, INTERRUPTED, PIPE_CLOSED = 0, 2, 130, 141
#: In which click's completion scripts ask; `_ARCHTRACE_COMPLETE=bash_source archtrace` prints the one for bash.
COMPLETION = "_ARCHTRACE_COMPLETE"


def run(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code."""
    try:
        return _run_and_report(arguments)
    except BrokenPipeError:  # stdout or stderr
        return PIPE_CLOSED


def _run_and_report(arguments: Sequence[str]) -> int:
    """The same; what goes wrong is printed on stderr, with --debug after its traceback."""
    flags: dict[str, bool] = {}
    try:
        return _dispatch(arguments, flags)
    except KeyboardInterrupt:
        return _stop(INTERRUPTED, "interrupted")
    except BrokenPipeError:
        raise
    except Exception as error:
        if flags.get("archtrace.debug"):
            import traceback

            traceback.print_exc()
        return _stop(FAILED, _reason(error))


def _dispatch(arguments: Sequence[str], flags: dict[str, bool]) -> int:
    """The same; what goes wrong is raised. Puts into `flags` those that hold for all commands."""
    if show_if_known(arguments):
        return ANSWERED
    from archtrace_reports.commands.group import invoke

    return invoke(arguments, flags)


def _reason(error: Exception) -> str:
    if isinstance(error, ArchtraceError | OSError):
        return str(error)
    from archtrace_reports.asking.engine import reason

    return reason(error)


def _stop(code: int, message: str) -> int:
    from archtrace_reports.text.notices import say

    say(message)
    return code


def _exit_on_signal(number: int, frame: object) -> NoReturn:
    """Leave as an exception, so that children end and temporary files go."""
    raise SystemExit(128 + number)


def _open_missing_streams() -> None:
    """Give each standard stream that the caller has closed the null device: Python has None in its place, and the
    next file to be opened would get its number, and whatever is printed."""
    for name, flags, mode in (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def _flush_or_discard() -> None:
    """The reader of stdout may have gone, or the disk be full: Python must not complain when it flushes at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main() -> NoReturn:
    """The console script."""
    signal.signal(signal.SIGTERM, _exit_on_signal)
    _open_missing_streams()
    if completion := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete

        from archtrace_reports.commands.group import commands

        sys.exit(shell_complete(commands, {}, NAME, COMPLETION, completion))
    try:
        code = run(sys.argv[1:])
    finally:
        _flush_or_discard()
    sys.exit(code)


if __name__ == "__main__":
    main()
