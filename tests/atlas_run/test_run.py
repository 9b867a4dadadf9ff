"""A run on one machine: ended by a signal it keeps what it has, and the same command goes on from there."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from reports.samples import SAMPLES

from archtrace_reports.asking.progress import RunProgress, _duration
from archtrace_reports.atlas.collect import Signals, Stopped
from archtrace_reports.formats.to_json import document
from archtrace_reports.text.report import Unanswered, report

from .conftest import Project, environment, gone, wait

Started = list[subprocess.Popen[str]]


def test_a_run_is_ended_and_goes_on(tmp_path: Path, started: Started) -> None:
    """By one signal: the site of what there is stands. By a second one at once: the site is whole, or not there. Each
    time no child is left, no answer is lost, and none is asked for again. (By SIGINT alone: test_cluster.py.)"""
    project = Project(tmp_path, ["a", "first", "b", "second", "c"], held=("first", "second"))
    for signals, held, code in (((signal.SIGINT,) * 2, "first", 130), ((signal.SIGTERM,), "second", 143)):
        asked = project.start("--jobs", "1")
        started.append(asked)
        wait(lambda held=held: held in project.traced())  # type: ignore[misc]
        for number in signals:
            asked.send_signal(number)
        _, said = asked.communicate(timeout=30)
        assert (asked.returncode, "archtrace: interrupted" in said) == (code, True)
        with contextlib.suppress(FileNotFoundError) if len(signals) > 1 else contextlib.nullcontext():
            assert {*project.shown()} == project.kept()
        wait(lambda: all(gone(pid) for pids in project.traced().values() for pid in pids))
        project.release(held)
    assert said.endswith("archtrace: interrupted: 2 targets left; the same command goes on from here\n")
    assert project.kept() == {"a", "first", "b"}
    done = project.start()
    started.append(done)
    _, said = done.communicate(timeout=60)
    assert done.returncode == 0
    assert said.splitlines()[-2] == "archtrace: 5 of 5 (5 exact; 3 kept from before)"
    assert {*project.shown()} == {*["a", "first", "b", "second", "c"]}
    times = {name: len(pids) for name, pids in project.traced().items()}
    assert times == {"a": 1, "first": 2, "b": 1, "second": 2, "c": 1}
    there = {file.name for file in (tmp_path / "atlas").iterdir()}
    assert there >= {"atlas.json", "index.html", ".answers.jsonl"}
    assert not [name for name in there if name.endswith(".tmp")]


def test_a_slow_one_is_given_up_and_other_versions_stand_beside(tmp_path: Path, started: Started) -> None:
    project = Project(tmp_path, ["a", "slow"], held=("slow",))
    sample = SAMPLES["bert"]
    older = replace(sample, target="bert", versions={**sample.versions, "transformers": "4.56.0"})
    (tmp_path / "older.json").write_text(json.dumps(document(report([older]))))
    asked = project.start("--timeout", "20", "--memory", "6", "--edition", "older.json")
    started.append(asked)
    _, said = asked.communicate(timeout=120)
    assert asked.returncode == 2, said
    atlas = json.loads((tmp_path / "atlas" / "atlas.json").read_text())
    assert [edition["versions"]["transformers"] for edition in atlas["editions"]] == [
        transformers.__version__,
        "4.56.0",
    ]
    rows = {row["target"]: row["answers"] for row in atlas["rows"]}
    assert [answer and answer["status"] for answer in rows["models.py:a"]] == ["exact", None]
    assert rows["models.py:slow"][0]["reason"].startswith("no answer within 20 s")
    assert [answer and answer["status"] for answer in rows["bert"]] == [None, "exact"]
    assert (tmp_path / "atlas" / "versions.html").exists()


def test_what_is_known_is_not_asked_again(tmp_path: Path, started: Started) -> None:
    """An answer from before the atlas was begun is taken; with --fresh it is traced."""
    project = Project(tmp_path, ["a"])
    command = [sys.executable, "-m", "archtrace_reports.commands.cli", "models.py:a", "-q"]
    subprocess.run(command, cwd=tmp_path, env=environment(), check=True, capture_output=True)
    for number, arguments in enumerate(([], ["--fresh"]), 1):
        asked = project.start(*arguments, "--jobs", "1")
        started.append(asked)
        _, said = asked.communicate(timeout=60)
        assert (asked.returncode, project.shown()["a"]["status"]) == (0, "exact"), said
        assert len(project.traced()["a"]) == number
        (tmp_path / "atlas" / ".answers.jsonl").unlink()


def heard(*numbers: int, held: bool) -> int:
    """How many signals a block goes on after."""
    after = 0
    with Signals() as signals, signals.postponed() if held else contextlib.nullcontext():
        for number in numbers:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(number)
                after += 1
        DONE.append(after)
    return after


DONE: list[int] = []


def test_what_is_held_is_not_cut_off() -> None:
    """The first signal waits for the end of the block, the second one does not."""
    for numbers, held, done in (
        ((signal.SIGINT,), True, [1]),
        ((signal.SIGTERM,), False, []),
        ((signal.SIGTERM, signal.SIGINT), True, [1]),
    ):
        DONE.clear()
        with pytest.raises(Stopped):
            heard(*numbers, held=held)
        assert done == DONE


def test_off_a_terminal_a_line_comes_each_so_often(capsys: pytest.CaptureFixture[str]) -> None:
    """Also while nothing is answered."""
    with RunProgress(4, True, every=0.05) as watch:
        wait(lambda: "archtrace: 0 of 4\n" in capsys.readouterr().err)
        watch.advance(Unanswered("x", "y"), from_before=True)
        watch.advance(Unanswered("x", "y"))
        wait(lambda: "2 of 4, about 0 s left (2 not answered; 1 kept from before)\n" in capsys.readouterr().err)
    time.sleep(0.1)
    capsys.readouterr()
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


BAR = """
from archtrace_reports.asking.progress import RunProgress
from archtrace_reports.text.report import Unanswered
with RunProgress(2, True) as progress:
    progress.advance(Unanswered("x", "y"))
"""


def test_on_a_terminal_a_bar_says_the_same() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        subprocess.run([sys.executable, "-c", BAR], stderr=theirs, env=environment() | {"COLUMNS": "100"}, check=True)
        os.close(theirs)
        shown = screen.read(10_000).decode()
    assert "1 of 2, about 0 s left (1 not answered)" in shown


def test_quiet_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with RunProgress(2, False) as watch:
        watch.advance(Unanswered("x", "y"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (300, "5 min"), (9000, "2.5 h")])
def test_durations(seconds: float, said: str) -> None:
    assert _duration(seconds) == said
