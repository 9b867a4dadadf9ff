"""The page for who adopts archtrace is what happens when one does what it says."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_shows_what_its_commands_print() -> None:
    """python docs/make_adopt.py would change nothing."""
    made = runpy.run_path(str(DOCS / "make_adopt.py"))
    text = (DOCS / "adopt.md").read_text("utf-8")
    assert made["page"](text) == text
