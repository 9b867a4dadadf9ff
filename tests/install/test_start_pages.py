"""The pages for newcomers from nothing installed: the first step too, and the rest in what it made. Minutes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from start_pages import PAGES, follow, steps

from .conftest import MISLEADING, ROOT, Release


@pytest.mark.sweep
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_works_from_nothing(
    page: Path, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it installs is the wheel of the tree, beside the versions that were tested together."""
    for name in MISLEADING:
        monkeypatch.delenv(name, raising=False)
    project = tmp_path / "project"
    project.mkdir()
    variables = {
        "PIP_FIND_LINKS": str(release.folder),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "COLUMNS": "80",
        "PATH": os.pathsep.join([str(project / ".venv" / "bin"), os.environ["PATH"]]),
    }
    for step in steps(page):
        follow(step, project, variables)
