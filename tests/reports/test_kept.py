"""A long run that was ended goes on where it was: what was answered is not asked again, what failed is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import archtrace
from archtrace.answer.result import Result
from archtrace.targets import head_kinds
from archtrace_reports import sweep
from archtrace_reports.children import Limits
from archtrace_reports.cli import run
from archtrace_reports.formats.to_json import encode
from archtrace_reports.kept import Kept, lines
from archtrace_reports.progress import Bar
from archtrace_reports.question import Question
from archtrace_reports.report import Unanswered

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}


@pytest.fixture(scope="module")
def answer() -> Result:
    """A real one."""
    return archtrace.trace("bert", head="token-classification", overrides=SMALL).result


def test_only_answers_are_kept(tmp_path: Path, answer: Result) -> None:
    """Both lines are there; the one that failed is asked again, and so is a question that differs."""
    file = tmp_path / "kept.jsonl"
    good, bad = Question("bert", head="token-classification"), Question("gpt2", head="token-classification")
    kept = Kept(file)
    kept.add(good, answer)
    kept.add(bad, Unanswered("gpt2", "no answer within 1 s"))
    file.write_text(file.read_text() + '{"question": {"targ')  # ended in the middle of a line
    again = Kept(file)
    found = again.outcome(good)
    assert found is not None
    assert encode(found) == encode(answer)
    assert (again.outcome(bad), again.outcome(Question("bert")), len(list(lines(file)))) == (None, None, 2)


def test_a_question_that_had_fewer_fields_is_known(tmp_path: Path, answer: Result) -> None:
    """A file of an earlier version has no fields that came later."""
    file = tmp_path / "kept.jsonl"
    line = {"question": {"target": "bert", "head": "token-classification"}, "result": encode(answer)}
    file.write_text(json.dumps(line) + "\n")
    assert Kept(file).outcome(Question("bert", head="token-classification")) is not None


def test_a_sweep_asks_what_is_left(tmp_path: Path, answer: Result) -> None:
    """The outcomes come in the order of the questions; what is kept is not asked, what was asked is kept."""
    file = tmp_path / "kept.jsonl"
    questions = [Question(name, head="token-classification") for name in ("no-model-a", "bert", "no-model-c")]
    Kept(file).add(questions[1], answer)
    found = sweep.ask_all(questions, Limits(jobs=1), Bar(3, False), Kept(file))
    first, known, last = found
    assert isinstance(known, Result)
    assert encode(known) == encode(answer)
    assert all(isinstance(each, Unanswered) and "no-model" in each.reason for each in (first, last))
    assert sorted(line["question"]["target"] for line in lines(file)) == ["bert", "no-model-a", "no-model-c"]


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


def test_resume_asks_nothing_whose_answer_the_file_has(
    tmp_path: Path, answer: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.jsonl"
    marked = replace(answer, seconds={"import": 12345.0})
    Kept(file).add(Question("bert"), marked)
    assert run(["bert", "no-model", "--resume", str(file), "--format", "json", "-q"]) == 2
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result == json.loads(json.dumps(encode(marked)))
    assert [line["question"]["target"] for line in lines(file)] == ["bert", "no-model"]
