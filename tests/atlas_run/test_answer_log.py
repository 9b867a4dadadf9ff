"""A long run that was ended goes on where it was: what was answered is not asked again, what failed is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archtrace
from archtrace.answer.result import Result
from archtrace.targets import head_kinds
from archtrace_reports.asking import sweep
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.progress import RunProgress
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas.answer_log import AnswerLog, lines
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Unanswered

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}


@pytest.fixture(scope="module")
def answer() -> Result:
    """A real one."""
    return archtrace.trace("bert", head="token-classification", overrides=SMALL).result


def test_only_answers_are_kept(tmp_path: Path, answer: Result) -> None:
    """Both lines are there; the one that failed is asked again, and so is a question that differs."""
    file = tmp_path / "kept.jsonl"
    good, bad = Question("bert", head="token-classification"), Question("gpt2", head="token-classification")
    kept = AnswerLog(file)
    kept.add(good, answer)
    kept.add(bad, Unanswered("gpt2", "no answer within 1 s"))
    file.write_text(file.read_text() + '{"question": {"targ')  # ended in the middle of a line
    again = AnswerLog(file)
    found = again.outcome(good)
    assert found is not None
    assert encode(found) == encode(answer)
    assert (again.outcome(bad), again.outcome(Question("bert")), len(list(lines(file)))) == (None, None, 2)


def test_a_question_that_had_fewer_fields_is_known(tmp_path: Path, answer: Result) -> None:
    """A file of an earlier version has no fields that came later."""
    file = tmp_path / "kept.jsonl"
    line = {"question": {"target": "bert", "head": "token-classification"}, "result": encode(answer)}
    file.write_text(json.dumps(line) + "\n")
    assert AnswerLog(file).outcome(Question("bert", head="token-classification")) is not None


def test_a_sweep_answers_in_the_order_of_the_questions() -> None:
    found = sweep.ask_all(
        [Question(name) for name in ("./none-a", "./none-b", "./none-c")], Limits(jobs=2), RunProgress(3, False)
    )
    assert [each.target for each in found] == ["./none-a", "./none-b", "./none-c"]
    assert all(isinstance(each, Unanswered) for each in found)


def test_a_sweep_over_a_head_asks_about_every_class() -> None:
    """DeiT has two image classifiers: the second by its name; all with few layers."""
    questions = sweep.everything(Question("", head="image-classification"))
    assert len(questions) == len(list(head_kinds.every_class("image-classification")))
    assert {(q.target, q.head) for q in questions} >= {
        ("deit", "image-classification"),
        ("transformers:DeiTForImageClassificationWithTeacher", None),
    }
    assert all(q.shallow for q in questions)
    every = sweep.everything(Question("", head="all"))
    assert len(every) == sum(len(list(head_kinds.every_class(head))) for head in head_kinds.HEADS)
