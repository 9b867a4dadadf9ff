"""What a shell may do to the streams: closed, full, wide or narrow, coloured or not, and no terminal for progress."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from archtrace_reports.asking.elapsed import elapsed
from archtrace_reports.asking.progress import RunProgress
from archtrace_reports.commands import cli
from archtrace_reports.commands.names import COMMANDS
from archtrace_reports.formats.to_json import document
from archtrace_reports.text.look import look_of
from archtrace_reports.text.report import Unanswered, report

from .conftest import archtrace as run_archtrace
from .conftest import environment
from .samples import SAMPLES
from .stub_engine import Capture, engine, stubbed

__all__ = ["engine"]


BAD = """
def forward(self, input_ids, logits):
    lengths = torch.ne(input_ids, self.config.pad_token_id).sum(-1) - 1
    return logits[torch.arange(len(logits)), lengths]
"""
#: A command line of every command, and its exit code where it can write.
EVERY = {
    "trace bert -q": 0,
    "check -q bad.py": 1,
    "diff a.json a.json": 0,
    "doctor bert -o x.html": 2,
    "serving bert --format html": 2,
    "atlas -o bad.py": 2,
    "ls --here none-such": 1,
    "explain AT001": 0,
    "help": 0,
    "--version": 0,
    "chekc": 2,
    "bert --formt": 2,
}
#: What runs them. Tracing takes seconds: an engine that knows the samples stands in its place.
PROGRAMS = {"trace": ["-c", stubbed("cli.main()")]}
#: How a shell leaves a command's streams -> its exit code, of the one that it has else. Nothing is left to be said.
STREAMS: dict[str, Callable[[int], set[int]]] = {
    ">&-": lambda code: {code},
    "2>&- >/dev/null": lambda code: {code},
    "<&- >&- 2>&-": lambda code: {code},
    "> >(true)": lambda code: {code, 141},
    "2> >(true) >/dev/null": lambda code: {code, 141},
    ">/dev/full": lambda code: {code, 2},
}


def test_every_command_has_its_line_here() -> None:
    assert {line.split()[0] for line in EVERY} >= {*COMMANDS}


@pytest.mark.parametrize("line", EVERY)
def test_streams_that_are_closed_or_full_give_no_traceback(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document(report([SAMPLES["bert"]]))), "utf-8")
    (tmp_path / "bad.py").write_text(BAD, "utf-8")
    for streams, codes in STREAMS.items():
        heard = tmp_path / "stderr.txt"
        others = streams if "2>" in streams else f"{streams} 2>{heard}"
        program = PROGRAMS.get(line.split(maxsplit=1)[0], ["-m", "archtrace_reports"])
        script = f"{shlex.join([sys.executable, *program])} {line} {others}"
        done = subprocess.run(["bash", "-c", script], env=environment(), cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode in codes(EVERY[line]), (streams, done.returncode, done.stderr)
        said = heard.read_text("utf-8") if heard.exists() else ""
        assert not re.search("Traceback|Exception ignored|NoneType", said), (streams, said)
        assert done.stderr == b""


@contextmanager
def terminal(columns: int = 80) -> Iterator[TextIO]:
    """A real terminal of so many columns."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    with os.fdopen(slave, "w") as stream:
        yield stream
    os.close(master)


@pytest.mark.parametrize(("columns", "width", "prose"), [(200, 200, 100), (60, 60, 60), (20, 40, 40), (0, 80, 80)])
def test_a_look_is_as_wide_as_the_terminal_and_prose_stops(
    columns: int, width: int, prose: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    with terminal(columns) as stream:
        assert (look_of(stream).width, look_of(stream).prose) == (width, prose)
    monkeypatch.setenv("COLUMNS", str(columns))  # it holds for pipes too, and before what a terminal says
    with terminal(80) as stream:
        assert (look_of(stream).width, look_of(io.StringIO()).prose) == (width, prose)


@pytest.mark.parametrize("nothing", ["", "wide", "-3"])
def test_a_pipe_has_80_columns_where_nothing_says_otherwise(nothing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", nothing)
    assert look_of(io.StringIO()).width == 80


#: NO_COLOR, FORCE_COLOR and TERM -> whether a terminal gets colours, and a pipe.
COLOURS = {
    ("", "", "xterm"): (True, False),
    ("1", "", "xterm"): (False, False),
    ("", "", "dumb"): (False, False),
    ("", "1", "dumb"): (True, True),
    ("", "0", "xterm"): (False, False),
    ("1", "1", "xterm"): (False, False),
}


@pytest.mark.parametrize("names", COLOURS)
def test_colour_is_for_those_who_want_it(names: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(("NO_COLOR", "FORCE_COLOR", "TERM"), names, strict=True):
        monkeypatch.setenv(name, value)
    with terminal() as stream:
        assert (look_of(stream).colour, look_of(io.StringIO()).colour) == COLOURS[names]


def test_colours_reach_a_pipe_when_they_are_forced(
    engine: list[Any], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli.run(["bert", "-q"]) == 0
    assert "\x1b[1m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    assert cli.run(["bert", "-q"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_progress_is_told_in_lines_where_nothing_can_be_drawn(capsys: Capture) -> None:
    """Of a few targets each as it ends; of many a line every so often (tests/atlas_run/test_run.py)."""
    for total, lines in ((20, 20), (127, 0)):
        with RunProgress(total, True) as progress:
            for number in range(total):
                progress.advance(SAMPLES["bert"] if number else Unanswered("nope", "why"))
        told = capsys.readouterr().err.splitlines()
        assert len(told) == lines
    assert progress.line() == "127 of 127 (126 exact, 1 not answered)"
    with RunProgress(3, True) as progress:
        progress.advance(SAMPLES["bert"])
        progress.advance(Unanswered("nope", "why"))
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"archtrace: 1 of 3, about \d+ s left \(1 exact\): bert-base-uncased: exact", first)
    assert re.fullmatch(r"archtrace: 2 of 3, about \d+ s left \(1 exact, 1 not answered\): nope: not answered", second)
    with RunProgress(1, False) as progress:
        progress.advance(SAMPLES["bert"])
    assert capsys.readouterr().err == ""


def test_children_tell_of_themselves_as_they_end(tmp_path: Path) -> None:
    done = run_archtrace("no-model-1", "no-model-2", "--isolate", "--jobs", "1", cwd=tmp_path)
    said = [line for line in done.stderr.splitlines() if line.endswith(": not answered")]
    assert [line.split("): ")[1] for line in said] == ["no-model-1: not answered", "no-model-2: not answered"]
    assert done.stderr.splitlines()[-1].startswith("archtrace: 2 targets in ")


def test_the_clock_counts_from_start_to_end(engine: list[Any], capsys: Capture) -> None:
    before = elapsed()
    assert cli.run(["bert", "gpt2"]) == 0
    told = [
        float(line.split(" in ")[1].split(" s")[0]) for line in capsys.readouterr().err.splitlines() if " in " in line
    ]
    assert before - 0.1 <= told[0]  # the first answer bears all that went before it
    assert told[0] + told[1] <= told[2] + 0.1 <= elapsed() + 0.2
