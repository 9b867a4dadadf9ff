"""Notebooks: IPython's own syntax is no reason to give up, and a place is a cell and a line in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archtrace_reports.check.magics import python

Ask = Callable[..., Any]

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"


def notebook(file: Path, *sources: str, **metadata: Any) -> None:
    """A notebook of these code cells."""
    cells = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    file.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))


#: Cells that IPython 9.8.0 takes: `TransformerManager().transform_cell` makes Python of each that compiles.
OF_IPYTHON = [
    "%pip install torch",
    "% pip install torch",
    "!ls -l",
    "! pip install torch",
    "!!echo hi",
    "files = !ls",
    "files = ! ls",
    "a, b = !!ls",
    "box.files = !ls",
    'box["files"] = !ls',
    "took = %timeit -o f()",
    "took = % timeit -o f()",
    "?print",
    "??",
    "print?",
    "print??",
    "x = print?",
    "*int*?",
    "%time?",
    "rows[0]?",
    "for x in files:\n    !rm {x}",
    "%cd a \\\n  b",
    "!pip install \\\n  torch \\\n  transformers\nx = 1",
    "%%bash\nif true; then echo yes; fi",
    "\n\n%%html\n<b>",
    "%%time f()",
    "%%unheard of\nwhat it is, nobody knows",
    ",f a b",
    "/f a",
    "  x = 1\n  y = 2",
    "\n   \n\tx = 1\n\t%time y = 2",
    ">>> x = [\n...     1]",
    "total = (17\n  % 5)",
    "ok = (1\n  != 2)  # is it?",
    "total = (17\n  % 5)\n!ls",
    'text = """\n!ls\n"""\n!ls',
    'it = "it\'s ("  # !ls (\n!ls',
    "total = 17 \\\n  % 5\n%time f()",
    "await f()",
]
#: Cells that IPython takes by automagic, which asks a running shell, or that stand in real notebooks all the same.
BY_AUTOMAGIC = [
    "pip install -q torch",
    "cd ..",
    "ls",
    "ls -l data",
    "time f(x)",
    "# of shell\n%%bash\nif true; then",
    "x += !ls",
]


@pytest.mark.parametrize("source", [*OF_IPYTHON, *BY_AUTOMAGIC])
def test_a_cell_of_ipython_hides_no_other(ask: Ask, source: str, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", source, WRONG)
    (line,) = ask("check").out.splitlines()
    assert line.startswith("n.ipynb:cell 2:2:22: AT001 ")


@pytest.mark.parametrize("source", [*OF_IPYTHON, *BY_AUTOMAGIC])
def test_what_stands_for_a_cell_has_as_many_lines(source: str) -> None:
    """Else whatever is found below would be told of another line."""
    assert python(source).count("\n") == source.count("\n")


@pytest.mark.parametrize("source", ["print 'python 2'", "for x in files: !rm {x}", "f(1,\n!ls\n)", "x?.y", "x = (1"])
def test_a_broken_cell_costs_one_cell(ask: Ask, source: str, tmp_path: Path) -> None:
    """IPython refuses these too. The names of the cells before hold in those behind."""
    made = "import torch\n\n\ndef ends(mask):\n    return mask.sum(1) - 1\n"
    used = "def last(logits, attention_mask):\n    return logits[torch.arange(8), ends(attention_mask)]\n"
    notebook(tmp_path / "n.ipynb", made, f"x = 1\n{source}", used, "print 'again'")
    told = [line.split()[:3] for line in ask("check").out.splitlines()]
    assert [(place.split(":")[0], code) for _, place, code in told] == [
        ("1", "AT001"),
        ("2", "AT000"),
        ("4", "AT000"),
    ]


def test_a_broken_cell_is_told_at_its_line(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "!ls", "!ls\n\nprint 'python 2'", WRONG)
    first, second = ask("check").out.splitlines()
    assert first.startswith("n.ipynb:cell 2:3:1: AT000 does not parse: Missing parentheses in call to 'print'")
    assert second.startswith("n.ipynb:cell 3:2:22: AT001 ")


@pytest.mark.parametrize("before", ["    ", "\t", ">>> "])
def test_columns_count_what_stands_before_all_lines(ask: Ask, before: str, tmp_path: Path) -> None:
    """White space that IPython takes off, and a prompt."""
    after = "... " if before == ">>> " else before
    first, second = WRONG.splitlines()
    notebook(tmp_path / "n.ipynb", f"{before}{first}\n{after}{second}\n")
    assert ask("check").out.startswith(f"n.ipynb:cell 1:2:{22 + len(before)}: AT001 ")


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 3", "%%writefile model.py", "%%python3"])
def test_a_cell_that_is_timed_is_read(ask: Ask, magic: str, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", f"{magic}\n{WRONG}")
    assert ask("check").out.startswith("n.ipynb:cell 1:3:22: AT001 ")
    notebook(tmp_path / "n.ipynb", f"# how long?\n\n{magic}\n%matplotlib inline\n{WRONG}")
    assert ask("check").out.startswith("n.ipynb:cell 1:6:22: AT001 ")


def test_a_line_that_ends_in_a_question_is_read(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", f"!ls\n{WRONG.rstrip()}  # is that right?\n")
    assert ask("check").out.startswith("n.ipynb:cell 1:3:22: AT001 ")


def test_a_notebook_of_another_language_is_passed_over(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "logits[:, sum(attention_mask) <- 1", language_info={"name": "R"})
    assert ask("check").code == 0


def test_noqa_in_a_cell(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", f"{WRONG.rstrip()}  # noqa: AT001\n", "x = 1  # noqa: AT002\n")
    assert ask("check").out == "n.ipynb:cell 2:1:8: AT099 noqa: nothing here is AT002\n"


def test_github_tells_the_cell_in_words(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "x = 1", WRONG)
    out = ask("check", "--output-format", "github").out
    assert out.startswith("::error file=n.ipynb,line=1,title=AT001::AT001 cell 2, line 2: ")


NO_NOTEBOOKS = [
    "",
    "[]",
    "1",
    '{"cells": 1}',
    '{"cells": [1]}',
    '{"metadata": {}}',
    '{"cells": [], "metadata": [1]}',
    '{"cells": [{"cell_type": "code", "source": 1}]}',
    '{"cells": [{"cell_type": "code", "source": [1]}]}',
    '{"worksheets": [{}]}',
]


@pytest.mark.parametrize("text", NO_NOTEBOOKS)
def test_a_file_that_is_no_notebook_is_one_finding(ask: Ask, text: str, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(text)
    answer = ask("check")
    assert answer.code == 1
    (line,) = answer.out.splitlines()
    assert line.startswith("n.ipynb:1:1: AT000 does not parse: it is no notebook: ")


def test_truncated_json_is_told_where_it_ends(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    notebook(file, "x = 1", WRONG)
    whole = file.read_text()
    for size in range(1, len(whole), 9):
        file.write_text(whole[:size])
        answer = ask("check")
        assert answer.code == 1
        assert answer.out.startswith("n.ipynb:1:")
        assert answer.out.count(": AT000 does not parse: it is no notebook: ") == answer.out.count("\n") == 1


def test_wrong_encodings(ask: Ask, tmp_path: Path) -> None:
    """What JSON allows is read, and a wrong byte has its place."""
    file = tmp_path / "n.ipynb"
    notebook(file, "# ö", WRONG)
    text = json.dumps(json.loads(file.read_text()), ensure_ascii=False)
    for coding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        file.write_bytes(text.encode(coding))
        assert ask("check").out.startswith("n.ipynb:cell 2:2:22: AT001 "), coding
    file.write_bytes(text.encode("latin-1"))
    place = f"1:{text.index('ö') + 1}"
    assert ask("check").out == (
        f"n.ipynb:{place}: AT000 does not parse: it is no notebook: byte 0xf6 is not utf-8; save it as UTF-8\n"
    )


def test_a_half_of_a_pair_is_no_reason_to_stop(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "x = '\ud800'", WRONG)
    assert ask("check").out.startswith("n.ipynb:cell 2:2:22: AT001 ")


@pytest.mark.parametrize("form", [3, 4, 5])
@pytest.mark.parametrize("listed", [True, False], ids=["lines", "text"])
def test_every_form_of_notebooks(ask: Ask, form: int, listed: bool, tmp_path: Path) -> None:
    """nbformat 3 has worksheets, and calls the source of a code cell its input; later keys are passed over."""
    source = WRONG.splitlines(keepends=True) if listed else WRONG
    cells = [{"cell_type": "markdown", "source": ["# A"]}, {"cell_type": "code", "source": source, "new": 1}]
    document: dict[str, Any] = {"nbformat": form, "nbformat_minor": 9, "metadata": {"name": ""}, "cells": cells}
    if form == 3:
        old = [{"cell_type": "code", "language": "r", "input": "x <- (1"}, {"cell_type": "code", "input": source}]
        document = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": old[:1]}, {"cells": old[1:]}]}
    (tmp_path / "n.ipynb").write_text(json.dumps(document))
    assert ask("check").out.startswith("n.ipynb:cell 2:2:22: AT001 ")


def test_missing_keys_are_no_reason_to_stop(ask: Ask, tmp_path: Path) -> None:
    cells = [{}, {"cell_type": "code"}, {"source": "x = (1"}, {"cell_type": "code", "source": WRONG}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    (line,) = ask("check").out.splitlines()
    assert line.startswith("n.ipynb:cell 4:2:22: AT001 ")


def test_a_cell_of_ten_megabytes_is_left_out(ask: Ask, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "x = [\n" + "1,\n" * 3_400_000 + "]", WRONG)
    first, second = ask("check").out.splitlines()
    assert first.startswith("n.ipynb:cell 1:1:1: AT000 does not parse: it is larger than 5 MB: no one wrote it")
    assert second.startswith("n.ipynb:cell 2:2:22: AT001 ")


def test_outputs_of_a_hundred_megabytes_are_passed_over(tmp_path: Path) -> None:
    """In memory of a few times their size: they are read, and nothing is made of them."""
    output = {"output_type": "display_data", "data": {"image/png": "A" * 10_000_000}}
    cells = [{"cell_type": "code", "source": "x = 1", "outputs": [output] * 10}, {"cell_type": "code", "source": WRONG}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
    code += "from archtrace_reports.commands.cli import run; sys.exit(run(['check', '-q']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("n.ipynb:cell 2:2:22: AT001 ")
