"""The JSON form: its schema, its keys, and the way back."""

from __future__ import annotations

import copy
import json
import runpy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft202012Validator, ValidationError

import archtrace_reports
from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.formats.converter import decode
from archtrace_reports.formats.to_json import FORMAT
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered

from .samples import BERT, SAMPLES

ALL = Report(tuple(SAMPLES.values()), (Unanswered("nope", "unknown model"),), {"archtrace": "0.1.0"})


def schema() -> dict[str, Any]:
    text = files(archtrace_reports).joinpath(f"formats/schema/result-{FORMAT}.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def document(report: Report) -> Any:
    return json.loads(formats.load("json").render(report, Look()))


def closed(part: Any) -> Any:
    """The schema with no room for keys that it does not name."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    own = {"additionalProperties": False} if "properties" in part and isinstance(part["properties"], dict) else {}
    return own | {key: closed(value) for key, value in part.items()}


def test_the_page_is_made_from_the_schema() -> None:
    folder = Path(__file__).parents[2] / "docs"
    made = runpy.run_path(str(folder / "make_json_page.py"))["page"]()
    assert folder.joinpath("json.md").read_text("utf-8") == made, "run: python docs/make_json_page.py"


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


def test_every_sample_fits_and_every_key_is_in_the_schema() -> None:
    Draft202012Validator(closed(schema())).validate(document(ALL))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict):
        return [p for i, item in enumerate(value) for p in _paths(item, (*path, i))] if isinstance(value, list) else []
    return [p for key, item in value.items() for p in [(*path, key), *_paths(item, (*path, key))]]


OPEN = {"inputs", "reads", "others", "padding", "seconds", "versions"}


def test_a_missing_key_is_noticed() -> None:
    whole = document(replace(ALL, results=(SAMPLES["fnet"],)))
    validator = Draft202012Validator(schema())
    required = [path for path in _paths(whole) if not OPEN & {*map(str, path[:-1])} and path[-1] != "run"]
    assert len(required) > 60
    for *way, last in required:
        broken = copy.deepcopy(whole)
        place = broken
        for step in way:
            place = place[step]
        del place[last]
        with pytest.raises(ValidationError):
            validator.validate(broken)


def test_the_document_of_the_issue() -> None:
    answer = document(Report((BERT,)))
    assert answer["format"] == 3
    assert set(answer["versions"]) == {"archtrace", "torch", "transformers"}
    (result,) = answer["results"]
    assert result["class"] == "BertForSequenceClassification"
    assert result["readouts"][0]["index"] == {"expression": "0", "depends_on": []}
    assert result["readouts"][0]["path"] == ["bert.pooler.dense", "bert.pooler.activation", "dropout", "classifier"]
    assert result["layouts"][2]["reads"] == {"last_hidden_state": [[0], [0]]}
    assert result["layouts"][2]["witness"]["tokens"][0] == [0, *range(2, 11)]
    assert result["padding"] == {"leaks": False, "reads_padding": ["left_padded"]}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_way_back(sample: Result) -> None:
    (result,) = document(Report((sample,)))["results"]
    assert decode(result, Result) == sample


def test_inputs_that_json_cannot_hold() -> None:
    inputs = {"input_ids": torch.tensor([[3, 4]]), "boxes": [[float("inf"), 0.5]], "dtype": torch.float32, "flag": True}
    result = replace(BERT, layouts=(replace(BERT.layouts[0], inputs=inputs),))
    found = document(Report((result,)))["results"][0]["layouts"][0]["inputs"]
    assert found == {"input_ids": [[3, 4]], "boxes": [[None, 0.5]], "dtype": "torch.float32", "flag": True}


def test_the_text_is_ascii_and_rows_stand_on_one_line() -> None:
    text = formats.load("json").render(ALL, Look())
    assert text.isascii()
    assert "\x1b" not in text
    assert '"attention_mask": [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]' in text
