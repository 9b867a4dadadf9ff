"""Baseline: findings of old code that are known and not told again. By code, file and text, so that lines may move."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeAlias

from archtrace.errors import TargetError
from archtrace_reports.check.finding import Finding
from archtrace_reports.check.paths import relative
from archtrace_reports.check.settings import Settings
from archtrace_reports.files import replace

FORMAT = 1

#: Code, path from the root on, text of the line.
Key: TypeAlias = tuple[str, str, str]


def kept(file: Path, findings: Sequence[Finding], root: Path, checked: Collection[str]) -> None:
    """Write the findings down. What the file knew of files that are there and were not checked now stays."""
    places = {relative(path, root) for path in checked}
    others = [key for key in _known(file).elements() if _elsewhere(key, places, root)] if file.exists() else []
    known = sorted([*others, *(_key(finding, root) for finding in findings)])
    replace(file.resolve(), json.dumps({"format": FORMAT, "known": known}, indent=1) + "\n")


def fresh(
    file: Path, findings: Sequence[Finding], settings: Settings, checked: Collection[str]
) -> tuple[list[Finding], int]:
    """The findings that are not known, each known one counting once; and how many known ones are no more."""
    known, root = _known(file), settings.root
    left = []
    for finding in findings:
        key = _key(finding, root)
        if known[key] > 0:
            known[key] -= 1
        else:
            left.append(finding)
    places = {relative(path, root) for path in checked}
    idle = (key for key in known.elements() if settings.wants(key[0], str(root / key[1])))
    return left, sum(not _elsewhere(key, places, root) for key in idle)


def _known(file: Path) -> Counter[Key]:
    """What a baseline knows. Raises TargetError where the file cannot be read."""
    try:
        return Counter(_as_key(*entry) for entry in json.loads(file.read_text("utf-8"))["known"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            f"{file} is no baseline ({type(error).__name__}: {error}); make one with archtrace check --update-baseline"
        ) from None


def _as_key(code: str, path: str, text: str) -> Key:
    return code, path, text


def _elsewhere(key: Key, checked: Collection[str], root: Path) -> bool:
    """Whether an entry is of a file that this check has not looked at, and that is still there."""
    return key[1] not in checked and (root / key[1]).exists()


def _key(finding: Finding, root: Path) -> Key:
    return finding.code, relative(finding.path, root), finding.text
