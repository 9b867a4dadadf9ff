"""Baseline: findings of old code that are known and not told again. By code, file and text, so that lines may move."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeAlias

from archtrace.errors import TargetError
from archtrace_reports.check.paths import relative
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import Settings
from archtrace_reports.text.files import replace

FORMAT = 1

#: Code, path from the root on, text of the line.
Key: TypeAlias = tuple[str, str, str]


def kept(file: Path, findings: Sequence[Problem], settings: Settings, checked: Collection[str]) -> None:
    """Write the findings down. What the file knew of other files and codes than those of this check stays."""
    before = _known(file) if file.exists() else Counter()
    others = before - _looked_at(before, settings, checked)
    known = sorted([*others.elements(), *(_key(finding, settings.root) for finding in findings)])
    replace(file.resolve(), json.dumps({"format": FORMAT, "known": known}, indent=1) + "\n")


def fresh(
    file: Path, findings: Sequence[Problem], settings: Settings, checked: Collection[str]
) -> tuple[list[Problem], int]:
    """The findings that are not known, each known one counting once; and how many known ones are no more."""
    known = _known(file)
    left = []
    for finding in findings:
        key = _key(finding, settings.root)
        if known[key] > 0:
            known[key] -= 1
        else:
            left.append(finding)
    return left, _looked_at(known, settings, checked).total()


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


def _looked_at(known: Counter[Key], settings: Settings, checked: Collection[str]) -> Counter[Key]:
    """The entries that this check would have found again: of its codes, and of its files or those that are gone."""
    places = {relative(path, settings.root) for path in checked}
    return Counter(
        {
            key: number
            for key, number in known.items()
            if settings.wants(key[0], os.path.join(settings.root, key[1]))
            and (key[1] in places or not os.path.exists(os.path.join(settings.root, key[1])))
        }
    )


def _key(finding: Problem, root: str) -> Key:
    return finding.code, relative(finding.path, root), finding.text
