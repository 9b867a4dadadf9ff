"""Every link of the pages leads somewhere: to a file that is there, and to a heading that it has."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .pages import PAGES, ROOT, anchors, links


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere; those to other hosts are not followed."""
    return [link for link in links(page) if not urlsplit(link).scheme and not leads(page, link)]


def leads(page: Path, link: str) -> bool:
    """Whether there is what a link of a page names."""
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A *head*, and `code`\n\n[no](no.md) [here](#a-head-and-code) ![no](no.svg) [no](#ahead) | [t]\n\n[t]: x"
    )
    assert broken(page) == ["no.md", "no.svg", "#ahead", "x"]
    assert {"docs/adopt.md", "docs/gallery/bert.cone.svg"} < {*links(ROOT / "README.md")}
