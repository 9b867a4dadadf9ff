"""The guard around the public verb: whatever goes wrong is an ArchtraceError, and nothing is left behind in torch."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archtrace.capture.call_sites import frames_outside, place_of
from archtrace.capture.state import torch_state_restored
from archtrace.errors import ArchtraceError, first_line, message

#: The folder of our own code, whose lines mean nothing to the author of a model.
_OURS = str(Path(__file__).parents[1])


@contextmanager
def guarded() -> Iterator[None]:
    """Errors that nobody foresaw become ArchtraceErrors, and torch's state comes back as it was."""
    with torch_state_restored():
        try:
            yield
        except ArchtraceError:
            raise
        except Exception as error:
            raise internal_error(error) from error


def internal_error(error: Exception) -> ArchtraceError:
    """The error to raise for a defect of ours: it names the line of the model's code that led to it, if any."""
    of_the_model = [frame for frame in frames_outside(error) if not frame.filename.startswith(_OURS)]
    last = (of_the_model or traceback.extract_tb(error.__traceback__))[-1]
    return ArchtraceError(
        message(
            "archtrace itself failed",
            where=place_of(last),
            why=first_line(error),
            do="please report this, with the model; --debug shows the whole error",
        )
    )
