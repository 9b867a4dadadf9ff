"""One file: read, checked, its noqa comments heard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from archtrace.lint import UnreadableError, Violation, check_source
from archtrace_reports.check.cells import Cells, cells
from archtrace_reports.check.finding import Finding
from archtrace_reports.check.settings import Settings

#: Bytes of a file that nobody wrote by hand.
LARGEST = 5_000_000
#: A comment that may name a code of ours in vain, in small letters.
_NAMED = re.compile(rb"noqa.*\bat\d")


def check_file(path: str, settings: Settings) -> list[Finding]:
    """The findings in a file, in order. A file that cannot be read or parsed is one finding."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return [_unread(path, f"cannot be read: {error.strerror or error}")]
    if len(data) > LARGEST:
        return [_unread(path, f"is larger than {LARGEST // 10**6} MB: no one wrote it by hand; exclude it")]
    found = _notebook(path, data, settings) if path.endswith(".ipynb") else _python(path, data, settings)
    return [finding for finding in found if settings.wants(finding.code, path)]


def _unread(path: str, why: str, line: int = 1, col: int = 1) -> Finding:
    return Finding(path, line, col, line, col + 1, "AT000", why)


def _notebook(path: str, data: bytes, settings: Settings) -> list[Finding]:
    try:
        found = cells(data)
    except ValueError as error:
        return [_unread(path, f"does not parse: {error}")]
    return [_in_cell(finding, found) for finding in _python(path, found.source.encode(), settings)]


def _in_cell(finding: Finding, found: Cells) -> Finding:
    cell, line = found.place(finding.line)
    return finding._replace(line=line, end_line=finding.end_line - finding.line + line, cell=cell, fixable=False)


def _python(path: str, data: bytes, settings: Settings) -> list[Finding]:
    try:
        violations = check_source(path, data)
    except UnreadableError as error:
        return [_unread(path, f"does not parse: {error.reason}", error.line, error.col)]
    if not violations and not _names_ours(data.lower()):
        return []
    return _heard(path, data, violations, settings)


def _names_ours(small: bytes) -> bool:
    """Few files have such a comment, and `in` finds that out ten times sooner than the pattern."""
    return b"noqa" in small and _NAMED.search(small) is not None


def _heard(path: str, data: bytes, violations: Sequence[Violation], settings: Settings) -> list[Finding]:
    """Findings that no noqa comment covers, and comments that cover none."""
    from archtrace.lint.decode import decoded
    from archtrace_reports.check.noqa import comments, unused

    source = decoded(path, data)
    given = comments(source)
    lines = source.split("\n")
    kept = [v for v in violations if not any(c.covers(v.code, v.line, v.end_line) for c in given)]
    idle = unused(given, [(v.code, v.line, v.end_line) for v in violations])
    found = [_finding(v, lines) for v in kept]
    found += [
        Finding(
            path,
            c.line,
            c.col,
            c.line,
            c.end_col,
            "AT099",
            f"noqa: nothing here is {code}",
            "",
            lines[c.line - 1].strip(),
            about=code,
        )
        for c, code in idle
        if settings.wants(code, path)
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.col, finding.code))


def _finding(violation: Violation, lines: Sequence[str]) -> Finding:
    text = lines[violation.line - 1].strip() if violation.line <= len(lines) else ""
    fixable = violation.fix is not None
    return Finding(*violation[2:7], violation.code, violation.message, violation.function, text, 0, fixable)


@lru_cache(maxsize=1)
def known() -> tuple[tuple[str, str], ...]:
    """Every code that a check may tell, with its name."""
    from archtrace.contract.rules import rules as graph_rules
    from archtrace.lint import rules
    from archtrace_reports.check.finding import OWN

    named = {rule.code: rule.name for rule in rules()} | {rule.code: rule.name for rule in graph_rules()}
    return tuple(sorted({**OWN, **named}.items()))


def fix_file(path: str, settings: Settings) -> Iterator[Finding]:
    """Mend what can be mended in a file, whole or not at all; yields what was mended."""
    from pathlib import Path

    from archtrace.lint import fixed
    from archtrace.lint.decode import decoded
    from archtrace_reports.files import replace

    wanted = {(f.line, f.col, f.code): f for f in check_file(path, settings) if f.fixable}
    if not wanted:
        return
    data = Path(path).read_bytes()
    source = decoded(path, data)
    chosen = [v for v in check_source(path, data) if (v.line, v.col, v.code) in wanted]
    mended = fixed(source, chosen)
    if mended == source or data != source.encode():
        return  # nothing fits, or the file's coding or line ends would change
    replace(Path(path).resolve(), mended)
    yield from wanted.values()
