"""The command line: answers on stdout, everything else on stderr; exit 0 answered, 2 not, 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from archtrace.errors import ArchtraceError

#: Sub-commands by name. `archtrace TARGET` is `archtrace trace TARGET`; a folder of such a name is given as ./check.
COMMANDS = ("trace", "diff", "check", "explain", "doctor", "serving", "atlas", "ls")
DEFAULT = "trace"

ANSWERED, FAILED, INTERRUPTED, PIPE_CLOSED = 0, 2, 130, 141


def pick(arguments: Sequence[str]) -> tuple[str, click.Command, list[str]]:
    """The program's name, the command and its arguments: a sub-command is named first, or it is a target."""
    if arguments and arguments[0] in COMMANDS:
        return f"archtrace {arguments[0]}", _command(arguments[0]), list(arguments[1:])
    return "archtrace", _command(DEFAULT), list(arguments)


def _command(name: str) -> click.Command:
    """A sub-command, imported when it is asked for: a hook that checks one file pays for nothing else."""
    command: click.Command = import_module(f"archtrace_reports.commands.{name}").command
    return command


def run(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code."""
    try:
        name, command, rest = pick(arguments)
        with command.make_context(name, rest) as context:
            code = command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return FAILED
    except KeyboardInterrupt:
        return _stop(INTERRUPTED, "interrupted")
    except BrokenPipeError:
        # Whoever read our answer has gone; Python must not complain when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (ArchtraceError, OSError) as error:
        return _stop(FAILED, str(error))
    return code if isinstance(code, int) else ANSWERED


def _stop(code: int, message: str) -> int:
    from archtrace_reports.say import say

    say(message)
    return code


def _terminated(number: int, frame: object) -> NoReturn:
    """Leave as an exception, so that children end and temporary files go."""
    raise SystemExit(128 + number)


def main() -> NoReturn:
    """The console script."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
