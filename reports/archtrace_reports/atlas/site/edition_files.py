"""Edition files: an edition read from a file of answers, in either form in which a run leaves them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archtrace.answer.result import Result
from archtrace.errors import TargetError, message
from archtrace_reports.asking.outcome_json import decode_outcome
from archtrace_reports.atlas.answer_log import lines
from archtrace_reports.atlas.site.rows import PREFIX, Outcome
from archtrace_reports.formats.converter import decode
from archtrace_reports.text.report import Report, Unanswered, report


def read(file: Path) -> Report:
    """The answers of `--format json`, or of a file of answers, one a line, of which the last to a question counts.

    Raises TargetError where the file is neither.
    """
    try:
        return _from_log(file) if file.suffix == ".jsonl" else _document(json.loads(file.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            message(
                f"no answers can be read from {file}",
                why=f"{type(error).__name__}: {error}",
                do="name a file that archtrace --all --format json -o FILE has written",
            )
        ) from error


def joined(editions: Iterable[Report]) -> Report:
    """Several files of one edition as one; of two answers about one class the first file's is shown."""
    every = list(editions)
    results = tuple(result for report in every for result in report.results)
    unanswered = tuple(failure for report in every for failure in report.unanswered)
    return Report(results, unanswered, every[0].versions)


def named(target: str, head: str | None, outcome: Outcome) -> Outcome:
    """An outcome as a row of an atlas is known by: one that is no answer forgets about which head it was asked."""
    from archtrace.targets.head_kinds import classes

    if head is None or not isinstance(outcome, Unanswered) or target not in classes(head):
        return outcome
    return replace(outcome, target=f"{PREFIX}{classes(head)[target][0]}")


def _document(document: Mapping[str, Any]) -> Report:
    results = decode(document["results"], tuple[Result, ...])
    return Report(results, decode(document["unanswered"], tuple[Unanswered, ...]), document["versions"])


def _from_log(file: Path) -> Report:
    last = {json.dumps([line["question"]["target"], line["question"].get("head")]): line for line in lines(file)}
    return report([*_outcomes(last.values())])


def _outcomes(lines: Iterable[Mapping[str, Any]]) -> Iterator[Outcome]:
    for line in lines:
        question = line["question"]
        yield named(question["target"], question.get("head"), decode_outcome(line))
