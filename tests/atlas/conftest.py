"""What the tests of the atlas share: real answers of two releases, made once, and a folder with their atlas."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from archtrace_reports.atlas.site import write
from archtrace_reports.atlas.site.edition_files import read
from archtrace_reports.text.report import Report, Unanswered, report

#: Made in an environment with transformers 4.48.3: archtrace bert gpt2 --format json
OLDER = Path(__file__).with_name("transformers-4.48.3.json")
SMALL = {
    "bert": {"hidden_size": 48, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2},
    "gpt2": {"n_embd": 48, "n_head": 2, "n_layer": 2},
    "fnet": {"hidden_size": 48, "intermediate_size": 48, "num_hidden_layers": 2},
}
REFUSED = Unanswered("transformers:BltForCausalLM", "it cannot be followed\n  why: it branches\n  do: nothing")


@pytest.fixture(scope="session")
def newer() -> Report:
    """Answers of the installed release: three small models, one of them with another head, and a refusal."""
    from archtrace import trace

    results = [trace(name, overrides=fields).result for name, fields in SMALL.items()]
    results.append(trace("bert", overrides=SMALL["bert"], head="token-classification").result)
    return report([*results, REFUSED])


@pytest.fixture(scope="session")
def older() -> Report:
    """Answers of a release that reads GPT-2 otherwise."""
    return read(OLDER)


@pytest.fixture(scope="session")
def made(newer: Report, older: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the atlas of both."""
    folder = tmp_path_factory.mktemp("made") / "atlas"
    write([newer, older], folder)
    return folder


class Page(HTMLParser):
    """The tags of a page with their attributes, its ids, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def ids(self) -> set[str]:
        """What a fragment may name."""
        return {attributes["id"] for _, attributes in self.tags if "id" in attributes}

    @property
    def links(self) -> list[str]:
        """Where its links, styles and scripts lead."""
        return [a[name] for _, a in self.tags for name in ("href", "src") if name in a]

    @property
    def choices(self) -> dict[str, set[str]]:
        """The values that a filter may have, by its name."""
        found: dict[str, set[str]] = {}
        for tag, attributes in self.tags:
            if tag == "select":
                found[attributes["name"]] = options = set()
            elif tag == "option":
                options.add(attributes["value"])
        return found


def pages(folder: Path) -> Mapping[Path, Page]:
    """Every page of an atlas."""
    return {file: Page(file.read_text("utf-8")) for file in sorted(folder.rglob("*.html"))}


def broken(folder: Path) -> list[str]:
    """The links of an atlas that lead nowhere: to no file, to no place in it, or to a filter that it has not."""
    found = pages(folder)
    return [
        f"{file.relative_to(folder)}: {link}"
        for file, page in found.items()
        for link in page.links
        if not _leads(link, file, found)
    ]


def _leads(link: str, file: Path, found: Mapping[Path, Page]) -> bool:
    place, _, fragment = link.partition("#")
    target = (file.parent / unquote(place)).resolve() if place else file
    if not target.is_file():
        return False
    if not fragment:
        return True
    name, equals, value = unquote(fragment).partition("=")
    if not equals:
        return name in found[target].ids
    return name == "q" or value in found[target].choices.get(name, ())
