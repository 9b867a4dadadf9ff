"""Folders and files as they lie about: each is answered as what it is, or told what to give instead."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from archtrace.errors import TargetError
from archtrace.targets import resolve
from archtrace_reports.commands import cli

BERT: dict[str, Any] = {
    **{"model_type": "bert", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2},
    **{"intermediate_size": 128, "vocab_size": 1000, "pad_token_id": 0, "architectures": ["BertForMaskedLM"]},
}


@pytest.fixture
def here(offline: Path) -> Path:
    return offline


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def said(target: Any) -> list[str]:
    with pytest.raises(TargetError) as caught:
        resolve(target)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps(BERT).encode(), id="plain"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps(BERT).encode(), id="bom"),
        pytest.param(json.dumps(BERT, indent=1).replace("\n", "\r\n").encode(), id="crlf"),
    ],
)
def test_a_config_in_any_dress(here: Path, content: bytes) -> None:
    file = write(here / "ck dir é" / "config.json", content)
    for target in (file, file.parent, "ck dir é", "ck dir é/", "./ck dir é/config.json"):
        found = resolve(target)
        assert (found.config_source, found.config.hidden_size) == ("local", 64)
        assert found.class_name == "BertForSequenceClassification"


def test_a_config_of_another_name(here: Path) -> None:
    write(here / "small.json", BERT)
    assert resolve("small.json").config.num_hidden_layers == 2
    assert said("none.json")[0] == "no file none.json"


@pytest.mark.parametrize(
    ("fields", "traced"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "BertForSequenceClassification"),
        ({"architectures": ["BertForTokenClassification"]}, "BertForSequenceClassification"),
        ({"architectures": ["BertForQuestionAnswering"]}, "BertForSequenceClassification"),
        ({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, "LlamaForSequenceClassification"),
        ({"architectures": ["MyBertForSequenceClassification"]}, "BertForSequenceClassification"),
    ],
)
def test_another_head_is_told(here: Path, fields: dict[str, Any], traced: str) -> None:
    write(here / "mine/config.json", {**BERT, **fields})
    target = resolve("mine")
    told = [f for f in target.findings if f.code == "other-head"]
    assert target.class_name == traced
    assert [fields["architectures"][0] in f.message and traced in f.message for f in told] == [True]


@pytest.mark.parametrize("name", ["BertForTokenClassification", "BertForQuestionAnswering", "BertForMaskedLM"])
def test_the_command_that_is_told_asks_about_the_checkpoints_own_head(here: Path, name: str) -> None:
    write(here / "my model/config.json", {**BERT, "architectures": [name]})
    (told,) = resolve("my model").findings
    archtrace, target, option, config = shlex.split(told.message.partition("To ask about its own: ")[2])
    assert (archtrace, option) == ("archtrace", "--config")
    found = resolve(target, config=config)
    assert (found.class_name, found.config.hidden_size, found.findings) == (name, 64, ())


def test_the_type_of_an_old_config_is_that_of_its_class(here: Path) -> None:
    fields = {key: value for key, value in BERT.items() if key != "model_type"}
    write(here / "old/config.json", fields)
    assert resolve("old").model_type == "bert"


def test_the_commands_for_own_code_and_for_types_without_a_classifier_work(here: Path) -> None:
    write(here / "own/config.json", {"model_type": "bert", "auto_map": {"AutoModelForTokenClassification": "own.Own"}})
    write(here / "own/own.py", "from transformers import BertForTokenClassification as Base\n\nclass Own(Base): ...\n")
    (told,) = resolve("own").findings
    _, target, _, config = shlex.split(told.message.partition("To run it and ask about it: ")[2])
    assert resolve(target, config=config).class_name == "Own"
    write(here / "eye/config.json", {"model_type": "vit", "architectures": ["ViTForMaskedImageModeling"]})
    assert "archtrace ViTForMaskedImageModeling --config eye/config.json; or " in said("eye")[3]


@pytest.mark.parametrize("architectures", [["BertForSequenceClassification"], ["BertModel"], [], None])
def test_nothing_is_told_where_there_is_no_other_head(here: Path, architectures: Any) -> None:
    write(here / "mine/config.json", {**BERT, "architectures": architectures})
    assert resolve("mine").findings == ()


@pytest.mark.parametrize(
    ("auto_map", "word"),
    [
        ({"AutoModelForSequenceClassification": "own.X"}, "was not run"),
        ({"AutoConfig": "own.C", "AutoModelForCausalLM": "own.X"}, "has AutoModelForCausalLM and no"),
    ],
)
def test_own_code_beside_a_known_type_is_told_and_not_run(here: Path, auto_map: Any, word: str) -> None:
    write(here / "mine/config.json", {**BERT, "architectures": None, "auto_map": auto_map})
    write(here / "mine/own.py", "raise SystemExit('it ran')")
    (told,) = resolve("mine").findings
    assert told.code == "own-code"
    assert word in told.message


def test_own_code_of_an_unknown_type_is_refused(here: Path) -> None:
    own = {"AutoModelForSequenceClassification": "modeling_chatglm.X"}
    write(here / "mine/config.json", {"model_type": "chatglm", "auto_map": own, "architectures": ["X"]})
    assert said("mine")[0] == "model type 'chatglm' is the checkpoint's own code"
    with pytest.raises(TargetError, match="the checkpoint's own code has no config class"):
        resolve("mine", trust_remote_code=True)


def test_labels_are_those_of_the_file(here: Path) -> None:
    labels = {"id2label": {"0": "neg", "1": "neu", "2": "pos"}, "problem_type": "single_label_classification"}
    write(here / "mine/config.json", {**BERT, **labels, "architectures": ["BertForSequenceClassification"]})
    assert (resolve("mine").config.num_labels, resolve("mine").findings) == (3, ())


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"model_type": "mybert", "hidden_size": 4}, "model type 'mybert' is not known"),
        ({"hidden_size": 4}, "the config names no model"),
        ('{"model_type": "bert",}', "the config is not JSON"),
        ("[]", "the config is not JSON"),
    ],
)
def test_configs_that_say_too_little(here: Path, content: Any, what: str) -> None:
    write(here / "mine/config.json", content)
    assert said("mine")[0] == said("mine/config.json")[0] == what


def test_a_folder_says_what_it_holds_instead(here: Path) -> None:
    write(here / "tok/tokenizer.json", {"version": "1.0"})
    assert said("tok")[2] == "  why: the folder has no config.json; it is a tokenizer's"
    write(here / "quantised/model-q4.gguf", "GGUF")
    assert "; model-q4.gguf is GGUF weights for llama.cpp" in said("quantised")[2]
    write(here / "runs/checkpoint-500/config.json", BERT)
    assert said("runs")[3].startswith("  do: name runs/checkpoint-500, or ")


@pytest.mark.parametrize("name", ["model.gguf", "model.safetensors", "pytorch_model.bin", "model.pt", "model.onnx"])
def test_weights_alone_are_no_model_and_are_not_opened(here: Path, name: str) -> None:
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (here / "ran",)

    write(here / name, pickle.dumps(Bomb()))
    what, _, _, do = said(name)
    assert what == f"{name} is no checkpoint"
    assert do == "  do: name the model's id, or a folder that has a config.json, or a class: path/to/file.py:Class"
    write(here / "config.json", BERT)
    assert said(here / name)[3].startswith(f"  do: name its folder, {here}, or ")
    assert not (here / "ran").exists()
    assert said(f"missing-{name}")[0].startswith("no file missing-")


MALFORMED = {
    "architectures": ("a list of names", '["...", "..."]'),
    "auto_map": ("a table", '{"...": "..."}'),
    "id2label": ("a table", '{"...": "..."}'),
}


@pytest.mark.parametrize("field", MALFORMED)
def test_a_malformed_field_is_refused_by_its_name(
    here: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:  # fmt: skip
    """And not taken for an empty one: what it was meant to say would be missing from the answer."""
    write(here / "odd.json", {**BERT, field: 3})
    assert cli.run(["odd.json"]) == 2
    shape, example = MALFORMED[field]
    assert capsys.readouterr() == (
        "",
        f"archtrace: the field {field} cannot be read\n"
        "  where: odd.json\n"
        f"  why: it must be {shape}, and is 3\n"
        f"  do: write it as {example}, or leave it out\n",
    )


def test_a_list_of_names_holds_names(here: Path) -> None:
    for architectures in ([3], "BertModel", {"0": "BertModel"}, False):
        write(here / "odd.json", {**BERT, "architectures": architectures})
        assert said("odd.json")[2] == f"  why: it must be a list of names, and is {architectures!r}"
    write(here / "odd.json", {**BERT, "architectures": None, "auto_map": None, "id2label": None})
    assert resolve("odd.json").class_name == "BertForSequenceClassification"
