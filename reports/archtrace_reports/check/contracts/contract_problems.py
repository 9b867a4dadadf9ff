"""Problems of contracts: each stands at the line of the project's code that causes it, else at the contract's."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from archtrace.contract.traced_model import ContractViolation, SourceRange
from archtrace.contract.verdict import Verdict
from archtrace_reports.check.contracts.declared_contracts import DeclaredContract, has_noqa
from archtrace_reports.check.problem import Problem, ProblemStep


def problem_of(broken: ContractViolation, verdict: Verdict, declared: DeclaredContract, root: Path) -> Problem:
    """At the readout's expression where that is in the project's own code; else at the term, with where it is."""
    place = verdict.source_ranges[broken.readout] if broken.readout is not None else None
    if place is not None and _is_own(place, root):
        return _in_code(place, broken)
    line = declared.line(broken.term)
    text = declared.source(line)
    start = len(text) - len(text.lstrip()) + 1
    message = f"{broken.message} [{Path(place.path).name}:{place.line}, {place.function}]" if place else broken.message
    path = from_current_folder(str(declared.file))
    return _problem((path, line, start, line, len(text.rstrip()) + 1), broken.code, message, "", text)


def _in_code(place: SourceRange, broken: ContractViolation) -> Problem:
    text = _lines(place.path)[place.line - 1]
    where = (from_current_folder(place.path), place.line, place.col, place.line, place.end_col)
    return _problem(where, broken.code, broken.message, place.function, text)


def _problem(where: tuple[str, int, int, int, int], code: str, message: str, function: str, text: str) -> Problem:
    """A finding on a line of this text."""
    return Problem(*where, code, message, function, text.strip(), steps=(ProblemStep(*where[1:], "", text),))


def _is_own(place: SourceRange, root: Path) -> bool:
    """A file of the project, and not of a package that is installed inside its folder."""
    path = Path(place.path)
    return path.is_relative_to(root.resolve()) and not {"site-packages", "dist-packages"} & set(path.parts)


def from_current_folder(path: str) -> str:
    """From the current folder on, where it lies in it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def is_excused(finding: Problem) -> bool:
    """Whether a noqa comment stands on the finding's line."""
    if finding.path.endswith(".toml"):
        return has_noqa(_lines(finding.path)[finding.line - 1], finding.code)
    from archtrace_reports.check.noqa import comments

    comments_given = comments("\n".join(_lines(finding.path)))
    return any(comment.covers(finding.code, finding.line, finding.end_line) for comment in comments_given)


@cache
def _lines(path: str) -> list[str]:
    """The lines of a file of the project."""
    from archtrace_lint.source.decode import decoded

    return decoded(path, Path(path).read_bytes()).split("\n")
