"""The pages that a reader of the project meets, parsed: what links and what commands stand in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MARKDOWN = MarkdownIt("commonmark").enable("table")

#: What may stand before a command: a prompt, or the key of a workflow's step.
PROMPT = re.compile(r"^\s*(?:\$ |(?:- )?run: )?")
#: cli.md sets what a command does beside it.
BESIDE = re.compile(r"\s{4,}(?!#).*")
#: Where a command ends in a line of a shell.
ENDS = frozenset({"&&", "||", "|", ";", "<", ">", ">>"})


@cache
def parsed(page: Path) -> list[Token]:
    """The blocks of a page."""
    return MARKDOWN.parse(page.read_text("utf-8"))


def tokens(page: Path) -> Iterator[Token]:
    """All tokens of a page, those inside of paragraphs and cells too."""
    for token in parsed(page):
        yield token
        yield from token.children or ()


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead, as it says."""
    found = (token.attrGet("href") or token.attrGet("src") for token in tokens(page))
    return [str(link) for link in found if link]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them of their words."""
    heads = (inner for opening, inner in pairwise(parsed(page)) if opening.type == "heading_open")
    return {slug("".join(part.content for part in head.children or ())) for head in heads}


def slug(heading: str) -> str:
    """Letters, digits and hyphens, in lower case: all else is left out."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def lines_of_code(page: Path) -> Iterator[str]:
    """The lines of a page's blocks of code; of a terminal's only what is typed."""
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            lines = token.content.replace("\\\n", " ").splitlines()
            yield from (line for line in lines if token.info != "console" or line.startswith("$ "))


def words(line: str) -> list[str]:
    """A line as a shell takes it apart, without its comment."""
    lexer = shlex.shlex(PROMPT.sub("", line), posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    return [*lexer]


def commands(page: Path) -> list[list[str]]:
    """The commands of archtrace in a page's blocks of code, each as its arguments."""
    found = []
    for line in lines_of_code(page):
        if re.search(r"(^|[\s/])archtrace\s", f"{line} ") and not re.match(r"\s*archtrace \d", line):
            found += [*_commands(words(BESIDE.sub("", PROMPT.sub("", line))))]
    return found


def mentions(page: Path) -> list[list[str]]:
    """The commands of archtrace in a page's sentences, each as its arguments; they may be parts of a command."""
    code = (token.content for token in tokens(page) if token.type == "code_inline")
    return [found for text in code if text.startswith("archtrace ") for found in _commands(words(text))]


def _commands(line: list[str]) -> Iterator[list[str]]:
    """The arguments of each call of archtrace: by its name, by its path, or as a module."""
    starts = [number for number, word in enumerate(line) if Path(word).name == "archtrace"]
    for start in starts:
        if start == 0 or line[start - 1] in {*ENDS, "-m", "uvx"}:
            yield [*takewhile(lambda word: word not in ENDS, line[start + 1 :])]
