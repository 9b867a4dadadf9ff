"""Problem: a finding of a check; and the result of a whole check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archtrace_lint import Edit

#: Codes of the check itself, beside those of the rules -> name.
OWN: Mapping[str, str] = {
    "AT000": "does-not-parse",
    "AT099": "unused-noqa",
    "AT100": "contract-broken",
    "AT101": "setup-wrong",
}

#: What they mean: what it is first, then what to do.
SUMMARIES: Mapping[str, str] = {
    "AT000": "A file cannot be read, or does not parse as Python. Nothing in it was checked; the message says where "
    "and why.",
    "AT099": "A noqa comment names a code that is not found on its line. Remove the code: the comment hides nothing "
    "now, but it would hide the next finding there.",
    "AT100": "A model does not do what its contract in pyproject.toml says: it reads something else, or the contract "
    "allows more than the model needs. Fix the model; or, if you want the change, update the contract with archtrace "
    "check --update.",
    "AT101": "A model and its tokenizer do not agree: in a batch of texts, the head reads another token than it "
    "should, such as a pad. Change the line that the message names; archtrace doctor TARGET says more.",
}


class ProblemStep(NamedTuple):
    """A step of the flow that led to a finding, or the finding itself, whose note is empty where it leads nowhere on.

    Places as in Finding; `text`: the lines on which it stands, as they are, the first few of them.
    """

    line: int
    col: int
    end_line: int
    end_col: int
    note: str
    text: str
    cell: int = 0


#: Lines of code that a step shows.
SHOWN = 4


def step(place: tuple[int, int, int, int], note: str, lines: Sequence[str]) -> ProblemStep:
    """A step at a place (line, column, end) of a text, which is given by its lines."""
    return ProblemStep(*place, note, "\n".join(lines[place[0] - 1 : min(place[2], place[0] + SHOWN - 1)]))


class Problem(NamedTuple):
    """Lines and columns count from 1, the end is exclusive. `cell` is the number of a notebook's cell, 0 elsewhere.

    `about`: of an unused noqa the code that it names. `edits` fix it. `steps`: how it came about, itself among them.
    """

    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    code: str
    message: str
    function: str = ""
    text: str = ""
    cell: int = 0
    about: str = ""
    edits: tuple[Edit, ...] = ()
    steps: tuple[ProblemStep, ...] = ()

    @property
    def fixable(self) -> bool:
        """Whether `--fix` fixes it."""
        return bool(self.edits)

    @property
    def headline(self) -> str:
        """Code and message, marked where `--fix` fixes it."""
        return f"{self.code} [*] {self.message}" if self.fixable else f"{self.code} {self.message}"

    @property
    def place(self) -> str:
        """path:line:col, in a notebook path:cell N:line:col."""
        cell = f"cell {self.cell}:" if self.cell else ""
        return f"{shown(self.path)}:{cell}{self.line}:{self.col}"

    @property
    def message_with_cell(self) -> str:
        """The message; in a notebook after the cell and its line, for formats whose lines are those of the file."""
        return f"cell {self.cell}, line {self.line}: {self.message}" if self.cell else self.message


def shown(path: str) -> str:
    """A path for people: bytes of a name that are no text are written as numbers."""
    if path.isascii():
        return path
    try:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a half of a pair, which no name of a file brings
        return path.encode("utf-8", "backslashreplace").decode("utf-8")


class Findings(list[Problem]):
    """The findings in one file. `files`: others of its tree that the answer hangs on, as they were (`lint.beside`)."""

    files: tuple[tuple[str, tuple[int, int] | None], ...] = ()


class CheckResult(NamedTuple):
    """The findings of a check, in how many files and contracts, and what could not be run (a sentence each).

    `fixed` findings were fixed, `stale` entries of the baseline match nothing now.
    """

    findings: tuple[Problem, ...]
    files: int
    failures: tuple[str, ...] = ()
    fixed: int = 0
    contracts: int = 0
    stale: int = 0
