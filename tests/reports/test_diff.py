"""Diff: what changed, in words first; of real models, of kept answers, and of the same model twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from archtrace.answer.result import Padding, Result
from archtrace_reports.diff import to_html, to_terminal
from archtrace_reports.diff.compare import compare
from archtrace_reports.formats.to_json import document
from archtrace_reports.look import Look
from archtrace_reports.report import report

from . import samples
from .conftest import archtrace

ALL = [samples.BERT, samples.GPT2, samples.BART, samples.XLNET]


def test_index_0_became_the_masked_mean(real: dict[str, Result]) -> None:
    found = compare(real["bert"], real["modernbert"])
    assert found.sentences[0] == "Index 0 of last_hidden_state became the masked mean of last_hidden_state."
    text = to_terminal.render(found, Look())
    assert text.startswith(found.sentences[0])
    assert "- last_hidden_state[:, 0]" in text
    assert "+ last_hidden_state.mean(1, where=attention_mask)" in text
    assert max(map(len, text.split("\n"))) <= 80


@given(st.sampled_from(ALL))
def test_a_result_is_the_same_as_itself(result: Result) -> None:
    found = compare(result, result)
    assert found.same
    assert {line.side for line in found.path} == {"same"}
    assert not any(row.differs for row in found.rows)
    assert to_terminal.render(found, Look()).startswith("Both read the same")


@given(st.sampled_from(ALL), st.sampled_from(ALL))
def test_the_path_holds_the_steps_of_both(left: Result, right: Result) -> None:
    def steps(result: Result) -> list[str]:
        return [line.text for line in compare(result, result).path]

    found = compare(left, right).path
    assert [line.text for line in found if line.side != "left"] == steps(right)
    assert len([line for line in found if line.side != "right"]) == len(steps(left))


def test_padding_and_parameters_are_told() -> None:
    worse = replace(samples.BERT, padding=Padding(True, ("left_padded",)), dead_parameters=("bert.pooler.dense.bias",))
    told = " ".join(compare(samples.BERT, worse).sentences)
    assert "Padding, before: " in told
    assert "Parameters, before: " in told


def test_a_readout_more_is_told() -> None:
    more = replace(samples.BERT, readouts=(*samples.BERT.readouts, *samples.GPT2.readouts))
    assert compare(samples.BERT, more).sentences == (
        "The last position of last_hidden_state that is not padding is read now.",
    )
    assert compare(more, samples.BERT).sentences[0].endswith("is no longer read.")


def test_the_page_has_both_paths(real: dict[str, Result]) -> None:
    text = to_html.render(compare(real["bert"], real["gpt2"]), Look())
    assert text.count('class="drawing"') == 2
    assert text.count('class="cone-box"') == 2
    assert "Index 0 of last_hidden_state became" in text


def kept(result: Result, file: Path) -> str:
    """The answer in a file."""
    file.write_text(json.dumps(document(report([result]))), "utf-8")
    return str(file)


def test_answers_kept_as_json(tmp_path: Path) -> None:
    left, right = kept(samples.BERT, tmp_path / "a.json"), kept(samples.XLNET, tmp_path / "b.json")
    done = archtrace("diff", left, right, "--exit-code")
    assert done.returncode == 1
    assert done.stdout.startswith("Index 0 of last_hidden_state became the last index of last_hidden_state.")
    assert archtrace("diff", left, left, "--exit-code").returncode == 0
    page = tmp_path / "diff.html"
    assert archtrace("diff", left, right, "-o", str(page)).returncode == 0
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_file_that_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    done = archtrace("diff", "x.json", "x.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "x.json is no answer of archtrace" in done.stderr
    assert "--format json" in done.stderr


def test_sides_may_differ_in_their_config() -> None:
    size = ["num_hidden_layers=2", "hidden_size=24", "num_attention_heads=2", "intermediate_size=32"]
    sides = [word for text in size for word in ("--set-left", text, "--set-right", text)]
    done = archtrace("diff", "modernbert", "modernbert", *sides, "--set-left", "classifier_pooling=cls",
                     "--set-right", "classifier_pooling=mean", "-q")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Index 0 of last_hidden_state became the masked mean of last_hidden_state.")
