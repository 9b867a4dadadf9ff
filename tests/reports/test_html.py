"""The page as a file: whole, closed to the outside, everything from a model escaped, and small."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archtrace import trace
from archtrace.answer.drawing import Excerpt
from archtrace.answer.result import Result
from archtrace_reports.formats.notebook import fragment
from archtrace_reports.formats.to_html import render
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered, report

from . import samples
from .conftest import archtrace

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>{{ 7919*7907 }}"


class Reader(HTMLParser):
    """Collects start tags with their attributes, and the text of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.code: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", {}))

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1][0] if self.tags else ""
        if tag in ("style", "script"):
            self.code[tag] = self.code.get(tag, "") + data

    def count(self, tag: str) -> int:
        """How many of an element."""
        return sum(name == tag for name, _ in self.tags)


def page(*results: Result) -> str:
    """The page of some results."""
    return render(report(list(results)), Look())


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_lets_in_this_style_and_this_script_alone(real: dict[str, Result]) -> None:
    read = Reader(page(real["bert"]))
    policy = next(a["content"] or "" for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "style-src": digest(read.code["style"]),
        "script-src": digest(read.code["script"]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_is_fetched_and_nothing_runs_but_the_script(real: dict[str, Result]) -> None:
    read = Reader(page(*real.values()))
    assert (read.count("script"), read.count("style"), read.count("link"), read.count("img")) == (1, 1, 0, 0)
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert (attributes.get("href") or "#").startswith("#")
        assert "src" not in attributes
    assert "url(" not in read.code["style"]
    assert "@import" not in read.code["style"]


def hostile(result: Result) -> Result:
    """A result that says the worst wherever a model has a say."""
    anatomy, readout = result.anatomy, result.readouts[0]
    assert anatomy is not None
    assert readout.source is not None
    nodes = tuple(replace(node, label=HOSTILE, detail=HOSTILE, place=HOSTILE) for node in anatomy.path.nodes)
    states = tuple(replace(state, name=HOSTILE, module=HOSTILE) for state in anatomy.states)
    root = replace(anatomy.root, name=HOSTILE, class_name=HOSTILE, takes=(HOSTILE,))
    excerpt = Excerpt(HOSTILE, 5, 4, (HOSTILE, f"x = {HOSTILE}", HOSTILE))
    source = replace(readout.source, line=5, file=HOSTILE, function=HOSTILE, expression=HOSTILE)
    return replace(
        result,
        target=HOSTILE,
        class_name=HOSTILE,
        model_type=HOSTILE,
        readouts=(replace(readout, slice=HOSTILE, tensor=HOSTILE, module=HOSTILE, source=source),),
        layouts=tuple(replace(layout, refused=HOSTILE) for layout in result.layouts),
        dead_parameters=(HOSTILE,),
        findings=(replace(samples.GPT2.findings[0], message=HOSTILE),),
        versions={HOSTILE: HOSTILE},
        anatomy=replace(
            anatomy, states=states, root=root, excerpts=(excerpt,), path=replace(anatomy.path, nodes=nodes)
        ),
    )


def test_what_a_model_says_is_text(real: dict[str, Result]) -> None:
    safe, text = Reader(page(real["bert"])), page(hostile(real["bert"]))
    read = Reader(text)
    assert (read.count("script"), read.count("img")) == (1, 0)
    assert read.count("svg") == safe.count("svg")
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert "<script>alert" not in text
    assert "{{ 7919*7907 }}" in text
    assert str(7919 * 7907) not in text


def test_a_hostile_config_does_nothing(tmp_path: Path) -> None:
    config = {"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2}
    names = {"id2label": {"0": "<script>alert(1)</script>", "1": "<svg onload=alert(1)>"}, "_name_or_path": HOSTILE}
    (tmp_path / "config.json").write_text(json.dumps(config | names), "utf-8")
    folder = tmp_path.rename(tmp_path.with_name("<img src=x onerror=alert(1)>"))
    text = page(trace(str(folder)).result)
    read = Reader(text)
    assert (read.count("script"), read.count("img")) == (1, 0)
    assert "&lt;img src=x" in text


def test_sizes(real: dict[str, Result]) -> None:
    assert len(page(real["bert"]).encode()) < 400_000


def test_seventy_billion_parameters_are_a_small_page() -> None:
    shape = {"hidden_size": 8192, "intermediate_size": 28672, "num_attention_heads": 64, "num_key_value_heads": 8}
    result = trace("llama", overrides=shape | {"num_hidden_layers": 80}).result
    text = page(result)
    assert len(text.encode()) < 1_500_000
    assert "hidden_states[0] to [79]" in text.replace("<wbr>", "")
    assert "×80" in text


def test_without_an_anatomy_the_page_stands() -> None:
    text = page(samples.BERT)
    assert "Nothing is known of its hidden states." in text
    assert "No drawing: nothing is known of its path." in text
    assert samples.BERT.readouts[0].slice in text


def test_several_stand_in_a_matrix_with_those_not_answered() -> None:
    found = Report((samples.BERT, samples.GPT2), (Unanswered("nix", "no such model"),))
    text = render(found, Look())
    assert text.count("<article") == 2
    assert "2 models, 1 not answered" in text
    assert "no such model" in text


def test_a_notebook_gets_no_frame(real: dict[str, Result]) -> None:
    read = Reader(fragment(real["bert"]))
    assert read.tags[0] == ("div", {"class": "archtrace archtrace-output", "lang": "en"})
    assert (read.count("iframe"), read.count("html"), read.count("link"), read.count("img")) == (0, 0, 0, 0)
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on") or name == "style"]
    assert "url(" not in read.code["style"]


def test_every_rule_of_a_notebook_is_for_the_answer_alone(real: dict[str, Result]) -> None:
    style = re.sub(r"/\*.*?\*/", "", Reader(fragment(real["bert"])).code["style"], flags=re.S)
    depth, prelude, found = 0, "", []
    for character in style:
        if character == "{" and depth == 0:
            found.append(prelude.strip())
        depth += {"{": 1, "}": -1}.get(character, 0)
        prelude = "" if character in "{}" else prelude + character
    assert depth == 0
    rules = [rule for rule in found if not re.match(r"@(property --|keyframes archtrace-)", rule)]
    assert len(rules) > 5
    assert [rule for rule in rules if ".archtrace" not in rule] == []


def test_two_answers_in_one_notebook_share_no_id(real: dict[str, Result]) -> None:
    read = Reader(fragment(real["bert"]) + fragment(real["bert"]))
    names = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert names
    assert len(set(names)) == len(names)


def test_a_notebook_shows_what_a_model_says_as_text(real: dict[str, Result]) -> None:
    text = fragment(hostile(real["bert"]))
    read = Reader(text)
    assert (read.count("script"), read.count("img")) == (1, 0)
    assert "<script>alert" not in text


def test_without_any_style_a_notebook_can_be_read(real: dict[str, Result]) -> None:
    """GitHub keeps the tables and the text: each row of the cone has its signs, and the legend says what they mean."""
    text = re.sub(r"<(style|script|svg).*?</\1>|<wbr>", "", fragment(real["bert"]), flags=re.S)
    rows = re.findall(r"<tr[^>]*>(.*?)(?=<tr|</tbody>)", text, flags=re.S)
    plain = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]
    assert "last_hidden_state # " + " ".join("·" * 16) + " - -" in plain
    assert re.search(r">-</span> padding, does not reach the logits", text)


def test_a_trace_shows_itself_in_a_notebook() -> None:
    shown = trace("bert", overrides={"num_hidden_layers": 1, "hidden_size": 24, "num_attention_heads": 2})._repr_html_()
    assert shown is not None
    assert shown.startswith('<div class="archtrace ')


def test_the_command_line_answers_and_writes_the_page(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = archtrace("bert", "--config-set", "num_hidden_layers=1", "--html", str(file), "-q")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("BertForSequenceClassification reads")
    assert file.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert [f.name for f in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--html", "missing/page.html"], "there is no folder missing"),
        (["--html", "x.html", "-o", "./x.html"], "give each a file of its own"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_any_work(
    arguments: list[str], told: str, tmp_path: Path
) -> None:
    done = archtrace("bert", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert not done.stdout


def test_processes_of_their_own_bring_the_whole_page(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    done = archtrace("bert", "--config-set", "num_hidden_layers=1", "--isolate", "-o", str(file), "-q")
    assert done.returncode == 0, done.stderr
    assert 'class="drawing"' in file.read_text("utf-8")
