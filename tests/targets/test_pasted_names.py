"""Names as people write and paste them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from archtrace.errors import TargetError
from archtrace.targets import resolve
from archtrace.targets.reference import Reference, parse


@pytest.fixture(autouse=True)
def _alone(offline: Path) -> None:
    """No network."""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bert-base-uncased", Reference("bert-base-uncased")),
        ("org/name", Reference("org/name")),
        ("org/name@v1.0", Reference("org/name", "v1.0")),
        ("org/name@refs/pr/3", Reference("org/name", "refs/pr/3")),
        ("https://huggingface.co/org/name", Reference("org/name")),
        ("http://hf.co/org/name/", Reference("org/name")),
        ("HTTPS://HuggingFace.co/org/Name?library=x#use", Reference("org/Name")),
        ("huggingface.co/org/name/tree/main", Reference("org/name", "main")),
        ("https://huggingface.co/org/name/blob/v2/config.json", Reference("org/name", "v2")),
        ("https://huggingface.co/org/name/resolve/abc123/sub/config.json", Reference("org/name", "abc123")),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F3", Reference("org/name", "refs/pr/3")),
        ("https://huggingface.co/org/name/tree/refs/pr/3", Reference("org/name", "refs/pr/3")),
        ("https://huggingface.co/org/name/discussions/7", Reference("org/name")),
        ("https://huggingface.co/gpt2", Reference("gpt2")),
        ("https://huggingface.co/gpt2/tree/main", Reference("gpt2", "main")),
        ("hf://org/name", Reference("org/name")),
        ("hf://org/name@v2/config.json", Reference("org/name", "v2")),
        ("hf://models/org/name", Reference("org/name")),
        ("hf://gpt2@v2", Reference("gpt2", "v2")),
        ("hf://gpt2", Reference("gpt2")),
    ],
)
def test_what_is_pasted_means_a_repository(text: str, meant: Reference) -> None:
    assert parse(text) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://huggingface.co/datasets/org/name", "the address names no model repository of the Hub"),
        ("hf://datasets/org/name", "the address names no model repository of the Hub"),
        ("https://huggingface.co", "the address names no model repository of the Hub"),
        ("https://github.com/org/name", "only addresses of huggingface.co (or of HF_ENDPOINT) are looked up, and this "
                                        "one is of github.com"),
    ],
)  # fmt: skip
def test_other_addresses_are_refused(text: str, why: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(text)
    assert str(caught.value).splitlines()[1] == f"  why: {why}"


@pytest.mark.parametrize(
    ("text", "class_name"),
    [
        ("BERT", "BertForSequenceClassification"),
        (" bert ", "BertForSequenceClassification"),
        ("DeBERTa-v2", "DebertaV2ForSequenceClassification"),
        ("GPT-2", "GPT2ForSequenceClassification"),
        ("XLM_RoBERTa", "XLMRobertaForSequenceClassification"),
        ("BertForSequenceClassification", "BertForSequenceClassification"),
        ("bertforsequenceclassification", "BertForSequenceClassification"),
        ("GPT2ForSequenceClassification", "GPT2ForSequenceClassification"),
        ("BertForTokenClassification", "BertForTokenClassification"),
    ],
)
def test_types_and_classes_in_any_capitals(text: str, class_name: str) -> None:
    assert resolve(text).class_name == class_name


def test_the_default_config_of_a_class_is_its_own() -> None:
    assert resolve("GPT2ForSequenceClassification").model_type == "gpt2", "gpt-sw3 shares the class"
    small = resolve("BertForTokenClassification", config={"model_type": "bert", "hidden_size": 24}, num_labels=7)
    assert (small.config.hidden_size, small.config.num_labels) == (24, 7)


def test_an_id_that_is_known_comes_in_every_form() -> None:
    for text in ("https://huggingface.co/google-bert/bert-base-uncased", "hf://bert-base-uncased"):
        assert (resolve(text).config_source, resolve(text).model_type) == ("bundled", "bert")


def test_a_class_that_is_misspelt_is_offered() -> None:
    with pytest.raises(TargetError, match=r"did you mean BertForTokenClassification or "):
        resolve("BertForTokenClassificatoin")


def test_a_dotted_class_is_written_with_a_colon() -> None:
    with pytest.raises(TargetError, match="do: write transformers:BertModel for a class; "):
        resolve("transformers.BertModel")
    assert resolve("transformers:BertModel").class_name == "BertModel"


def test_the_main_branch_is_no_other_revision() -> None:
    assert resolve("bert-base-uncased@main").findings == ()
    assert [f.code for f in resolve("bert-base-uncased@v9").findings] == ["revision-unknown"]


def test_a_place_on_disk_comes_before_a_name(offline: Path) -> None:
    (offline / "BERT").mkdir()
    with pytest.raises(TargetError, match="BERT is no checkpoint"):
        resolve("BERT")
    (offline / "BERT" / "config.json").write_text(json.dumps({"model_type": "roberta"}))
    assert resolve("BERT").model_type == "roberta"


def test_names_that_mean_nothing_need_neither_torch_nor_the_library(tmp_path: Path) -> None:
    code = """
import sys
from archtrace.errors import TargetError
from archtrace.targets import resolve
for name in ("https://github.com/a/b", "bertt", "org/name@v1", "x.gguf", "hf://datasets/a/b", "./none/config.json"):
    try:
        resolve(name)
    except TargetError:
        continue
    raise SystemExit(name)
assert not {"torch", "transformers"} & set(sys.modules)
"""
    env = {"PYTHONPATH": ":".join(sys.path), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=tmp_path)


def test_arguments_are_for_code_alone() -> None:
    with pytest.raises(TargetError, match="bert takes no arguments"):
        resolve("bert", arguments={"width": 3})
