"""What mkdocs cannot do by itself for the site of these pages: a hook of `mkdocs build`, named in mkdocs.yml.

The README is the front page, and the papers beside it are pages: no second copy is kept. A file outside `docs` that a
page links to, a schema say, is brought along. The rules are listed by what stands in their folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

#: Files at the root that are pages of the site, and what they are called there.
ROOT_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}

#: A link from a page of `docs` to a file of the sources; there it stands in the folder `source`.
OUTSIDE = re.compile(r"\]\(\.\./((?:reports|tracer|tests)/[^)#]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List a page a rule behind the overview of the rules, in the order of their codes."""
    rules = sorted(page.name for page in (ROOT / "docs" / "rules").glob("AT*.md"))
    section = next(entry["Rules"] for entry in config.nav or () if "Rules" in entry)
    section += [f"rules/{name}" for name in rules]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand at the root, and the linked files of the sources."""
    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, content=moved((ROOT / name).read_text())))
    for path in sorted(set(linked(files))):
        files.append(File.generated(config, f"source/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links out of `docs` to where `on_files` has put what they name."""
    for name, own in ROOT_PAGES.items():
        markdown = markdown.replace(f"](../{name}", f"]({own}")
    return OUTSIDE.sub(r"](source/\1", markdown)


def moved(text: str) -> str:
    """The text of a page at the root, whose links start in `docs` and know the names of the other pages there."""
    for name, page in ROOT_PAGES.items():
        text = text.replace(f"]({name}", f"]({page}")
    return text.replace("](docs/", "](")


def linked(files: Files) -> Iterator[str]:
    """The files of the sources to which pages link, seen from the root."""
    for file in files.documentation_pages():
        yield from OUTSIDE.findall(file.content_string)
