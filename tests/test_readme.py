"""The README's first screen is the real answer."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_first_screen_is_real() -> None:
    """python docs/make_readme_answer.py would change nothing."""
    made = runpy.run_path(str(ROOT / "docs" / "make_readme_answer.py"))
    assert made["block"](made["answer"]()) == (ROOT / "README.md").read_text()
