"""Cluster: the questions go to the workers of a scheduler of dask.distributed, and the answers come as they end."""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archtrace.answer.result import Result
from archtrace.errors import MissingError, TargetError, message
from archtrace_reports.asking.children import decode_answer
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas import worker
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Unanswered, differing, versions

#: Seconds for a scheduler to answer.
PATIENCE = 10
#: The key of a task on the cluster begins with this; the number of the run and of the question follow.
KEY = "archtrace"


def require() -> None:
    """Raise MissingError where the extra `cluster` is not installed."""
    if find_spec("distributed") is None:
        raise MissingError(
            message(
                "a cluster needs a package that is not installed",
                why="no distributed here, which speaks with a scheduler of dask",
                do="pip install 'archtrace[cluster]'",
            )
        )


def outcomes(
    questions: Sequence[Question], limits: Limits, address: str
) -> Generator[tuple[int, Result | Unanswered], None, None]:
    """(number of the question, its outcome) in the order in which they end; closed, it cancels what still runs.

    TargetError where no scheduler answers, where it goes while it is needed, or where a worker has other versions.
    """
    with _client(address) as client:
        check(client)
        yield from _answers(client, questions, limits)


@contextlib.contextmanager
def _client(address: str) -> Iterator[Any]:
    from distributed import Client

    # The cluster has logs of its own.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise _unreachable(address, error) from error
        try:
            yield client
        finally:
            client.close(timeout=PATIENCE)


def _unreachable(address: str, error: Exception) -> TargetError:
    return TargetError(
        message(
            f"no scheduler answers at {address}",
            where=address,
            why=str(error).strip().partition("\n")[0] or type(error).__name__,
            do="start one (dask scheduler) with workers (dask worker ADDRESS), or correct --scheduler",
        )
    )


def check(client: Any) -> None:
    """Raise TargetError where a worker has other versions of what answers depend on: all that differs is named."""
    releases: dict[str, dict[str, Any]] = {}
    # A function of the standard library: a worker without archtrace has it as well.
    for name in versions():
        for place, release in client.run(metadata.version, name, on_error="return").items():
            releases.setdefault(place, {})[name] = release if isinstance(release, str) else "not installed"
    if not releases:
        say("the scheduler has no worker yet: waiting for one")
    wrong = {place: differing(versions(), theirs) for place, theirs in releases.items()}
    differences = [f"{place} has {worker.named(different)}" for place, different in wrong.items() if different]
    if differences:
        raise _other_versions(differences, len(releases))


def _other_versions(differences: Sequence[str], workers: int) -> TargetError:
    mine = versions()
    more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""
    return TargetError(
        message(
            f"{len(differences)} of {workers} workers would not answer as this machine does",
            where="; ".join(differences[:3]) + more,
            why="answers of other versions may differ, and one atlas is of one version of each",
            do=f"on each worker: pip install 'archtrace[trace,cluster]=={mine['archtrace']}' "
            f"torch=={mine['torch'].partition('+')[0]} transformers=={mine['transformers']}",
        )
    )


def _answers(
    client: Any, questions: Sequence[Question], limits: Limits
) -> Generator[tuple[int, Result | Unanswered], None, None]:
    from distributed import as_completed

    futures = _submit(client, questions, limits)
    numbers = {future.key: number for number, future in enumerate(futures)}
    try:
        for future in as_completed(futures, loop=client.loop):
            number = numbers[future.key]
            yield number, _outcome(questions[number], future)
            # What is here need not stay there, and is not worked out again when its worker goes.
            future.release()
    finally:
        with contextlib.suppress(Exception):
            client.cancel([future for future in futures if not future.done()], force=True)


def _submit(client: Any, questions: Sequence[Question], limits: Limits) -> list[Any]:
    run = uuid.uuid4().hex
    questions_sent = [_with_whole_path(question) for question in questions]
    futures: list[Any] = client.map(
        worker.answer,
        [json.dumps(encode(question)) for question in questions_sent],
        [worker.code_digest(question.target) for question in questions_sent],
        bounds={"seconds": limits.seconds, "gigabytes": limits.gigabytes},
        asker_versions=versions(),
        key=[f"{KEY}-{run}-{number}" for number in range(len(questions_sent))],
    )
    return futures


def _with_whole_path(question: Question) -> Question:
    """The question with a file of the user's code under its whole path: a worker runs elsewhere."""
    file, colon, name = question.target.rpartition(":")
    if not file.endswith(".py"):
        return question
    return replace(question, target=f"{Path(file).resolve()}{colon}{name}")


def _outcome(question: Question, future: Any) -> Result | Unanswered:
    """What a worker has answered; where none could, why not. TargetError where the scheduler is gone."""
    from distributed import CancelledError, KilledWorker

    try:
        return decode_answer(json.loads(future.result()))
    except KilledWorker:
        return Unanswered(question.target, "one worker after the other ended while it was asked there")
    except CancelledError as error:
        raise _scheduler_gone(error) from error
    except Exception as error:  # whatever a worker may raise that cannot even start to answer
        first = str(error).strip().partition("\n")[0]
        return Unanswered(question.target, f"a worker cannot answer ({type(error).__name__}: {first})")


def _scheduler_gone(error: BaseException) -> TargetError:
    return TargetError(
        message(
            "the scheduler is gone",
            why=str(error).strip().partition("\n")[0],
            do="start one and give the same command again: what was answered is kept",
        )
    )
