"""A new kind is one row of a table: with it, and nothing else, analysis, formats, contracts and docs know it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator, ValidationError
from torch import Tensor, nn

import archtrace
from archtrace.answer.kinds import KINDS, Kind
from archtrace.answer.result import Result
from archtrace.contract.contract import declared
from archtrace.contract.examine import traced_model
from archtrace.contract.observed import observed_terms
from archtrace_reports import formats
from archtrace_reports.formats.converter import decode
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.wording import headline

ROOT = Path(__file__).parents[2]


class Pooled(nn.Module):
    """Hidden states of tokens, from which `pool` makes one vector a row."""

    def __init__(self, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.embed, self.mix, self.head, self.pool = nn.Embedding(64, 8), nn.Linear(8, 8), nn.Linear(8, 2), pool

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pool(self.mix(self.embed(input_ids))))
        return logits


class New(NamedTuple):
    """A kind that archtrace does not have: its row, a model that reads so, and what is then said of the model.

    `before`: what the kind is called without the row.
    """

    row: Kind
    pool: Callable[[Tensor], Tensor]
    slice: str
    object: str
    term: str
    before: str


NEW = {
    "median": New(
        Kind(
            noun="the median of {tensor}",
            object="the median of {states} over the {place}s",
            meaning="of each feature the one in the middle, by size",
            slice="{tensor}.median({axis}).values",
            mixes=True,
            joined_by={"aten::median"},
        ),
        lambda hidden: hidden.median(1).values,
        slice="mix.median(1).values",
        object="the median of mix over the tokens",
        term="median",
        before="all",
    ),
    "middle": New(
        Kind(
            noun="the middle of {tensor}",
            object="{of} the {place} in the middle",
            meaning="the index in the middle of every row",
            slice="{tensor}[{lead}s // 2]",
            partial=True,
            constant=True,
            predict=lambda setting: [((setting.length // 2,),) * setting.rows],
        ),
        lambda hidden: hidden[:, hidden.shape[1] // 2],
        slice="mix[:, s // 2]",
        object="mix at the token in the middle",
        term="mix[:, s // 2]",
        before="other",
    ),
}


@pytest.fixture(params=NEW)
def name(request: pytest.FixtureRequest) -> str:
    """The name of a new kind."""
    found: str = request.param
    return found


@pytest.fixture
def added(name: str, monkeypatch: pytest.MonkeyPatch) -> New:
    """The kind, once its row stands in the table: the one place that is touched."""
    monkeypatch.setitem(KINDS, name, NEW[name].row)
    return NEW[name]


def maker() -> dict[str, Any]:
    """docs/make_kinds.py, which writes the names of the kinds where a file needs them."""
    return runpy.run_path(str(ROOT / "docs" / "make_kinds.py"))


def test_without_its_row_the_kind_is_not_known(name: str) -> None:
    (readout,) = archtrace.trace(Pooled(NEW[name].pool)).readouts
    assert readout.kind == NEW[name].before


def test_the_analysis_names_it_and_every_format_shows_it(name: str, added: New) -> None:
    result = archtrace.trace(Pooled(added.pool)).result
    (readout,) = result.readouts
    assert (readout.kind, readout.slice, result.status) == (name, added.slice, "exact")
    assert headline(result).removeprefix("Pooled reads ").removeprefix("only ") == f"{added.object}."
    shown = {fmt: formats.load(fmt).render(Report((result,)), Look()) for fmt in ("terminal", "markdown", "html")}
    assert added.row.meaning in shown["terminal"]
    assert added.object in " ".join(shown["terminal"].split())
    assert f"| {name} |" in shown["markdown"]
    assert f'<span class="kind">{name}</span>' in shown["html"]
    assert added.object in shown["html"]


def test_its_json_fits_the_schema_made_from_the_table(name: str, added: New) -> None:
    result = archtrace.trace(Pooled(added.pool)).result
    document = json.loads(formats.load("json").render(Report((result,)), Look()))
    assert decode(document["results"][0], Result).readouts[0].kind == name
    made, shipped = maker()["made"](), maker()["SCHEMA"]
    Draft202012Validator(json.loads(made[shipped])).validate(document)
    with pytest.raises(ValidationError):
        Draft202012Validator(json.loads((ROOT / shipped).read_text("utf-8"))).validate(document)
    assert all(f"`{name}`" in made[page] for page in ("docs/contracts.md", "docs/json.md"))


def test_a_contract_takes_it_and_writes_it(name: str, added: New) -> None:
    contract = declared("mine", {"target": "mine:Pooled", "reads": name}, "pyproject.toml")
    trace = archtrace.trace(Pooled(added.pool))
    assert observed_terms(traced_model(contract, trace))["reads"] == name, "a term that holds is kept"
    bare = declared("mine", {"target": "mine:Pooled"}, "pyproject.toml")
    assert observed_terms(traced_model(bare, trace))["reads"] == added.term


def test_schema_and_docs_are_what_the_table_makes() -> None:
    made = maker()["made"]()
    assert {file for file, text in made.items() if (ROOT / file).read_text("utf-8") != text} == set(), (
        "run: python docs/make_kinds.py"
    )
