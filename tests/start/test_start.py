"""Each page for newcomers is what happens when one does what it says, with nothing that is not on the page."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from start_pages import PAGES, ROOT, follow, shows, steps


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The programs of this environment, without a network, and with a cache of its own."""
    sources = os.pathsep.join([str(ROOT / "tracer"), str(ROOT / "reports")])
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cache = str(tmp_path / "cache")
    return {"PATH": programs, "PYTHONPATH": sources, "HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": cache, "COLUMNS": "80"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_step_of_the_page_works(page: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    """But for the first, which installs: tests/install runs it too."""
    first, *rest = steps(page)
    assert first.installs
    assert not any(step.installs for step in rest)
    (tmp_path / "project").mkdir()
    for step in rest:
        follow(step, tmp_path / "project", variables)


def test_ci_runs_what_the_page_has_shown() -> None:
    """The workflow's command is the one whose findings stand below it; what it installs is what the page installs."""
    made = [*steps(ROOT / "docs" / "start" / "contract.md")]
    (workflow,) = (step.text for step in made if step.language == "yaml")
    install, check = re.findall(r"- run: (.*)", workflow)
    assert install in made[0].text
    assert check in [step.text.strip() for step in made if step.printed]


@pytest.mark.parametrize(
    ("printed", "real", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\n", "a\n", True),
        ("a at ...\n", "a at 1:2\n", True),
        ("a at ...\n", "a at 1\nb\n", False),
        ("a (b)\n", "a b\n", False),
    ],
)
def test_what_is_cut_is_told_from_what_is_wrong(printed: str, real: str, same: bool) -> None:
    assert shows(printed, real) == same
