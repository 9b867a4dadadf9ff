"""Diff: what changed, in words first; of real models, of kept answers, and of the same model twice."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rich.cells import cell_len

import archtrace_reports
from archtrace.answer.result import Padding, Result
from archtrace_reports import diff
from archtrace_reports.diff.compare import Comparison, Difference, compare, pair
from archtrace_reports.diff.renaming import nameless
from archtrace_reports.diff.to_json import FORMAT
from archtrace_reports.formats.to_json import document
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Unanswered, report

from . import samples
from .conftest import archtrace
from .test_json import closed
from .test_markdown import READER

ALL = [samples.BERT, samples.GPT2, samples.BART, samples.XLNET]


def shown(found: Comparison | Difference, style: str = "terminal", width: int = 80) -> str:
    """A difference in a format."""
    whole = found if isinstance(found, Difference) else Difference((found,))
    return diff.load(style).render(whole, Look(width))


def test_index_0_became_the_masked_mean(real: dict[str, Result]) -> None:
    found = compare(real["bert"], real["modernbert"])
    assert found.sentences[0] == "Index 0 of last_hidden_state became the masked mean of last_hidden_state."
    text = shown(found)
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
    assert shown(found).startswith("Both read the same")


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
    text = shown(compare(real["bert"], real["gpt2"]), "html")
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


def tiny(model_type: str) -> Result:
    """A real answer about a model type, of one small layer."""
    from archtrace import trace

    small = {"num_hidden_layers": 1, "hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}
    return trace(model_type, overrides=small).result


@pytest.fixture(scope="module")
def kin() -> dict[str, Result]:
    """Models of the library whose code was copied from one another: two pairs, and one with another head."""
    return {name: tiny(name) for name in ("bert", "ernie", "roberta", "xlm-roberta", "electra")}


@pytest.mark.parametrize(("left", "right"), [("bert", "ernie"), ("roberta", "xlm-roberta")])
def test_names_alone_are_no_difference(left: str, right: str, kin: dict[str, Result]) -> None:
    found = compare(kin[left], kin[right])
    assert kin[left].class_name != kin[right].class_name
    assert found.renamed
    assert [row.label for row in found.rows if row.differs] == []
    assert shown(found).startswith("The same but for names: ")
    assert "≠" not in shown(found)
    assert kin[right].class_name in " ".join(shown(found, width=200).split())
    assert shown(found, "markdown") == f"**{' '.join(shown(found).partition(chr(10) * 2)[0].split())}**\n"


def test_another_head_is_a_difference(kin: dict[str, Result]) -> None:
    found = compare(kin["bert"], kin["electra"])
    assert found.same
    assert not found.renamed
    assert {line.text for line in found.path if line.side == "right"} >= {"classifier.activation (gelu)"}
    assert "+ classifier.activation (gelu)" in shown(found, "markdown")


def test_names_of_dead_parameters_are_no_difference(kin: dict[str, Result]) -> None:
    left, right = (replace(kin[name], dead_parameters=(f"{name}.pooler.dense.bias",)) for name in ("bert", "ernie"))
    assert compare(left, right).sentences == ()
    other = replace(kin["ernie"], dead_parameters=("ernie.embeddings.word_embeddings.weight",))
    assert compare(left, other).sentences[0].startswith("Parameters, before: ")


@pytest.mark.parametrize(
    ("model_type", "text", "left"),
    [
        ("opt", "OPTForCausalLM adopts an optional opt.score", "ForCausalLM adopts an optional .score"),
        ("xlm-roberta", "modeling_xlm_roberta.py, XLMRobertaClassificationHead", "modeling_.py, ClassificationHead"),
        ("bert", "Bertha, sbert, bert2bert", "Bertha, sbert, 2"),
    ],
)
def test_what_is_a_name(model_type: str, text: str, left: str) -> None:
    assert nameless(replace(samples.NOTHING, model_type=model_type))(text) == left


def test_what_moves_in_a_file_is_no_difference() -> None:
    (readout,) = samples.BERT.readouts
    moved = replace(samples.BERT, readouts=(replace(readout, source=replace(readout.source, line=461)),))
    assert not any(row.differs for row in compare(samples.BERT, moved).rows)
    elsewhere = replace(samples.BERT, readouts=(replace(readout, source=replace(readout.source, function="f")),))
    assert [row.label for row in compare(samples.BERT, elsewhere).rows if row.differs] == ["source"]


def before_and_after() -> Difference:
    """One that changed, one that did not, one that was lost, and one that is new; a target asked about twice."""
    gpt2 = replace(samples.GPT2, target="bert-base-uncased")
    never = Unanswered("never", "it never ran")
    before = report([never, samples.BERT, samples.XLNET, samples.BART, samples.XLNET])
    broken = Unanswered(samples.BART.target, "it broke\n  why: a line | of it")
    after = report([gpt2, samples.XLNET, broken, samples.FNET, never])
    return pair(before, after)


def test_several_answers_are_paired_by_target() -> None:
    found = before_and_after()
    assert [one.left.target for one in found.comparisons] == ["bert-base-uncased", "xlnet-base-cased"]
    assert [(one.target, one.side, one.reason) for one in found.lost] == [
        ("facebook/bart-base", "right", "it broke: a line | of it"),
        ("xlnet-base-cased", "right", "it was not asked about"),
        ("google/fnet-base", "left", "it was not asked about"),
        ("never", "same", "it never ran"),
    ]
    assert not found.same


@pytest.mark.parametrize("width", [40, 80, 120])
def test_several_on_a_terminal(width: int) -> None:
    text = shown(before_and_after(), width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    words = " ".join(text.split())
    for told in ("bert-base-uncased", "Both read the same", "no longer answered: it broke", "new: it was not asked"):
        assert told in words


def test_several_in_markdown_as_a_forge_reads_it() -> None:
    text = shown(before_and_after(), "markdown")
    tokens = READER.parse(text)
    assert text.startswith("**4 of 6 models changed.**\n")
    assert [t.info for t in tokens if t.type == "fence"] == ["diff"]
    assert len([t for t in tokens if t.type == "tr_open"]) == (1 + 6) + (1 + 7)
    assert text.count("<details>") == text.count("</details>") == 1


def test_the_json_of_a_difference_fits_its_schema() -> None:
    text = files(archtrace_reports).joinpath(f"formats/schema/diff-{FORMAT}.json").read_text("utf-8")
    Draft202012Validator.check_schema(json.loads(text))
    for found in (before_and_after(), Difference((compare(samples.BERT, samples.HOSTILE),))):
        document = json.loads(shown(found, "json"))
        Draft202012Validator(closed(json.loads(text))).validate(document)
    assert document["format"] == FORMAT
    assert document["comparisons"][0]["right"]["class"] == samples.HOSTILE.class_name


def test_hostile_names_are_text_in_markdown() -> None:
    text = shown(compare(samples.BERT, samples.HOSTILE), "markdown")
    html = READER.render(text)
    assert "<script" not in html
    assert "\x1b" not in text


def test_a_page_shows_one_pair(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document(report([samples.BERT, samples.XLNET]))), "utf-8")
    done = archtrace("diff", "a.json", "a.json", "-o", "a.html", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("archtrace: a page shows two models beside each other, and no more\n  do: give ")
    assert archtrace("diff", "a.json", "a.json", "-o", "a.md", "--exit-code", "--quiet", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.md").read_text("utf-8").startswith("**0 of 2 models changed.**")


@pytest.mark.parametrize("width", [40, 75, 76, 80, 140])
def test_a_narrow_terminal_has_one_side_below_the_other(width: int) -> None:
    text = shown(compare(samples.BERT, samples.GPT2), width=width)
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= width
    for name in (samples.BERT.class_name, samples.GPT2.class_name):
        assert any(name in line for line in lines), "no name is broken"
    assert ("    - BertForSequenceClassification" in lines) is (width < 76)
    assert "      logits" in lines
