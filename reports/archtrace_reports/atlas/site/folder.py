"""Folder: which files are the atlas's own. A run replaces what an earlier one made, and leaves all else alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from archtrace.errors import TargetError, message
from archtrace_reports.text.files import replace

#: The file by which an atlas is known.
MARK = "atlas.json"
#: Stands in each page of an atlas: a page without it was made by something else.
GENERATOR = '<meta name="generator" content="archtrace atlas">'


def check(folder: Path) -> None:
    """Raise TargetError where no atlas can be written to this folder; to be called before any work is done."""
    if folder.exists() and not folder.is_dir():
        raise _refusal(folder, "it is a file", "name a folder")
    parent = next(each for each in (folder, *folder.resolve().parents) if each.exists())
    if not os.access(parent, os.W_OK):
        raise _refusal(folder, f"{parent} may not be written", "name a folder of your own")
    others = [each.name for each in folder.iterdir() if not each.name.startswith(".")] if folder.is_dir() else []
    if others and not is_atlas(folder):
        raise _refusal(folder, f"it holds other files ({min(others)}) and no {MARK}", "name a new or an empty folder")


def _refusal(folder: Path, why: str, do: str) -> TargetError:
    return TargetError(message(f"no atlas can be written to {folder}", why=why, do=do))


def is_atlas(folder: Path) -> bool:
    """Whether the folder holds an atlas, of whatever format."""
    try:
        content = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"atlas", "editions", "rows"} <= content.keys()


def fill(folder: Path, files: Mapping[str, str]) -> None:
    """Write these files, each whole or not at all, and remove those of an earlier atlas that are none of them.

    The mark comes first: a run that is ended in the middle leaves a folder that the next one takes for an atlas.
    """
    check(folder)
    for name in (MARK, *(name for name in files if name != MARK)):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, files[name])
    for page in (*folder.glob("*.html"), *folder.glob("models/*.html")):
        if page.relative_to(folder).as_posix() not in files and _is_own(page):
            page.unlink()


def _is_own(page: Path) -> bool:
    return page.is_file() and GENERATOR in page.read_text("utf-8", "replace")[:1000]
