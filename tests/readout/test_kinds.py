"""The table of kinds: all that speaks of them reads it, and a new row needs nothing beside it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from reports.samples import BERT

import archtrace_reports
from archtrace.answer.kinds import KINDS, Kind, Setting, kinds_of_one_position, noun
from archtrace.answer.result import Index, Readout
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.contract.contract import called
from archtrace.readout.kind import Case, kind_of
from archtrace.readout.selection import slice_text
from archtrace_reports.text.wording import meaning


def _second(setting: Setting) -> list[tuple[tuple[int, ...], ...]]:
    return [((setting.length // 2,),) * setting.rows]


MIDDLE = Kind(
    noun="the middle of {tensor}",
    object="{slice}",
    meaning="the middle",
    partial=True,
    slice="{tensor}[{lead}s // 2]",
    predict=_second,
)


def test_a_new_kind_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "middle", MIDDLE)
    words = Vocabulary(None, None, (3,))
    cases = [Case((((n // 2),),) * 2, ((), ()), n, {"input_ids": torch.full((2, n), 3)}, words) for n in (19, 13)]
    kind = kind_of(cases, "all", tokens=True)
    text = slice_text("h", kind, "", None, 1)
    readout = Readout("h", "", kind, text, Index("", ()), "exact", None, (), ())
    assert (kind, text, noun(readout)) == ("middle", "h[:, s // 2]", "the middle of h")
    assert meaning(readout, BERT) == "the middle; s is the number of positions in a row"
    assert called("middle") == "the middle of the hidden states"
    assert noun(replace(readout, kind="first")) == "index 0 of h"


@pytest.mark.parametrize("ends", [((5, 9), (2,)), ((0, 1, 7), (3, 4))])
def test_the_first_and_the_last_eos_are_told_apart(ends: tuple[tuple[int, ...], ...]) -> None:
    ids = torch.full((2, 10), 3)
    for row, places in enumerate(ends):
        ids[row, list(places)] = 2
    words = Vocabulary(None, 2, (3,))
    for part, name in ((slice(0, 1), "first_eos"), (slice(-1, None), "last_eos")):
        rows = tuple(places[part] for places in ends)
        assert kind_of([Case(rows, ((), ()), 10, {"input_ids": ids}, words)], "all", tokens=True) == name


def test_predictions_of_one_position_name_one_at_the_most() -> None:
    flags = ((True, True, False), (False, True, True))
    setting = Setting(2, 3, (flags,), (flags,))
    assert all(
        len(row) <= 1 for predict in kinds_of_one_position().values() for rows in predict(setting) for row in rows
    )


def test_schema_and_docs_name_the_kinds_of_the_table() -> None:
    schema = json.loads(files(archtrace_reports).joinpath("formats/schema/result-3.json").read_text("utf-8"))
    enums = re.findall(r'"kind": (\{"enum": \[.*?\]\})', json.dumps(schema))
    assert any(set(json.loads(enum)["enum"]) == set(KINDS) for enum in enums)
    page = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")
    table = page.partition("| Kind |")[2].partition("\n\n")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)) == {n: k.meaning for n, k in KINDS.items()}
