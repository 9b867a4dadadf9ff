"""What a page says of the tree is there: files, folders and modules by the names that they have now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import PAGES, ROOT, lines_of_code, tokens
from .test_recipes import RECIPE

TRACER = ROOT / "tracer" / "archtrace"
#: From where a page may name a path: the repository, the packages, and inside the analysis its folders.
BASES = (ROOT, ROOT / "tracer", ROOT / "reports", TRACER)
#: The first word of a path of this tree; all others are somebody else's.
FIRST = {"tracer", "reports", "tests", "docs", *(p.name for base in BASES[1:] for p in base.iterdir() if p.is_dir())}
PATH = re.compile(r"[\w-]+(?:/[\w.-]+)+/?")
IMPORT = re.compile(r"(?:>>> )?\s*from (archtrace[\w.]*) import ([\w, ]+)")
#: The files that a reader of docs/adding-a-rule.md makes.
MADE = {recipe["path"] for recipe in RECIPE.finditer((ROOT / "docs" / "adding-a-rule.md").read_text("utf-8"))}


def paths(page: Path) -> list[str]:
    """The paths of this tree that a page's sentences name in code."""
    code = [token.content for token in tokens(page) if token.type == "code_inline"]
    return [text for text in code if PATH.fullmatch(text) and text.split("/")[0] in FIRST and text not in MADE]


def is_there(path: str) -> bool:
    """Whether a path of the tree exists; a module may be named without its ending."""
    return any((base / name).exists() for base in BASES for name in (path, f"{path}.py"))


def imports(page: Path) -> list[tuple[str, str]]:
    """What a page imports from archtrace: module, name."""
    found = [match.groups() for line in lines_of_code(page) if (match := IMPORT.match(line))]
    return [(module, name.strip()) for module, names in found for name in names.split(",")]


def can_be_imported(module: str, name: str) -> bool:
    """Whether `from module import name` works."""
    try:
        exec(f"from {module} import {name}", {})
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_path_exists(page: Path) -> None:
    assert [path for path in paths(page) if not is_there(path)] == []


@pytest.mark.parametrize("page", [p for p in PAGES if imports(p)], ids=lambda page: str(page.relative_to(ROOT)))
def test_each_import_works(page: Path) -> None:
    assert [names for names in imports(page) if not can_be_imported(*names)] == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    code = "```python\nfrom archtrace.testing import assert_reads, no\n```\n"
    page.write_text(f"`reach/marks`, `reach/maarks`, `vllm/config.py`, `tests/docs/`\n\n{code}")
    assert [path for path in paths(page) if not is_there(path)] == ["reach/maarks"]
    assert [names for names in imports(page) if not can_be_imported(*names)] == [("archtrace.testing", "no")]
    assert "tracer/archtrace/ops.py" in paths(ROOT / "docs" / "adding-a-rule.md")
