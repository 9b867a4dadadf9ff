"""Fix: one file mended, whole or not at all. Its coding, its line ends and all that is not mended stay as they are."""

from __future__ import annotations

from pathlib import Path

from archtrace.lint import Violation, check_source, fixed
from archtrace.lint.decode import declared, exactly
from archtrace_reports.check.finding import Finding
from archtrace_reports.check.one import check_file
from archtrace_reports.check.settings import Settings
from archtrace_reports.files import replace


def fix_file(path: str, settings: Settings) -> list[Finding]:
    """Mend what can be mended; what was. What does not fit is left, and the next check tells it again."""
    wanted = {(f.line, f.col, f.code): f for f in check_file(path, settings) if f.fixable}
    if not wanted:
        return []
    data = Path(path).read_bytes()
    chosen = [v for v in check_source(path, data) if (v.line, v.col, v.code) in wanted]
    mended = _mended(path, data, chosen)
    if mended == data:
        return []
    replace(Path(path).resolve(), mended)
    return [*wanted.values()]


def _mended(path: str, data: bytes, chosen: list[Violation]) -> bytes:
    """The bytes with the fixes in them; as they were, where a codec does not give back what it took."""
    coding = declared(path, data)
    text = exactly(path, data, coding)
    return fixed(text, chosen).encode(coding) if text.encode(coding) == data else data
