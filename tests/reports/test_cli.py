"""The command line: help without torch, usage errors, exit codes, where each word goes, interruption."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import archtrace_reports
from archtrace_reports import formats
from archtrace_reports.commands import cli
from archtrace_reports.commands.names import COMMANDS

from .conftest import archtrace as run_archtrace
from .conftest import environment
from .stub_engine import Capture, engine, stubbed
from .test_json import schema

__all__ = ["engine"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["--format", "nope"]])
def test_what_needs_no_trace_imports_neither_torch_nor_transformers(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom archtrace_reports.commands import cli\n"
        f"try:\n    code = cli.run({arguments!r})\nexcept SystemExit as end:\n    code = end.code\n"
        "print('HEAVY', sorted({'torch', 'transformers', 'numpy', 'networkx', 'libcst'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.endswith("HEAVY []\n")
    assert len(done.stdout + done.stderr) > 60


USAGE = {
    ("--formt", "json"): "Did you mean",
    ("--format", "jsn", "bert"): "'jsn'",
    ("--num-labels", "0", "bert"): "--num-labels",
    ("--config-set", "novalue", "bert"): "'novalue' is not KEY=VALUE, such as classifier_pooling=mean",
    ("--all", "bert"): "--all runs every model type",
    ("-o", "/no/such/folder/x.json", "bert"): "there is no folder /no/such/folder",
    ("-o", "/", "bert"): "/ is a folder",
    ("-o", "x.jsn", "bert"): "no format is known by the ending of x.jsn: end it in .cone.svg, .dot, ",
    ("-o", "answer", "bert"): "no format is known by the ending of answer: end it in ",
    ("doctor", "-o", "x.html", "bert"): "no format is known by the ending of x.html: end it in .json, .markdown, .md",
    ("diff", "-o", "x.sarif", "bert", "bert"): "no format is known by the ending of x.sarif: end it in .htm, .html, ",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_usage_errors_cost_no_work(arguments: tuple[str, ...], capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert USAGE[arguments] in err
    assert "Traceback" not in err
    assert engine == []


def test_an_answer_goes_to_stdout_and_all_else_to_stderr(capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(["bert"]) == 0
    out, err = capsys.readouterr()
    assert out == (Path(__file__).parent / "golden" / "bert.txt").read_text()
    assert re.sub(r"in \d+\.\d s", "in X s", err) == (
        "noise from a model\n"
        "archtrace: bert-base-uncased: exact in X s (import 2.0, capture 0.8, analysis 0.0, witness 0.2)\n"
    )
    assert cli.run(["--quiet", "bert"]) == 0
    assert capsys.readouterr() == (out, "noise from a model\n")
    nothing = {"num_labels": None, "config": None, "overrides": {}, "trust_remote_code": False, "output": ""}
    assert engine == [{**nothing, "arguments": {}, "inputs": None, "head": None, "text": None, "text_pair": None}] * 2


def test_options_reach_the_engine(engine: list[dict[str, Any]], capsys: Capture) -> None:
    given = ["--num-labels", "3", "--config", "c.json", "--config-set", "a=mean", "--config-set", "b=[1, null]",
             "--config-set", "c==x", "--trust-remote-code", "--output-name", "slots", "--arg", "width=8",
             "--input", "mask_pos=[3, 5]", "--input", "flag=true", "--head", "token-classification",
             "--text", "a fine film", "--text-pair", "dull"]  # fmt: skip
    assert cli.run([*given, "bert"]) == 0
    (options,) = engine
    assert options == {
        "num_labels": 3,
        "config": Path("c.json"),
        "overrides": {"a": "mean", "b": [1, None], "c": "=x"},
        "trust_remote_code": True,
        "output": "slots",
        "arguments": {"width": 8},
        "inputs": {"mask_pos": [3, 5], "flag": True},
        "head": "token-classification",
        "text": ["a fine film"],
        "text_pair": ["dull"],
    }


def test_one_failure_does_not_stop_the_others(capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(["--quiet", "--format", "json", "bert", "nope", "broken", "gpt2", "bert"]) == 2
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert [result["target"] for result in answer["results"]] == ["bert-base-uncased", "gpt2"]
    assert [unanswered["target"] for unanswered in answer["unanswered"]] == ["nope", "broken"]
    assert "archtrace: unknown model 'nope'\n  why: no such [31mname\n  do: give another\n" in err
    assert "archtrace: broken: archtrace failed with TypeError: unsupported operand (a defect: --debug" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("style", formats.names())
def test_every_format_answers(style: str, capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(["bert", "gpt2", "--format", style, "-q"]) == 0
    assert "bert" in capsys.readouterr().out.lower()


def test_without_any_answer_nothing_is_written(tmp_path: Path, capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(["nope", "--format", "json"]) == 2
    assert capsys.readouterr().out == ""
    assert cli.run(["nope", "-o", str(tmp_path / "a.json")]) == 2
    assert [*tmp_path.iterdir()] == []


def test_debug_shows_the_traceback(capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(["broken", "--debug"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_the_ending_of_a_file_names_its_format(tmp_path: Path, capsys: Capture, engine: list[Any]) -> None:
    file = tmp_path / "answer.json"
    assert cli.run(["bert", "-o", str(file)]) == 0
    assert json.loads(file.read_text())["format"] == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"archtrace: wrote {file}\n")
    assert cli.run(["bert", "-o", str(file), "--format", "terminal", "-q"]) == 0
    assert file.read_text().startswith("BertForSequenceClassification reads")
    assert cli.run(["bert", "-o", "-", "--format", "table", "-q"]) == 0
    assert capsys.readouterr().out.startswith("1 model: 1 exact")


def test_a_subcommand_is_named_first(capsys: Capture, engine: list[Any]) -> None:
    assert cli.run(["trace", "bert", "-q"]) == 0
    assert cli.run(["trace", "trace", "-q"]) == 2
    assert "unknown model 'trace'" in capsys.readouterr().err
    assert cli.run(["./trace"]) == 2
    assert "unknown model './trace'" in capsys.readouterr().err


def test_the_folder_of_commands_is_the_registry() -> None:
    folder = Path(archtrace_reports.__file__).parent / "commands"
    own = {file.stem for file in folder.glob("[!_]*.py") if re.search(r"^def command\(", file.read_text("utf-8"), re.M)}
    assert own == set(COMMANDS)


def test_a_pipe_without_unicode(tmp_path: Path) -> None:
    code = stubbed("sys.exit(cli.run(['bert', '-q']))")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment() | {"PYTHONIOENCODING": "ascii"}, check=True
    )
    assert b"> bert.pooler.dense (linear) > bert.pooler.activation (tanh)" in done.stdout


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    child = subprocess.Popen(
        [sys.executable, "-c", stubbed("sys.argv[1:] = ['bert', '-q']; cli.main()")],
        stdout=write, stderr=subprocess.PIPE, env=environment(), text=True,
    )  # fmt: skip
    os.close(write)
    assert child.communicate()[1] == "noise from a model\n"
    assert child.returncode == 141


SLEEPER = "def sleep(*_, **__):\n    print('ready', file=sys.stderr, flush=True)\n    time.sleep(600)\n"


#: A job in the background is born deaf to Ctrl-C; the program under test is not.
_HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def _interrupted(code: str, cwd: Path, number: int) -> tuple[int, str]:
    """Start a program, wait until it says "ready", send the signal; its exit code and the rest of stderr."""
    child = subprocess.Popen(
        [sys.executable, "-c", _HEARING + stubbed(code)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment() | {"TMPDIR": str(cwd)},
    )
    assert child.stderr is not None
    assert child.stderr.readline() == "ready\n"
    child.send_signal(number)
    said = child.communicate(timeout=60)[1]
    return child.returncode, said


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    code = f"{SLEEPER}vars(archtrace)['trace'] = sleep\nsys.argv[1:] = ['bert', '-o', 'a.json']\ncli.main()"
    assert _interrupted(code, tmp_path, signal.SIGINT) == (130, "archtrace: interrupted\n")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ending_ends_the_children(tmp_path: Path, number: int, code: int) -> None:
    work = tmp_path / "work"
    work.mkdir()
    script = tmp_path / "child.py"
    script.write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\ntime.sleep(600)"
    )
    program = (
        "import os, threading\n"
        f"children.PROGRAM = ({str(script)!r},)\n"
        "def wait():\n"
        f"    while not os.path.exists({str(tmp_path / 'ready')!r}): time.sleep(0.01)\n"
        "    print('ready', file=sys.stderr, flush=True)\n"
        "threading.Thread(target=wait, daemon=True).start()\n"
        "sys.argv[1:] = ['bert', '--isolate', '-o', 'a.json']\ncli.main()"
    )
    ended, said = _interrupted(program, work, number)
    assert (ended, said) == (code, "archtrace: interrupted\n" if code == 130 else "")
    assert [*work.iterdir()] == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_real_answer_fits_the_schema_in_this_process_and_in_a_child() -> None:
    given = ["bert", "--config-set", "num_hidden_layers=1", "--num-labels", "3", "--format", "json", "--quiet"]
    here, child = run_archtrace(*given, "--fresh"), run_archtrace(*given, "--isolate", "--fresh")
    for done in (here, child):
        assert (done.returncode, done.stderr) == (0, "")
        Draft202012Validator(schema()).validate(json.loads(done.stdout))
    first, second = (json.loads(done.stdout)["results"][0] | {"run": {}} for done in (here, child))
    assert first == second
    assert first["readouts"][0]["slice"] == "last_hidden_state[:, 0]"


def test_a_real_refusal_travels_from_a_child() -> None:
    done = run_archtrace("bret-base-uncased", "--isolate", "--format", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("archtrace: ")
    assert "Traceback" not in done.stderr
