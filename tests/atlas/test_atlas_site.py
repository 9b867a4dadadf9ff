"""The atlas as files: its document, its pages, its folder."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import archtrace_reports
from archtrace.answer.result import Result
from archtrace.errors import TargetError
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas.answer_log import AnswerLog
from archtrace_reports.atlas.site import check, write
from archtrace_reports.atlas.site.document import FORMAT
from archtrace_reports.atlas.site.edition_files import joined, read
from archtrace_reports.formats import to_json
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered

from .conftest import OLDER, REFUSED, Page, broken, pages

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>../../{{ 7919*7907 }}"


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "atlas.json").read_bytes())
    return found


def closed(part: Any) -> Any:
    """The schema with no room for keys that it does not name."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    own = {"additionalProperties": False} if isinstance(part.get("properties"), dict) else {}
    return own | {key: closed(value) for key, value in part.items()}


def schema() -> dict[str, Any]:
    text = files(archtrace_reports).joinpath(f"formats/schema/atlas-{FORMAT}.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    Draft202012Validator.check_schema(loaded)
    return loaded


def test_the_document_fits_its_schema_and_has_no_other_keys(made: Path) -> None:
    Draft202012Validator(closed(schema())).validate(document(made))


def test_every_row_stands_where_its_address_says(made: Path) -> None:
    rows = document(made)["rows"]
    assert [row["class"] for row in rows] == [
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BltForCausalLM",
        "FNetForSequenceClassification",
        "GPT2ForSequenceClassification",
    ]
    for row in rows:
        page, anchor = row["address"].split("#")
        assert anchor in Page((made / page).read_text("utf-8")).ids
    assert rows[1]["address"] == "models/bert.html#BertForTokenClassification"


def test_every_link_leads_somewhere(made: Path) -> None:
    assert broken(made) == []
    links = [link for page in pages(made).values() for link in page.links]
    assert {"models/gpt2.html#GPT2ForSequenceClassification", "../assets/site.css", "#kind=first"} <= {*links}


def test_a_link_that_leads_nowhere_is_found(made: Path, tmp_path: Path) -> None:
    for name in ("index.html", "versions.html"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    assert "index.html: models/gpt2.html#GPT2ForSequenceClassification" in broken(tmp_path)


def test_what_a_release_changed_is_told(made: Path) -> None:
    """GPT-2 read in front of the first pad id in 4.48, and reads the last other id since; BERT stayed as it was."""
    (change,) = document(made)["changes"]
    assert (change["address"], change["from"]) == ("models/gpt2.html#GPT2ForSequenceClassification", "4.48.3")
    assert change["differences"]["kind"] == {"before": "other", "after": "last non pad"}
    assert change["differences"]["reads"] == {
        "before": "last_hidden_state[:, (argmax(input_ids == pad_token_id) - 1) % s]",
        "after": "last_hidden_state[:, argmax(arange(s) * (input_ids != pad_token_id))]",
    }
    text = Page((made / "versions.html").read_text("utf-8")).text
    assert "1 of 2 rows that stand in both changed; 1 stand in" in text


def test_a_head_that_an_older_edition_was_not_asked_about_has_not_appeared(made: Path) -> None:
    text = Page((made / "versions.html").read_text("utf-8")).text
    assert "FNetForSequenceClassification" in text
    assert "BertForTokenClassification" not in text


def test_what_is_not_answered_is_a_row_with_its_reason(made: Path) -> None:
    row = next(row for row in document(made)["rows"] if row["class"] == "BltForCausalLM")
    assert (row["model_type"], row["head"]) == ("blt", "causal-lm")
    assert row["answers"] == [{"status": "unanswered", "reason": REFUSED.reason}, None]
    assert "it cannot be followed: it branches" in Page((made / "index.html").read_text("utf-8")).text
    text = Page((made / "models" / "blt.html").read_text("utf-8")).text
    assert all(line in text for line in REFUSED.reason.split("\n"))


def test_a_class_of_an_older_edition_alone_is_told_apart(newer: Report, older: Report, tmp_path: Path) -> None:
    left = tuple(result for result in newer.results if result.model_type != "gpt2")
    write([replace(newer, results=left), older], tmp_path)
    index = Page((tmp_path / "index.html").read_text("utf-8"))
    assert "What 4 models read" in index.text
    assert "gone after 4.48.3" in index.text
    assert "In 4.48.3 and not in" in Page((tmp_path / "versions.html").read_text("utf-8")).text


def test_the_same_answers_give_the_same_bytes(newer: Report, older: Report, made: Path, tmp_path: Path) -> None:
    """In whatever order they came, and however long they took."""
    results = tuple(replace(result, seconds={"import": 99.0}) for result in reversed(newer.results))
    write([replace(newer, results=results), older], tmp_path)
    there, again = ({f.relative_to(top) for f in top.rglob("*") if f.is_file()} for top in (made, tmp_path))
    assert {Path("index.html"), Path("atlas.json")} < there == again
    for file in there:
        assert (tmp_path / file).read_bytes() == (made / file).read_bytes(), file


def test_a_run_into_its_own_folder_leaves_what_is_not_its_own(newer: Report, older: Report, tmp_path: Path) -> None:
    write([newer, older], tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "models" / "mine.html").write_text("<p>mine")
    (tmp_path / "models" / "gpt2.html").write_text("cut off")
    left = tuple(result for result in newer.results if result.model_type != "fnet")
    write([replace(newer, results=left), older], tmp_path)
    assert not (tmp_path / "models" / "fnet.html").exists()
    assert "GPT2ForSequenceClassification" in (tmp_path / "models" / "gpt2.html").read_text("utf-8")
    assert (tmp_path / "notes.txt").read_text() == (tmp_path / "models" / "mine.html").read_text()[3:] == "mine"
    assert not [*tmp_path.rglob("*.tmp")]


@pytest.mark.parametrize("name", ["notes.txt", "index.html"])
def test_a_folder_of_other_things_is_refused(name: str, newer: Report, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(TargetError, match=rf"it holds other files \({name}\) and no atlas.json"):
        write([newer], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_file_is_no_folder_and_a_new_or_empty_one_will_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="it is a file"):
        check(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".answers.jsonl").write_text("")
    check(tmp_path / "empty")
    check(tmp_path / "new" / "er")


def test_what_a_model_says_is_text(newer: Report, tmp_path: Path) -> None:
    result, readout = newer.results[0], newer.results[0].readouts[0]
    worst = replace(
        result,
        target=HOSTILE,
        class_name=HOSTILE,
        model_type=HOSTILE,
        readouts=(replace(readout, slice=HOSTILE, tensor=HOSTILE, module=HOSTILE),),
        layouts=tuple(replace(layout, refused=HOSTILE) for layout in result.layouts),
        dead_parameters=(HOSTILE,),
    )
    write([Report((worst,), (Unanswered(HOSTILE, HOSTILE),), {"transformers": HOSTILE}), newer], tmp_path / "atlas")
    for file, page in pages(tmp_path / "atlas").items():
        allowed = {"assets/atlas.js", "../assets/page.js"}
        assert {a.get("src") for tag, a in page.tags if tag == "script"} <= allowed, file
        assert not [tag for tag, _ in page.tags if tag == "img"], file
        assert not [name for _, a in page.tags for name in a if name.startswith("on") or name == "style"], file
        assert str(7919 * 7907) not in page.text
    assert {file.parent.name for file in tmp_path.rglob("*.html")} == {"atlas", "models"}
    assert broken(tmp_path / "atlas") == []
    Draft202012Validator(schema()).validate(document(tmp_path / "atlas"))


def test_targets_with_one_answer_share_a_section(newer: Report, tmp_path: Path) -> None:
    result = newer.results[0]
    tuned = tuple(replace(result, target=f"org/tuned-{number}") for number in range(3))
    write([replace(newer, results=(*newer.results, *tuned))], tmp_path)
    page = Page((tmp_path / "models" / "bert.html").read_text("utf-8"))
    assert {"org/tuned-0", "org/tuned-1", "org/tuned-2"} <= page.ids
    assert page.text.count(f"{result.class_name} reads only") == 1
    assert "The same holds of org/tuned-0, org/tuned-1, org/tuned-2" in page.text


def test_the_cone_is_drawn_of_sequence_classifiers_alone(made: Path) -> None:
    """They have one each; with those of all heads the pages would be too large."""
    cones = [a for tag, a in pages(made)[made / "models" / "bert.html"].tags if a.get("class") == "cone-box"]
    assert len(cones) == 1


def test_answers_are_read_in_both_forms(newer: Report, tmp_path: Path) -> None:
    plain = replace(newer, results=tuple(replace(result, anatomy=None) for result in newer.results))
    (tmp_path / "a.json").write_text(to_json.render(newer, Look()))
    assert read(tmp_path / "a.json") == plain
    kept = AnswerLog(tmp_path / "a.jsonl")
    for result in plain.results:
        kept.add(Question(result.target), result)
    kept.add(Question("blt", head="causal-lm"), Unanswered("blt", REFUSED.reason))
    found = read(tmp_path / "a.jsonl")
    assert {type(result) for result in found.results} == {Result}
    assert found.unanswered == (REFUSED,)
    assert joined([read(OLDER), found]).versions["transformers"] == "4.48.3"


@pytest.mark.parametrize("text", ["", "[]", '{"results": []}'])
def test_a_file_without_answers_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(TargetError, match=r"no answers can be read from .*a\.json"):
        read(tmp_path / "a.json")


def test_the_command_of_the_docs_makes_an_atlas_of_files(newer: Report, older: Report, tmp_path: Path) -> None:
    (current := tmp_path / "a.json").write_text(to_json.render(replace(newer, unanswered=()), Look()))
    AnswerLog(heads := tmp_path / "heads.jsonl").add(
        Question("blt", head="causal-lm"), Unanswered("blt", REFUSED.reason)
    )
    files = ["--current", current, "--heads", heads, "--older", OLDER]
    script = Path(__file__).parents[2] / "docs" / "make_atlas.py"
    subprocess.run([sys.executable, script, "-o", tmp_path / "made", *files], check=True)
    plain = tuple(replace(result, anatomy=None) for result in newer.results)
    write([replace(newer, results=plain), older], tmp_path / "same")
    assert document(tmp_path / "made") == document(tmp_path / "same")
