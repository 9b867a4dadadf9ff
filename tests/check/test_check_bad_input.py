"""Any input: what cannot be read is one clear message, the others go on, and the exit code tells."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from check_runs import FIXABLE, RIGHT, WRONG, check

WORDS = "\nlogits[attention_mask.sum(1) - 1]\n"
DEEP = 5000

#: name -> bytes, and what is said of them after `bad.py:`.
BAD = {
    "binary": (bytes(range(256)) * 4, "1:1: AT000 does not parse: it holds a null byte, so it is no text"),
    "null": (b"x = 1\ny = \0", "2:5: AT000 does not parse: it holds a null byte"),
    "large": (b"x = 1\n" * 1_700_000, "1:1: AT000 is larger than 5 MB: no one wrote it by hand; exclude it"),
    "open": (b"x = (", "1:5: AT000 does not parse: '(' was never closed"),
    "parentheses": (b"(" * DEEP + b"1" + b")" * DEEP, "1:201: AT000 does not parse: too many nested parentheses"),
    "lists": (b"[" * DEEP + b"]" * DEEP, "1:201: AT000 does not parse: too many nested parentheses"),
    "signs": (b"-" * 50_000 + b"1", "1:1: AT000 does not parse: it is nested too deeply"),
    "sums": (b"+".join([b"1"] * 20_000), "1:1: AT000 does not parse: it is nested too deeply"),
    "attributes": (b"x" + b".y" * 20_000, "1:1: AT000 does not parse: it is nested too deeply"),
    "blocks": (
        b"".join(b" " * n + b"if 1:\n" for n in range(150)) + b" " * 150 + b"x\n",
        "101:1: AT000 does not parse: too many levels of indentation",
    ),
    "elifs": (
        b"if 1:\n  x\n" + b"elif 1:\n  x\n" * 20_000 + b"else:\n  x\n",
        "1:1: AT000 does not parse: it is nested too deeply",
    ),
    "bytes": (b"x = 1\ny = '\xff'\n", "2:6: AT000 does not parse: byte 0xff is not utf-8; save the file as UTF-8, or"),
    "comment": (b"x = 1  # \xe9t\xe9\n", "1:10: AT000 does not parse: byte 0xe9 is not utf-8"),
    "cookie": (b"#!/x\n# coding: klingon\n", "2:1: AT000 does not parse: unknown encoding: klingon; declare a coding"),
    "codec": (b"# coding: hex\n", "1:1: AT000 does not parse: hex is no coding of text"),
    "utf-16": ("x = 1\n".encode("utf-16"), "1:1: AT000 does not parse: it is UTF-16, which Python does not read; save"),
    "python 2": (b"print 'x'\n", "1:1: AT000 does not parse: Missing parentheses in call to 'print'"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("words", ["", WORDS])
def test_a_bad_file_is_one_finding(name: str, words: str, tmp_path: Path) -> None:
    """With the words of a rule in it, or without; the file after it is checked."""
    data, told = BAD[name]
    (tmp_path / "bad.py").write_bytes(data + (words.encode("utf-16-le" if name == "utf-16" else "ascii")))
    (tmp_path / "good.py").write_text(WRONG)
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (1, "archtrace: 2 findings in 2 files (2 files checked)\n")
    first, second = done.stdout.splitlines()
    if name != "open":
        assert first.startswith(f"bad.py:{told}"), first
    assert "AT000" in first
    assert second.startswith("good.py:2:22: AT001")


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"\xef\xbb\xbfx = 1\n", b"x = '\\d'\n", b"1 is 1\n", b"# coding: latin-1\nx = '\xe9'\n"]
)
def test_what_python_reads_is_clean(data: bytes, tmp_path: Path) -> None:
    """Empty, with a mark, in another coding; and Python's warnings of the file are not told, even under -W error."""
    (tmp_path / "a.py").write_bytes(data)
    done = check(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "archtrace: clean (1 file checked)\n")


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    """Found on a walk they are findings; named they are what could not be run."""
    (tmp_path / "a.py").symlink_to("b.py")
    (tmp_path / "b.py").symlink_to("a.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / ".#lock.py").symlink_to("somebody@somewhere.1")
    (tmp_path / "ok.py").write_text(WRONG)
    done = check(tmp_path)
    assert done.returncode == 1
    assert [line.split(" ", 2)[:2] for line in done.stdout.splitlines()] == [
        ["a.py:1:1:", "AT000"],
        ["b.py:1:1:", "AT000"],
        ["gone.py:1:1:", "AT000"],
        ["ok.py:2:22:", "AT001"],
    ]
    assert "a.py:1:1: AT000 cannot be read: Too many levels of symbolic links\n" in done.stdout
    assert "gone.py:1:1: AT000 cannot be read: No such file or directory\n" in done.stdout
    named = check(tmp_path, "a.py", "gone.py", "no.py", "loop/ok.py", "-q")
    assert named.returncode == 2
    assert named.stdout.startswith("loop/ok.py:2:22: AT001")


def test_what_could_not_be_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("a.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    done = check(tmp_path, "a.py", "gone.py", "no.py")
    assert done.stderr.splitlines() == [
        "archtrace: a.py cannot be read: Too many levels of symbolic links",
        "archtrace: gone.py is a link that leads nowhere",
        "archtrace: there is no file no.py",
        "archtrace: no findings (0 files checked)",
    ]


def test_folders_and_pipes_that_are_called_like_files(tmp_path: Path) -> None:
    """A folder is walked; a pipe is refused, and nobody waits for it."""
    (tmp_path / "x.py").mkdir()
    (tmp_path / "x.py" / "in.py").write_text(WRONG)
    os.mkfifo(tmp_path / "pipe.py")
    told = check(tmp_path).stdout.splitlines()
    assert told[0] == "pipe.py:1:1: AT000 cannot be read: it is no regular file"
    assert told[1].startswith("x.py/in.py:2:22: AT001")
    assert check(tmp_path, "x.py").stdout.splitlines() == told[1:]
    assert check(tmp_path, "pipe.py").returncode == 1


def test_a_file_that_vanishes_while_others_are_read(tmp_path: Path) -> None:
    """Gone between listing and reading: a finding of its own."""
    code = (
        "import os, sys\n"
        "from archtrace_reports.check import check_files\n"
        "from archtrace_reports.commands.cli import run as cli\n"
        "check, gone = check_files.check_file, iter(['b.py'])\n"
        "check_files.check_file = lambda path, settings: ([os.unlink(g) for g in gone], check(path, settings))[1]\n"
        "sys.exit(cli(['check']))\n"
    )
    for name in "abc":
        (tmp_path / f"{name}.py").write_text(WRONG)
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["AT001", "AT000", "AT001"]
    assert "b.py:1:1: AT000 cannot be read: No such file or directory" in done.stdout


def test_unreadable_files_and_folders(tmp_path: Path) -> None:
    """A file is a finding; a folder could hold anything, so the answer is not whole."""
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "b.py").write_text(WRONG)
    (tmp_path / "a.py").chmod(0)
    done = check(tmp_path, bound=True)
    assert done.returncode == 1
    assert done.stdout.startswith("a.py:1:1: AT000 cannot be read: Permission denied\nb.py:2:22: AT001")
    (tmp_path / "shut").mkdir(mode=0)
    done = check(tmp_path, bound=True)
    assert done.returncode == 2
    assert "archtrace: the folder ./shut cannot be read: Permission denied\n" in done.stderr
    assert "b.py:2:22: AT001" in done.stdout


def test_a_folder_that_may_not_be_written_keeps_its_files(tmp_path: Path) -> None:
    """Nothing is mended there, which is told; elsewhere it is."""
    for name, mode in (("open", 0o755), ("shut", 0o555)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(FIXABLE)
        (tmp_path / name).chmod(mode)
    done = check(tmp_path, "--fix", bound=True)
    assert done.returncode == 2
    assert "archtrace: shut/a.py cannot be fixed: Permission denied; it is as it was\n" in done.stderr
    assert done.stdout.startswith("shut/a.py:5:22: AT001")
    assert (tmp_path / "shut" / "a.py").read_text() == FIXABLE
    assert "argmax" in (tmp_path / "open" / "a.py").read_text()
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["a.py", "a.py"]


@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_names_that_are_no_text(style: str, tmp_path: Path) -> None:
    """Bytes of a file's name that are not UTF-8 are told, in every format; also where there are many files."""
    (tmp_path / os.fsdecode(b"b\xff.py")).write_text(WRONG)
    for number in range(100):
        (tmp_path / f"{number}.py").write_text(RIGHT)
    for _ in ("fresh", "cached"):
        done = check(tmp_path, "--output-format", style, "-q")
        assert (done.returncode, done.stderr) == (1, "")
        assert {"text": "b\\xff.py:2", "json": "b\\udcff.py", "sarif": "b%FF.py", "github": "b"}[style] in done.stdout
    done = check(tmp_path, os.fsdecode(b"c\xff.py"))
    assert done.stderr.startswith("archtrace: there is no file c\\xff.py\n")


NOTEBOOKS = {
    "{": "1:2: AT000 does not parse: it is no notebook: Expecting property name",
    "": "1:1: AT000 does not parse: it is no notebook: Expecting value",
    "[1]": "1:1: AT000 does not parse: it is no notebook: a notebook is an object with a list of cells",
    "{}": "1:1: AT000 does not parse: it is no notebook: a notebook is an object with a list of cells",
    '{"cells": [{"cell_type": "code", "source": 3}]}': "1:1: AT000 does not parse: it is no notebook: a notebook is",
    "[" * 100_000: "1:1: AT000 does not parse: it is no notebook: it is nested too deeply",
}


@pytest.mark.parametrize("text", NOTEBOOKS, ids=["cut", "empty", "list", "object", "number", "deep"])
def test_a_bad_notebook_is_one_finding(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(text)
    (tmp_path / "b.py").write_text(WRONG)
    first, second = check(tmp_path).stdout.splitlines()
    assert first.startswith(f"a.ipynb:{NOTEBOOKS[text]}")
    assert second.startswith("b.py:2:22: AT001")


CELLS = [
    "%%bash\nls | (",
    "files = !ls \\\n   -l (\n%timeit x\nhelp?",
    "a, b = %who",
    "await x",
    "x = '\ud800'",
]


def notebook(*sources: str, language: str = "python") -> str:
    """A notebook of code cells."""
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": language}}})


def test_what_is_no_python_in_a_notebook(tmp_path: Path) -> None:
    """Magic and shell lines, and notebooks in another language, are no one's mistake; an open parenthesis is."""
    (tmp_path / "a.ipynb").write_text(notebook(*CELLS))
    (tmp_path / "r.ipynb").write_text(notebook("x <- c(1 2", language="R"))
    assert check(tmp_path).stdout == ""
    (tmp_path / "a.ipynb").write_text(notebook(*CELLS, "\nf(1"))
    assert check(tmp_path).stdout == "a.ipynb:cell 6:2:2: AT000 does not parse: '(' was never closed\n"
