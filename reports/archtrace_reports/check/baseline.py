"""Baseline: a file of findings in old code that a check leaves out from then on. Their lines may move."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from archtrace.errors import TargetError
from archtrace_reports.check.fingerprints import Identity, identity
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import Settings
from archtrace_reports.text.files import replace

FORMAT = 1


def write_baseline(file: Path, findings: Sequence[Problem], settings: Settings, checked: Collection[str]) -> None:
    """Write the findings to the baseline. Its entries of files and codes that this check did not cover stay."""
    before = _known(file) if file.exists() else Counter()
    others = before - _in_scope(before, settings, checked)
    known = sorted([*others.elements(), *(identity(finding, settings) for finding in findings)])
    replace(file.resolve(), json.dumps({"format": FORMAT, "known": known}, indent=1) + "\n")


def split_by_baseline(
    file: Path, findings: Sequence[Problem], settings: Settings, checked: Collection[str]
) -> tuple[list[Problem], int]:
    """The findings that the baseline has no entry for, each entry covering one; and how many entries cover none."""
    known = _known(file)
    unknown = []
    for finding in findings:
        key = identity(finding, settings)
        if known[key] > 0:
            known[key] -= 1
        else:
            unknown.append(finding)
    return unknown, _in_scope(known, settings, checked).total()


def _known(file: Path) -> Counter[Identity]:
    """The entries of a baseline. Raises TargetError where the file cannot be read."""
    try:
        return Counter(_as_key(*entry) for entry in json.loads(file.read_text("utf-8"))["known"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            f"{file} is no baseline ({type(error).__name__}: {error}); make one with archtrace check --update-baseline"
        ) from None


def _as_key(code: str, path: str, text: str) -> Identity:
    return code, path, text


def _in_scope(known: Counter[Identity], settings: Settings, checked: Collection[str]) -> Counter[Identity]:
    """The entries that this check would have found again: of its codes, and of its files or those that are gone."""
    checked_paths = {settings.relative(path) for path in checked}
    return Counter(
        {
            key: number
            for key, number in known.items()
            if settings.wants(key[0], os.path.join(settings.root, key[1]))
            and (key[1] in checked_paths or not os.path.exists(os.path.join(settings.root, key[1])))
        }
    )
