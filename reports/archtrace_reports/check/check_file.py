"""One file: read, checked, its noqa comments heard."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from archtrace_lint import Edit, UnreadableError, Violation, check_source
from archtrace_reports.check.problem import Findings, Problem, ProblemStep, step
from archtrace_reports.check.settings import Settings

if TYPE_CHECKING:
    from archtrace_lint.source.import_resolver import FileStamps
    from archtrace_reports.check.cells import Cells
    from archtrace_reports.check.noqa import Comment

Placed = TypeVar("Placed", Problem, ProblemStep)

#: Bytes of code that nobody wrote by hand; and of a notebook, most of which may be pictures that its cells put out.
LARGEST, LARGEST_NOTEBOOK = 5_000_000, 500_000_000


def check_file(path: str, settings: Settings) -> list[Problem]:
    """The findings in a file, in order. A file that cannot be read or parsed is one finding."""
    asked: FileStamps = {}
    try:
        findings = Findings(check_data(path, read(path), settings, asked))
        findings.files = tuple(asked.items())
        return findings
    except OSError as error:
        found = _unread(path, f"cannot be read: {error.strerror or error}")
        return [found] if settings.wants(found.code, path) else []


def check_data(path: str, data: bytes, settings: Settings, asked: FileStamps | None = None) -> list[Problem]:
    """The findings in what a file holds, or is to hold, in order. `asked`: takes in the other files looked for."""
    return [finding for finding in _found(path, data, settings, asked) if settings.wants(finding.code, path)]


def read(path: str) -> bytes:
    """The bytes of a file, few more than are read. A pipe might never end, so it is not begun."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("it is no regular file")
    with open(path, "rb") as file:
        return file.read(largest(path) + 1)


def largest(path: str) -> int:
    """Bytes of a file that are read; a larger one is told as that."""
    return LARGEST_NOTEBOOK if path.endswith(".ipynb") else LARGEST


def _found(path: str, data: bytes, settings: Settings, asked: FileStamps | None) -> list[Problem]:
    if len(data) > largest(path):
        return [_unread(path, f"is larger than {largest(path) // 10**6} MB: no one wrote it by hand; exclude it")]
    return (_notebook if path.endswith(".ipynb") else _python)(path, data, settings, asked)


def _unread(path: str, why: str, line: int = 1, col: int = 1) -> Problem:
    return Problem(path, line, col, line, col + 1, "AT000", why)


def _unparsed(error: UnreadableError, text: str = "") -> Problem:
    """A file that does not parse, or a cell; in bytes that are no text there is no line to show."""
    found = _unread(error.path, f"does not parse: {error.reason}", error.line, error.col)
    return found._replace(steps=(step(found[1:5], "", text.split("\n")),)) if text else found


def _notebook(path: str, data: bytes, settings: Settings, asked: FileStamps | None) -> list[Problem]:
    from archtrace_reports.check.cells import cells

    try:
        found = cells(path, data, LARGEST)
    except UnreadableError as error:
        return [_unparsed(error)]
    broken = [_in_cell(_unparsed(c.broken, c.text), found.start(c), found) for c in found.cells if c.broken]
    told = [_in_cell(finding, 0, found) for finding in _python(path, found.source, settings, asked)]
    return sorted([*broken, *told], key=lambda finding: (finding.cell, finding.line, finding.col, finding.code))


def _in_cell(finding: Problem, start: int, found: Cells) -> Problem:
    """As it stands in its cell; its steps may stand in others. A notebook is not mended."""
    steps = tuple(_indented(_placed(each, start, found), each) for each in finding.steps)
    return _placed(finding, start, found)._replace(steps=steps, edits=())


def _indented(placed: ProblemStep, before: ProblemStep) -> ProblemStep:
    """With as much before its text as was taken off."""
    space = " " * (placed.col - before.col)
    return placed._replace(text="\n".join(space + line for line in placed.text.split("\n")))


def _placed(one: Placed, start: int, found: Cells) -> Placed:
    """A finding or a step that stands `start` lines further down in the source."""
    cell, line = found.place(one.line + start)
    return one._replace(
        line=line,
        col=one.col + cell.indent,
        end_line=one.end_line - one.line + line,
        end_col=one.end_col + cell.indent,
        cell=cell.number,
    )


def _python(path: str, source: bytes | str, settings: Settings, asked: FileStamps | None) -> list[Problem]:
    try:
        violations = check_source(path, source, read_files=asked)
    except UnreadableError as error:
        return [_unparsed(error, _text(path, source))]
    if not violations and not _names_ours(source):
        return []
    return _heard(path, source, violations, settings)


def _text(path: str, source: bytes | str) -> str:
    """The text of a source; none where its bytes are not what it declares."""
    from archtrace_lint.source.decode import decoded

    try:
        return decoded(path, source) if isinstance(source, bytes) else source
    except UnreadableError:
        return ""


def _names_ours(source: bytes | str) -> bool:
    """Whether a comment may name a code of ours in vain. Few files have one: `in` finds that out before a pattern."""
    data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    if b"noqa" not in (small := data.lower()):
        return False
    import re

    return re.search(rb"noqa.*\bat\d", small) is not None


def _heard(path: str, source: bytes | str, violations: Sequence[Violation], settings: Settings) -> list[Problem]:
    """Findings that no noqa comment covers, and comments that cover none."""
    from archtrace_reports.check.noqa import comments, unused

    text = _text(path, source)
    given = comments(text)
    lines = text.split("\n")
    kept = [v for v in violations if not any(c.covers(v.code, v.line, v.end_line) for c in given)]
    idle = unused(given, [(v.code, v.line, v.end_line) for v in violations])
    found = [_finding(v, lines) for v in kept]
    found += [_idle(path, comment, code, lines) for comment, code in idle if settings.wants(code, path)]
    return sorted(found, key=lambda finding: (finding.line, finding.col, finding.code))


def _idle(path: str, comment: Comment, code: str, lines: Sequence[str]) -> Problem:
    place = (comment.line, comment.col, comment.line, comment.end_col)
    told = (path, *place, "AT099", f"noqa: nothing here is {code}", "", lines[comment.line - 1].strip())
    return Problem(*told, about=code, steps=(step(place, "", lines),))


def _finding(violation: Violation, lines: Sequence[str]) -> Problem:
    text = lines[violation.line - 1].strip() if violation.line <= len(lines) else ""
    told = (*violation[2:7], violation.code, violation.message, violation.function, text)
    steps = tuple(step(each[:4], each.note, lines) for each in violation.flow)
    return Problem(*told, edits=_edits(violation, lines), steps=steps)


def _edits(violation: Violation, lines: Sequence[str]) -> tuple[Edit, ...]:
    if not violation.fix:
        return ()
    from archtrace_reports.check.line_width import kept_to

    return kept_to(violation.fix, violation.path, lines)
