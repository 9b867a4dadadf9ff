"""Fix one file, whole or not at all. Its encoding, its line ends and all other text stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from archtrace_lint import UnreadableError, edited
from archtrace_lint.source.decode import declared, exactly
from archtrace_reports.check.check_file import check_data, read
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import Settings
from archtrace_reports.text.files import replace


class FixedFile(NamedTuple):
    """The content of a file before and after, its declared encoding, and the findings that the change fixes."""

    before: bytes
    after: bytes
    coding: str
    findings: tuple[Problem, ...]


def fix_file(path: str, settings: Settings) -> tuple[Problem, ...]:
    """Fix what can be fixed; the findings that were. Edits that do not fit are left for the next check to report."""
    result = with_fixes(path, read(path), settings)
    if result.findings:
        replace(Path(path).resolve(), result.after)
    return result.findings


def with_fixes(path: str, data: bytes, settings: Settings) -> FixedFile:
    """A file with its edits made; as it was, where nothing can be fixed. A notebook is not fixed."""
    coding, text = _read(path, data)
    fixable = tuple(f for f in check_data(path, data, settings) if f.fixable) if text else ()
    after = edited(text, [finding.edits for finding in fixable]).encode(coding) if fixable else data
    return FixedFile(data, after, coding, fixable if after != data else ())


def _read(path: str, data: bytes) -> tuple[str, str]:
    """The encoding and the text of a Python file; no text where encoding it again gives other bytes."""
    if path.endswith(".ipynb"):
        return "utf-8", ""
    try:
        coding = declared(path, data)
        text = exactly(path, data, coding)
    except UnreadableError:
        return "utf-8", ""
    return coding, text if text.encode(coding) == data else ""


def diff(path: str, result: FixedFile) -> str:
    """What would change, as a unified diff; of a file that is as it was nothing."""
    import re
    from difflib import unified_diff

    before, after = (re.findall(r".*\n|.+", text.decode(result.coding)) for text in (result.before, result.after))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in unified_diff(before, after, path, path)
    )
