"""One file checked: it is read, the source rules run, and its noqa comments take findings away."""

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

FindingOrStep = TypeVar("FindingOrStep", Problem, ProblemStep)

#: Bytes beyond which code was not written by hand, and a notebook is not read: most of it may be pictures.
LARGEST, LARGEST_NOTEBOOK = 5_000_000, 500_000_000


def check_file(path: str, settings: Settings) -> list[Problem]:
    """The findings in a file, in order. A file that cannot be read or parsed is one finding."""
    imported_files: FileStamps = {}
    try:
        findings = Findings(check_data(path, read(path), settings, imported_files))
        findings.files = tuple(imported_files.items())
        return findings
    except OSError as error:
        finding = _unread(path, f"cannot be read: {error.strerror or error}")
        return [finding] if settings.wants(finding.code, path) else []


def check_data(path: str, data: bytes, settings: Settings, imported_files: FileStamps | None = None) -> list[Problem]:
    """The findings in what a file holds, or is to hold, in order. `imported_files`: is filled
    with the other files that were looked for, and their stamps."""
    return [
        finding for finding in _all_findings(path, data, settings, imported_files) if settings.wants(finding.code, path)
    ]


def read(path: str) -> bytes:
    """The bytes of a file, few more than are read. A pipe might never end, so it is not begun."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("it is no regular file")
    with open(path, "rb") as file:
        return file.read(largest(path) + 1)


def largest(path: str) -> int:
    """How many bytes of a file are read; a larger one is reported as too large."""
    return LARGEST_NOTEBOOK if path.endswith(".ipynb") else LARGEST


def _all_findings(path: str, data: bytes, settings: Settings, imported_files: FileStamps | None) -> list[Problem]:
    if len(data) > largest(path):
        return [_unread(path, f"is larger than {largest(path) // 10**6} MB: no one wrote it by hand; exclude it")]
    return (_notebook if path.endswith(".ipynb") else _python)(path, data, settings, imported_files)


def _unread(path: str, why: str, line: int = 1, col: int = 1) -> Problem:
    return Problem(path, line, col, line, col + 1, "AT000", why)


def _unparsed(error: UnreadableError, text: str = "") -> Problem:
    """A file that does not parse, or a cell; in bytes that are no text there is no line to show."""
    finding = _unread(error.path, f"does not parse: {error.reason}", error.line, error.col)
    return finding._replace(steps=(step(finding[1:5], "", text.split("\n")),)) if text else finding


def _notebook(path: str, data: bytes, settings: Settings, imported_files: FileStamps | None) -> list[Problem]:
    from archtrace_reports.check.cells import cells

    try:
        notebook = cells(path, data, LARGEST)
    except UnreadableError as error:
        return [_unparsed(error)]
    broken = [_in_cell(_unparsed(c.broken, c.text), notebook.start(c), notebook) for c in notebook.cells if c.broken]
    findings = [_in_cell(finding, 0, notebook) for finding in _python(path, notebook.source, settings, imported_files)]
    return sorted([*broken, *findings], key=lambda finding: (finding.cell, finding.line, finding.col, finding.code))


def _in_cell(finding: Problem, start: int, notebook: Cells) -> Problem:
    """As it stands in its cell; its steps may stand in others. A notebook is not fixed."""
    steps = tuple(_indented(_moved_to_cell(step, start, notebook), step) for step in finding.steps)
    return _moved_to_cell(finding, start, notebook)._replace(steps=steps, edits=())


def _indented(placed: ProblemStep, before: ProblemStep) -> ProblemStep:
    """With as much before its text as was taken off."""
    space = " " * (placed.col - before.col)
    return placed._replace(text="\n".join(space + line for line in placed.text.split("\n")))


def _moved_to_cell(finding: FindingOrStep, start: int, notebook: Cells) -> FindingOrStep:
    """A finding or a step that stands `start` lines further down in the source."""
    cell, line = notebook.place(finding.line + start)
    return finding._replace(
        line=line,
        col=finding.col + cell.indent,
        end_line=finding.end_line - finding.line + line,
        end_col=finding.end_col + cell.indent,
        cell=cell.number,
    )


def _python(path: str, source: bytes | str, settings: Settings, imported_files: FileStamps | None) -> list[Problem]:
    try:
        violations = check_source(path, source, read_files=imported_files)
    except UnreadableError as error:
        return [_unparsed(error, _text(path, source))]
    if not violations and not _names_ours(source):
        return []
    return _without_excused(path, source, violations, settings)


def _text(path: str, source: bytes | str) -> str:
    """The text of a source; none where its bytes are not what it declares."""
    from archtrace_lint.source.decode import decoded

    try:
        return decoded(path, source) if isinstance(source, bytes) else source
    except UnreadableError:
        return ""


def _names_ours(source: bytes | str) -> bool:
    """Whether a noqa comment may name a code of archtrace. Few files have one: `in` is faster than the pattern."""
    data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    if b"noqa" not in (small := data.lower()):
        return False
    import re

    return re.search(rb"noqa.*\bat\d", small) is not None


def _without_excused(
    path: str, source: bytes | str, violations: Sequence[Violation], settings: Settings
) -> list[Problem]:
    """The findings that no noqa comment covers, and one for each code that a noqa comment names in vain."""
    from archtrace_reports.check.noqa import comments, unused

    text = _text(path, source)
    comments_here = comments(text)
    lines = text.split("\n")
    uncovered = [v for v in violations if not any(c.covers(v.code, v.line, v.end_line) for c in comments_here)]
    unused_codes = unused(comments_here, [(v.code, v.line, v.end_line) for v in violations])
    findings = [_finding(v, lines) for v in uncovered]
    findings += [
        _unused_noqa(path, comment, code, lines) for comment, code in unused_codes if settings.wants(code, path)
    ]
    return sorted(findings, key=lambda finding: (finding.line, finding.col, finding.code))


def _unused_noqa(path: str, comment: Comment, code: str, lines: Sequence[str]) -> Problem:
    place = (comment.line, comment.col, comment.line, comment.end_col)
    fields = (path, *place, "AT099", f"noqa: nothing here is {code}", "", lines[comment.line - 1].strip())
    return Problem(*fields, about=code, steps=(step(place, "", lines),))


def _finding(violation: Violation, lines: Sequence[str]) -> Problem:
    text = lines[violation.line - 1].strip() if violation.line <= len(lines) else ""
    fields = (*violation[2:7], violation.code, violation.message, violation.function, text)
    steps = tuple(step(each[:4], each.note, lines) for each in violation.flow)
    return Problem(*fields, edits=_edits(violation, lines), steps=steps)


def _edits(violation: Violation, lines: Sequence[str]) -> tuple[Edit, ...]:
    if not violation.fix:
        return ()
    from archtrace_reports.check.line_width import within_line_length

    return within_line_length(violation.fix, violation.path, lines)
