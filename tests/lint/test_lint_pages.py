"""The pages on disk are what the rules say."""

from __future__ import annotations

import runpy
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs"


def test_the_pages_are_made_from_the_rules() -> None:
    """Made anew, they do not differ; and there is no page of a rule that is no more."""
    made = runpy.run_path(str(FOLDER / "make_rule_pages.py"))["pages"]()
    hint = "run: python docs/make_rule_pages.py"
    assert {name: (FOLDER / "rules" / name).read_text(encoding="utf-8") for name in made} == made, hint
    assert {page.name for page in (FOLDER / "rules").glob("*.md")} == {*made, "field.md", "models.md"}


def test_every_hit_of_the_field_test_was_judged() -> None:
    """No hit is open, of packages and of repositories, and the report says how many false alarms there were."""
    text = (FOLDER / "rules" / "field.md").read_text(encoding="utf-8")
    assert "(open" not in text
    assert "of them false alarms" in text
