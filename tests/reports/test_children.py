"""Children: bounded, killed together, and their ends told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from archtrace_reports.asking import children
from archtrace_reports.asking.children import answers_of, outcomes
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.question import Question
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Unanswered

from .samples import SAMPLES

Program = Callable[[str], None]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    """Puts a few lines of Python in the place of the child; `asked` and `file` are its arguments."""

    def use(code: str) -> None:
        script = tmp_path / "program.py"
        script.write_text(f"import json, os, sys, time\nasked, file = sys.argv[1:]\n{code}\n")
        monkeypatch.setattr(children, "PROGRAM", (str(script),))
        monkeypatch.setattr(children, "MANY", 1000)

    return use


def gone(pid: int) -> bool:
    """True once a killed process is gone; on a busy machine its end may take a moment."""
    return any(_ended(pid) or time.sleep(0.05) for _ in range(200))


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def only(limits: Limits, target: str = "x") -> object:
    ((number, outcome),) = outcomes([Question(target)], limits)
    assert number == 0
    return outcome


def test_every_question_gets_its_own_answer(program: Program, tmp_path: Path) -> None:
    answers = {name: {"result": encode(sample), "anatomy": None} for name, sample in SAMPLES.items()}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    program(f"target = json.loads(asked)['target']\n"
            f"json.dump(json.load(open({str(tmp_path / 'answers.json')!r}))[target], open(file, 'w'))")  # fmt: skip
    found = dict(outcomes([Question(name) for name in SAMPLES], Limits(jobs=3)))
    assert [found[i] for i in range(len(SAMPLES))] == [*SAMPLES.values()]


def test_a_refusal_travels(program: Program) -> None:
    program("json.dump({'unanswered': {'target': 'x', 'reason': 'no'}}, open(file, 'w'))")
    assert only(Limits()) == Unanswered("x", "no")


def test_time_is_bounded(program: Program) -> None:
    program("time.sleep(600)")
    assert only(Limits(seconds=0.5)) == Unanswered("x", "no answer within 0.5 s (--timeout gives it longer)")


def test_memory_is_bounded(program: Program) -> None:
    program("held = bytearray(os.urandom(1)) * 400_000_000\ntime.sleep(600)")
    assert only(Limits(gigabytes=0.2)) == Unanswered("x", "needs more than 0.2 GB (--memory gives it more)")


DEATHS = {
    "sys.exit('the last line')": "its process died (exit 1): the last line",
    "os.kill(os.getpid(), 9)": "its process died (SIGKILL)",
    "open(file, 'w').write('{')": "its process died (exit 0)",
}


@pytest.mark.parametrize("code", DEATHS)
def test_a_death_is_told(program: Program, code: str) -> None:
    program(code)
    assert only(Limits()) == Unanswered("x", DEATHS[code])


def test_leaving_kills_what_runs_and_cleans_up(program: Program, tmp_path: Path) -> None:
    program("if asked != 'long': json.dump(0, open(file, 'w')); sys.exit()\n"
            "pid = os.fork()\n"
            f"name = {str(tmp_path)!r} + ('/child' if pid else '/grandchild')\n"
            "open(name, 'w').write(f'{os.getpid()} {file}')\n"
            "time.sleep(600)")  # fmt: skip
    runs = answers_of([("long", "long"), *[("short", "short")] * 40], Limits(jobs=2))
    for _ in runs:
        if all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in ("child", "grandchild")):
            break
    runs.close()  # type: ignore[attr-defined]
    for name in ("child", "grandchild"):
        pid, file = (tmp_path / name).read_text().split(" ", 1)
        assert gone(int(pid))
        assert not Path(file).parent.parent.exists()


def test_children_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(children, "cores", lambda: 8)
    assert children._environment(Limits(jobs=3))["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in children._environment(Limits(jobs=1))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert children._environment(Limits(jobs=3))["OMP_NUM_THREADS"] == "5"


def test_many_are_forked_from_one_template() -> None:
    """The real template: each child answers for itself, one that is killed costs its own answer, nothing is left."""
    asked = [json.dumps({"target": f"./none-{n}"}) for n in range(4)]
    found = dict(answers_of([(str(n), what) for n, what in enumerate(asked)], Limits(jobs=2)))
    assert [found[n]["unanswered"]["target"] for n in range(4)] == [f"./none-{n}" for n in range(4)]


def test_a_forked_child_that_dies_is_told() -> None:
    found = dict(answers_of([(str(n), "no JSON at all") for n in range(4)], Limits(jobs=2)))
    assert all(isinstance(answer, Unanswered) for answer in found.values())
    assert "its process died (exit 1)" in found[0].reason


def test_a_run_outlives_its_template(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, killed after the first answer; a child without one is the program here."""
    program("json.dump('alone', open(file, 'w'))")
    monkeypatch.setattr(children, "MANY", 1)
    runs = answers_of([(str(n), json.dumps({"target": "./none"})) for n in range(3)], Limits(jobs=1))
    assert next(runs)[1]["unanswered"]["target"] == "./none"
    found = ["pgrep", "-P", str(os.getpid()), "-f", "archtrace_reports.asking.fork_server"]
    (template,) = map(int, subprocess.run(found, capture_output=True, check=True).stdout.split())
    os.kill(template, signal.SIGKILL)
    assert dict(runs) == {1: "alone", 2: "alone"}
