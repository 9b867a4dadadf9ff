"""Engine: asks the tracer in this process, and puts what went wrong into words."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from archtrace.answer.result import Result
from archtrace.errors import ArchtraceError
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import keep_answer
from archtrace_reports.asking.store.provenance import sources, watching
from archtrace_reports.text.report import Unanswered

#: The arguments that decide which model is built, but for the overrides, to which fewer layers are added.
MODEL_OPTIONS = ("num_labels", "config", "trust_remote_code", "arguments", "head")

Progress: TypeAlias = Callable[[str, "float | None"], None]


def answer(question: Question, progress: Progress | None = None) -> Result:
    """The answer. What a model prints while it is built goes to stderr: stdout is for answers."""
    with contextlib.redirect_stdout(sys.stderr), watching():
        from archtrace import trace  # late: it brings torch, for which `--help` need not wait

        arguments = question.arguments()
        answered = trace(question.target, progress=progress, **arguments)
        if not question.text and not Path(question.target).expanduser().exists():
            return answered.result
        from archtrace.setup.result_with_setup import with_setup

        return with_setup(answered, question.target, arguments)


def _with_few_layers(question: Question) -> Question | None:
    """The same question with two layers where there are more, all others as they are; None where it cannot be."""
    from archtrace.targets.depth import few_layers

    model_options = {k: v for k, v in question.arguments().items() if k in MODEL_OPTIONS}
    with contextlib.suppress(Exception):  # where nothing can be built, asking about the whole model says why
        overrides = few_layers(question.target, question.overrides, model_options)
        return None if overrides is None else replace(question, overrides=overrides, shallow=False)
    return None


def ask(
    question: Question, progress: Progress | None = None, *, debug: bool = False, keeping: bool = True
) -> Result | Unanswered:
    """The answer, or why there is none; with `debug` the traceback goes to stderr. `keeping`: store the answer, unless
    the target has a temporary name, by which nobody will ask again."""
    since = time.time_ns()
    outcome = _outcome(question, progress, debug)
    if keeping and isinstance(outcome, Result):
        keep_answer(question, outcome, sources(_import_folders(question)), since)
    return outcome


def _import_folders(question: Question) -> list[str]:
    """The folders that a target's own code is imported from first."""
    module, colon, _ = question.target.partition(":")
    return [os.path.dirname(os.path.abspath(module))] if colon else []


def _outcome(question: Question, progress: Progress | None, debug: bool) -> Result | Unanswered:
    if question.shallow and (few := _with_few_layers(question)) is not None:
        # A model may build with two layers and not run with them: then it is asked about as it is.
        outcome = _outcome(few, progress, debug)
        if isinstance(outcome, Result):
            return outcome
    try:
        return answer(question, progress)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return Unanswered(question.target, reason(error))


def reason(error: BaseException, debug: str = "--debug") -> str:
    """The message for the user. Errors raised on purpose carry a whole one; any other is a defect of archtrace, and
    the option `debug` shows where."""
    if isinstance(error, ArchtraceError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: close other programs, or trace a smaller config (--config-set num_hidden_layers=2)"
    first_line = str(error).strip().partition("\n")[0]
    kind = type(error).__name__
    return f"archtrace failed with {kind}{f': {first_line}' if first_line else ''} (a defect: {debug} shows where)"


def silence_libraries() -> None:
    """Keep libraries from talking between the lines of an answer; what they say is no finding about the model."""
    warnings.simplefilter("ignore")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
