"""One file: read, checked, its noqa comments heard."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archtrace.lint import UnreadableError, Violation, check_source
from archtrace_reports.check.finding import Finding
from archtrace_reports.check.settings import Settings

if TYPE_CHECKING:
    from archtrace_reports.check.cells import Cells

#: Bytes of a file that nobody wrote by hand.
LARGEST = 5_000_000


def check_file(path: str, settings: Settings) -> list[Finding]:
    """The findings in a file, in order. A file that cannot be read or parsed is one finding."""
    try:
        data = _read(path)
    except OSError as error:
        found = [_unread(path, f"cannot be read: {error.strerror or error}")]
    else:
        found = _found(path, data, settings)
    return [finding for finding in found if settings.wants(finding.code, path)]


def _read(path: str) -> bytes:
    """The bytes of a file, few more than are read. A pipe might never end, so it is not begun."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("it is no regular file")
    with open(path, "rb") as file:
        return file.read(LARGEST + 1)


def _found(path: str, data: bytes, settings: Settings) -> list[Finding]:
    if len(data) > LARGEST:
        return [_unread(path, f"is larger than {LARGEST // 10**6} MB: no one wrote it by hand; exclude it")]
    return _notebook(path, data, settings) if path.endswith(".ipynb") else _python(path, data, settings)


def _unread(path: str, why: str, line: int = 1, col: int = 1) -> Finding:
    return Finding(path, line, col, line, col + 1, "AT000", why)


def _notebook(path: str, data: bytes, settings: Settings) -> list[Finding]:
    from archtrace_reports.check.cells import cells

    try:
        found = cells(data)
    except ValueError as error:
        return [_unread(path, f"does not parse: {error}")]
    return [_in_cell(finding, found) for finding in _python(path, found.source, settings)]


def _in_cell(finding: Finding, found: Cells) -> Finding:
    cell, line = found.place(finding.line)
    return finding._replace(line=line, end_line=finding.end_line - finding.line + line, cell=cell, fixable=False)


def _python(path: str, source: bytes | str, settings: Settings) -> list[Finding]:
    try:
        violations = check_source(path, source)
    except UnreadableError as error:
        return [_unread(path, f"does not parse: {error.reason}", error.line, error.col)]
    noqa, code = (b"noqa", b"AT") if isinstance(source, bytes) else ("noqa", "AT")
    if not violations and not (noqa in source and code in source):  # type: ignore[operator]
        return []
    return _heard(path, source, violations, settings)


def _heard(path: str, source: bytes | str, violations: Sequence[Violation], settings: Settings) -> list[Finding]:
    """Findings that no noqa comment covers, and comments that cover none."""
    from archtrace.lint.decode import decoded
    from archtrace_reports.check.noqa import comments, unused

    text = decoded(path, source) if isinstance(source, bytes) else source
    given = comments(text)
    lines = text.split("\n")
    kept = [v for v in violations if not any(c.covers(v.code, v.line, v.end_line) for c in given)]
    idle = unused(given, [(v.code, v.line, v.end_line) for v in violations])
    found = [_finding(v, lines) for v in kept]
    found += [
        Finding(path, c.line, c.col, c.line, c.end_col, "AT099", f"noqa: nothing here is {code}", "", lines[c.line - 1])
        for c, code in idle
        if settings.wants(code, path)
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.col, finding.code))


def _finding(violation: Violation, lines: Sequence[str]) -> Finding:
    text = lines[violation.line - 1].strip() if violation.line <= len(lines) else ""
    fixable = violation.fix is not None
    return Finding(*violation[2:7], violation.code, violation.message, violation.function, text, 0, fixable)


def known() -> tuple[tuple[str, str], ...]:
    """Every code that a check may tell, with its name."""
    from archtrace.lint import rules
    from archtrace_reports.check.finding import OWN

    return tuple(sorted([*OWN.items(), *((rule.code, rule.name) for rule in rules())]))
