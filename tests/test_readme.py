"""The README's first screen is the real answer."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_first_screen_is_real() -> None:
    """python docs/make_readme_answer.py would change nothing."""
    made = runpy.run_path(str(ROOT / "docs" / "make_readme_answer.py"))
    assert made["block"](made["answer"]()) == (ROOT / "README.md").read_text()


def stated(page: str, pattern: str) -> list[str]:
    """What a page below docs/rules says, where a pattern first finds it."""
    found = re.search(pattern, " ".join((ROOT / "docs" / "rules" / page).read_text().split()))
    assert found, pattern
    return [*found.groups()]


def test_what_it_found_is_what_the_field_test_says() -> None:
    """Whose figures a command makes: the README must not be older."""
    readme = " ".join((ROOT / "README.md").read_text().split())
    before, after = stated(
        "field.md", r"In transformers 4\.31\.0 these are (\d+) .*? in 4\.48\.3 they are (\d+) in torch"
    )
    assert f"GPT-2, LLaMA and {int(before) - 2} more classifiers" in readme
    assert f"up to {after} classifiers" in readme
    repositories, found_in, share = stated(
        "field.md", r"(\d+) repositories .*?\| all \| \d+ \| (\d+) \|[^%]* (\d+) % \|"
    )
    assert f"in {found_in} of {repositories} public repositories" in readme
    assert f"{share} % are right" in readme
    assert f"BioGPT did so up to {stated('AT001.md', r'BioGPT, up to transformers ([0-9.]+) ')[0]}." in readme
