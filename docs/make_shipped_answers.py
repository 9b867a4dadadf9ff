"""Make the answers that come with archtrace: of every sequence classifier of transformers, and of the known ids.

    HF_HUB_OFFLINE=1 python docs/make_shipped_answers.py [TARGET...]

Each is traced in a process of its own. One that holds already is left as it is, so that a run that was ended goes on
where it was; what is no longer known is removed.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator

from archtrace.answer.result import Result
from archtrace.targets.bundled import known_ids, lookup
from archtrace.targets.library import classifiers
from archtrace_reports.asking.limits import cores
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store import shipped_answers
from archtrace_reports.asking.store.known_answers import entry_of_answer

#: What of all that was read decides an answer on other machines: the library's code, and what else the name could mean.
DECIDING = ("{installed}/transformers/", "{hub}", "{here}")


def main(names: list[str]) -> None:
    """Trace what is missing, and ship it."""
    from archtrace_reports.asking.fork_server import warm  # what every answer imports, once for all

    warm()
    known = [*targets()]
    left = [name for name in names or known if shipped_answers.find(Question(name)) is None]
    with multiprocessing.get_context("fork").Pool(cores(), maxtasksperchild=1) as pool:
        for number, outcome in enumerate(pool.imap_unordered(ship, left, chunksize=1), 1):
            print(f"{number} of {len(left)}: {outcome}", flush=True)
    for entry in [*shipped_answers.entries()]:
        if entry.subject not in known:
            shipped_answers.remove(entry.subject)


def targets() -> Iterator[str]:
    """The types with a sequence classifier, and the ids of such types."""
    types = classifiers()
    yield from sorted(types)
    for name in sorted(known_ids()):
        known = lookup(name)
        if known is not None and known.model_type in types:
            yield name


def ship(target: str) -> str:
    """Trace one; how it went."""
    from archtrace_reports.asking.engine import ask, silence_libraries

    silence_libraries()
    question = Question(target)
    outcome = ask(question)
    if not isinstance(outcome, Result):
        return f"{target}: {outcome.line}"
    entry = entry_of_answer(question, outcome, _heard(), shipped_answers.environment())
    shipped_answers.put(entry.with_files(place for place in entry.files if place.startswith(DECIDING)))
    return f"{target}: {outcome.status}"


def _heard() -> list[str]:
    """The files behind the answer of this process."""
    from archtrace_reports.asking.store.provenance import sources

    files = sources([])
    if files is None:
        raise RuntimeError("it is not known which files the answer came from")
    return files


if __name__ == "__main__":
    if os.environ.get("HF_HUB_OFFLINE") != "1":
        sys.exit("set HF_HUB_OFFLINE=1: what is shipped must not depend on what the Hub, or its cache, holds")
    main(sys.argv[1:])
