"""docs/atlas: what stands there is what would be answered today; where it is not, it is to be made anew."""

from __future__ import annotations

import json
import random
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from archtrace.answer.result import Result
from archtrace_reports.atlas.site.document import answer
from archtrace_reports.formats.converter import decode

from .conftest import broken
from .test_atlas_site import document, schema

ATLAS = Path(__file__).parents[2] / "docs" / "atlas"
STALE = "docs/atlas is stale: run python docs/make_atlas.py"
#: Types that are traced anew, other ones each day; megabytes that a clone should not have to bear.
SAMPLE, MOST = 2, 14


@pytest.fixture(scope="module")
def atlas() -> dict[str, Any]:
    return document(ATLAS)


def classifiers(atlas: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The newest answer about the sequence classifier of each type that was asked for by its type alone."""
    rows = (row for row in atlas["rows"] if row["head"] == "sequence-classification" and row["answers"][0])
    return {row["model_type"]: row["answers"][0] for row in rows if row["target"] == row["model_type"]}


def answered(atlas: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of them that are answers."""
    return {name: row for name, row in classifiers(atlas).items() if row["status"] != "unanswered"}


def test_it_is_of_the_releases_that_are_installed(atlas: dict[str, Any]) -> None:
    made = atlas["editions"][0]["versions"]
    assert made["transformers"] == metadata.version("transformers"), STALE
    assert made["torch"].split("+")[0] == metadata.version("torch").split("+")[0], STALE


def test_every_class_with_a_head_has_a_row_and_no_other_does(atlas: dict[str, Any]) -> None:
    from archtrace.targets.head_kinds import HEADS, every_class

    known = {name for head in HEADS for _, name in every_class(head)}
    rows = [row for row in atlas["rows"] if row["answers"][0] is not None]
    assert {row["class"] for row in rows} == known, STALE
    assert len({row["address"] for row in rows}) == len(rows)


def test_every_type_is_answered_by_its_own_classifier(atlas: dict[str, Any]) -> None:
    from archtrace.targets.library import classifiers as types

    assert classifiers(atlas).keys() == set(types()), STALE


def test_it_fits_its_schema(atlas: dict[str, Any]) -> None:
    Draft202012Validator(schema()).validate(atlas)


def test_every_link_of_it_leads_somewhere() -> None:
    assert broken(ATLAS) == []


def test_it_is_not_too_large() -> None:
    assert sum(file.stat().st_size for file in ATLAS.rglob("*") if file.is_file()) < MOST * 1_000_000


def test_older_releases_stand_beside_it(atlas: dict[str, Any]) -> None:
    """GPT-2 read in front of the first pad id until 4.48: tests/versions holds the same of the releases themselves."""
    names = [edition["name"] for edition in atlas["editions"]]
    assert names[1:] == ["4.56.2", "4.48.3"]
    gpt2 = next(row for row in atlas["rows"] if row["class"] == "GPT2ForSequenceClassification")
    assert [given["readouts"][0]["kind"] for given in gpt2["answers"]] == ["last_non_pad", "last_non_pad", "other"]
    # Of the newest nearly all classes of the library; of the older ones the sequence classifiers that they had.
    for number, fewest in enumerate((650, 110, 90)):
        assert sum(row["answers"][number] is not None for row in atlas["rows"]) >= fewest


def test_a_few_types_are_answered_as_it_says(atlas: dict[str, Any]) -> None:
    from archtrace import trace

    rows = answered(atlas)
    for model_type in random.Random(date.today().toordinal()).sample(sorted(rows), SAMPLE):
        assert plain(answer(trace(model_type).result)) == rows[model_type], f"{model_type}: {STALE}"


@pytest.mark.sweep
def test_all_types_are_answered_as_it_says(atlas: dict[str, Any], library_sweep: dict[str, Any]) -> None:
    results = decode(library_sweep["results"], tuple[Result, ...])
    assert answered(atlas) == {result.target: plain(answer(result)) for result in results}, STALE


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """A value as JSON gives it back."""
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found
