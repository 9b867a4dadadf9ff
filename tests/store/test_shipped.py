"""What comes with archtrace is true: traced anew, each answer is the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from archtrace.answer.result import Result
from archtrace_reports.asking.children import outcomes
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store import shipped_answers
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import report, without_run

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
#: A few of different kinds; -m sweep takes all.
SOME = ("bert-base-uncased", "gpt2", "roberta", "albert")
MAKE = "run: HF_HUB_OFFLINE=1 python docs/make_shipped_answers.py"


def differing(names: list[str]) -> list[str]:
    """Those whose answer is another now."""
    there = {kept.subject: kept.answer for kept in shipped_answers.entries()}
    found = {names[n]: outcome for n, outcome in outcomes([Question(name) for name in names], Limits(seconds=900))}
    return [name for name, outcome in found.items() if told(outcome) != plain(there.get(name))]


def told(outcome: object) -> object:
    """An answer as it is kept, without what differs from run to run."""
    if not isinstance(outcome, Result):
        return outcome
    return json.loads(json.dumps(encode(without_run(report([outcome])).results[0])))


def plain(answer: dict[str, object] | None) -> object:
    """The same of a kept one."""
    return {key: value for key, value in (answer or {}).items() if key != "run"}


def test_every_type_and_known_id_is_there() -> None:
    from make_shipped_answers import targets

    assert [kept.subject for kept in shipped_answers.entries() if kept.subject not in {*targets()}] == []
    assert {*targets()} == {kept.subject for kept in shipped_answers.entries()}, MAKE


def test_some_are_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert differing([*SOME]) == [], MAKE


@pytest.mark.sweep
def test_all_are_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    from make_shipped_answers import targets

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert differing([*targets()]) == [], MAKE
