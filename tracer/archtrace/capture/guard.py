"""The guard around the public verb: whatever goes wrong is an ArchtraceError, and nothing is left behind in torch."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archtrace.capture.call_sites import frames_outside, written
from archtrace.capture.state import torch_state_restored
from archtrace.errors import ArchtraceError, first_line, message

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
    of_the_model = [frame for frame in frames_outside(error) if not frame.filename.startswith(_OURS)]
    last = (of_the_model or traceback.extract_tb(error.__traceback__))[-1]
    return ArchtraceError(
        message(
            "archtrace itself failed",
            where=written(last),
            why=first_line(error),
            do="please report this, with the model; --debug shows the whole error",
        )
    )
