"""A release that is too old is refused; docs/versions.md, pyproject.toml and the refusal name the same ranges."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import matrix_page
import pytest
from matrix_rows import ROWS

import archtrace
from archtrace.errors import MissingError
from archtrace.tracing import optional_dependencies

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "versions.md").read_text("utf-8")
HEADS, _, *LINES = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line[:1] == "|"]
TABLE = [dict(zip(HEADS, line, strict=True)) for line in LINES]


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, **releases: str) -> None:
    """Let the environment say that it holds these releases."""
    for name, release in releases.items():
        facts = folder / f"{name}-{release}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize(
    ("releases", "what", "do"),
    [
        ({"transformers": "4.47.1"}, "transformers 4.47.1 is too old", "pip install 'transformers>=4.48'"),
        ({"transformers": "4.9.2"}, "transformers 4.9.2 is too old", "pip install 'transformers>=4.48'"),
        ({"torch": "2.9.1+cu128"}, r"torch 2.9.1\+cu128 is too old", "pip install 'torch>=2.10'"),
        (
            {"torch": "1.13.1", "transformers": "3.0"},
            "torch 1.13.1 and transformers 3.0 are too old",
            "pip install 'torch>=2.10' 'transformers>=4.48'",
        ),
    ],
)
def test_a_release_that_is_too_old_is_refused(
    releases: dict[str, str], what: str, do: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, **releases)
    with pytest.raises(MissingError, match=what) as caught:
        archtrace.trace("bert")
    assert str(caught.value).splitlines()[-1] == f"  do: {do}"


@pytest.mark.parametrize(
    "releases", [{"transformers": "4.48.0", "torch": "2.10.0"}, {"transformers": "5.0.0rc1"}, {"torch": "2.13.0+cpu"}]
)
def test_a_release_in_the_range_is_taken(
    releases: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, **releases)
    optional_dependencies.require()


def numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release.split("+", maxsplit=1)[0]))


@pytest.mark.parametrize("name", optional_dependencies.OLDEST)
def test_the_page_and_the_ranges_agree(name: str) -> None:
    """The oldest release that is allowed is the oldest that ran, patch releases aside; what is refused is older."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"{name}>={optional_dependencies.OLDEST[name]}" in project["optional-dependencies"]["trace"]
    oldest = numbers(optional_dependencies.OLDEST[name])
    ran = [numbers(row[name]) for row in TABLE if row["result"] == "runs"]
    assert min(ran)[: len(oldest)] == oldest
    refused = [row for row in TABLE if row["result"] == "refused"]
    assert all(
        any(numbers(row[n]) < numbers(optional_dependencies.OLDEST[n]) for n in optional_dependencies.OLDEST)
        for row in refused
    )


def test_the_oldest_hub_that_is_allowed_is_the_oldest_that_ran() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    (oldest,) = re.findall(r'"huggingface_hub>=([\d.]+)"', text)
    ran = [numbers(row["huggingface_hub"]) for row in TABLE if row["result"] == "runs"]
    assert min(ran)[: len(numbers(oldest))] == numbers(oldest)


def test_the_page_has_every_row_and_none_that_fails() -> None:
    asked = [(row.torch, row.transformers, row.runs) for row in ROWS]
    assert [(row["torch"].split("+")[0], row["transformers"], row["result"] == "runs") for row in TABLE] == asked
    assert {row["result"] for row in TABLE} == {"runs", "refused"}


def test_what_was_tested_together_stands_in_the_page() -> None:
    pinned = dict(re.findall(r"^(\w+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.M))
    assert any(all(row[name].split("+")[0] == pinned[name] for name in optional_dependencies.OLDEST) for row in TABLE)


def test_a_page_tells_what_fails_and_what_was_not_run() -> None:
    first, second, third = ROWS[:3]
    wrong = {"test_live": {"test_a": "", "test_b": "AssertionError: no"}}
    page = matrix_page.page({first: {"failed": "no such release"}, second: {"tests": wrong}})
    lines = {row: next(line for line in page.splitlines() if f"| {row.transformers} |" in line) for row in ROWS[:3]}
    assert "**fails**" in lines[first]
    assert "1 of 2" in lines[second]
    assert "**fails**" in lines[second]
    assert "not run" in lines[third]
    assert f"transformers {first.transformers}: no such release" in page
    assert f"transformers {second.transformers}: `test_b`: AssertionError: no" in page
