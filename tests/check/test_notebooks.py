"""Notebooks: IPython's own syntax is no reason to give up, and a place is a cell and a line in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[..., Any]

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"


def notebook(file: Path, *sources: str, **metadata: Any) -> None:
    """A notebook of these code cells."""
    cells = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    file.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))


@pytest.mark.parametrize(
    "source",
    [
        "%pip install torch",
        "!ls -l",
        "files = !ls",
        "took = %timeit -o f()",
        "?print",
        "print??",
        "for x in files:\n    !rm {x}",
        "%%bash\nif true; then echo yes; fi",
        "total = (17\n  % 5)",
        "ok = (1\n  != 2)  # is it?",
    ],
)
def test_a_cell_of_ipython_hides_no_other(ask: Ask, source: str, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", source, WRONG)
    assert ask("check").out.startswith("n.ipynb:cell 2:2:22: AT001 ")


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 3"])
def test_a_cell_that_is_timed_is_read(ask: Ask, magic: str, tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", f"{magic}\n{WRONG}")
    assert ask("check").out.startswith("n.ipynb:cell 1:3:22: AT001 ")


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


@pytest.mark.parametrize("text", ["", "[]", '{"cells": 1}', '{"cells": [1]}', '{"cells": [], "metadata": [1]}'])
def test_a_file_that_is_no_notebook_is_one_finding(ask: Ask, text: str, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(text)
    answer = ask("check")
    assert answer.code == 1
    assert answer.out.startswith("n.ipynb:1:1: AT000 does not parse: it is no notebook")
