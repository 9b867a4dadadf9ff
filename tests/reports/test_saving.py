"""Trace.save and Trace.to_json: through the entry points that pyproject.toml declares, and without them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

import archtrace
from archtrace.errors import ArchtraceError, MissingError
from archtrace.tracing.trace import Trace
from archtrace_reports import formats
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


class First(nn.Module):
    """Reads the first position."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(64, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embed(input_ids)[:, 0])
        return logits


@pytest.fixture(scope="module")
def trace() -> Trace:
    """A trace of it."""
    return archtrace.trace(First())


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata with the entry points that the project declares now, whatever was installed when."""
    groups: dict[str, Any] = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["entry-points"]
    folder = tmp_path / "site" / "archtrace_declared-0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: archtrace-declared\nVersion: 0\n")
    lines = (f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in own.items()) for group, own in groups.items())
    (folder / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(folder.parent))


@pytest.mark.usefixtures("declared")
def test_the_ending_names_the_format_and_the_text_is_the_command_lines(trace: Trace, tmp_path: Path) -> None:
    for name in formats.names():
        for suffix in formats.load(name).SUFFIXES:
            file = tmp_path / f"answer{suffix}"
            trace.save(str(file))
            assert file.read_text("utf-8") == formats.load(name).render(report([trace.result]), Look()), suffix


@pytest.mark.usefixtures("declared")
def test_json_is_what_a_file_of_it_holds(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "answer.json")
    assert trace.to_json() == (tmp_path / "answer.json").read_text("utf-8")
    (result,) = json.loads(trace.to_json())["results"]
    assert [readout["slice"] for readout in result["readouts"]] == ["embed[:, 0]"]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("name", "told"), [("x.pdf", r"x\.pdf(.|\n)*\.html"), ("html", "ending of html"), ("no/x.html", "no folder")]
)
def test_what_cannot_be_saved_is_told(trace: Trace, tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(ArchtraceError, match=told):
        trace.save(tmp_path / name)
    assert not [file for file in tmp_path.iterdir() if file.is_file()]


@pytest.mark.parametrize("ask", [lambda t: t.save("answer.html"), lambda t: t.to_json()], ids=["save", "json"])
def test_without_reports_it_says_so(
    trace: Trace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Callable[[Trace], Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(MissingError, match="cannot be written here"):
        ask(trace)
