"""The guard around the public verb: whatever goes wrong is an ArchtraceError, and nothing is left behind in torch."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archtrace.capture.build import first_line
from archtrace.capture.call_sites import is_machinery
from archtrace.capture.module_paths import short_path
from archtrace.capture.state import torch_state_restored
from archtrace.errors import ArchtraceError, message

#: Where our own code lies: its lines say nothing to whoever wrote the model.
_OURS = str(Path(__file__).parents[1])


@contextmanager
def guarded() -> Iterator[None]:
    """For a while, errors that nobody foresaw become ArchtraceErrors, and torch's state comes back as it was."""
    with torch_state_restored():
        try:
            yield
        except ArchtraceError:
            raise
        except Exception as error:
            raise unforeseen(error) from error


def unforeseen(error: Exception) -> ArchtraceError:
    """What to say of an error of ours: the line of the model's code that led to it, where there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not is_machinery(f.filename) and not f.filename.startswith(_OURS)]
    last = (theirs or list(frames))[-1]
    return ArchtraceError(
        message(
            "archtrace itself failed",
            where=f"{short_path(last.filename)}:{last.lineno}, {last.name}: {last.line}",
            why=f"{type(error).__name__}: {first_line(error)}",
            do="please report this, with the model; --debug shows the whole error",
        )
    )
