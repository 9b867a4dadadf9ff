"""Kinds of heads: which class of the library a kind means for a model type, and what is said where it means none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertForMultipleChoice
from transformers.models.auto import modeling_auto

import archtrace
from archtrace.errors import TargetError
from archtrace.targets import head_kinds, resolve
from archtrace.targets.head_kinds import HEADS


@pytest.mark.parametrize("head", HEADS)
def test_a_kind_has_the_classes_that_the_library_says(head: str) -> None:
    """Read off its source, the table is what importing the library gives."""
    theirs: dict[str, Any] = getattr(modeling_auto, f"MODEL_FOR_{HEADS[head].mapping}_MAPPING_NAMES")
    assert head_kinds.classes(head) == {k: (v,) if isinstance(v, str) else tuple(v) for k, v in theirs.items()}
    names = [name for _, name in head_kinds.every_class(head)]
    assert sorted(names) == sorted({name for each in head_kinds.classes(head).values() for name in each})


@pytest.mark.parametrize(
    ("target", "head", "name"),
    [
        ("bert", None, "BertForSequenceClassification"),
        ("bert", "sequence-classification", "BertForSequenceClassification"),
        ("bert", "token-classification", "BertForTokenClassification"),
        ("bert-base-uncased", "question-answering", "BertForQuestionAnswering"),
        ("gpt2", "causal-lm", "GPT2LMHeadModel"),
        ("t5", "text-encoding", "T5EncoderModel"),
        ("deit", "image-classification", "DeiTForImageClassification"),
        (BertConfig(num_hidden_layers=2), "masked-lm", "BertForMaskedLM"),
    ],
)
def test_a_kind_of_head_names_a_class(target: Any, head: str | None, name: str) -> None:
    """Of a model type, of an id, of a config."""
    assert resolve(target, head=head).class_name == name


def test_the_architectures_of_a_checkpoint_choose_among_several_classes(tmp_path: Path) -> None:
    """DeiT has two image classifiers; a checkpoint names the one that it holds, and other heads mean nothing here."""
    for named in ("DeiTForImageClassificationWithTeacher", "DeiTForImageClassification"):
        fields = {"model_type": "deit", "architectures": ["DeiTModel", named]}
        (tmp_path / "config.json").write_text(json.dumps(fields))
        assert resolve(str(tmp_path), head="image-classification").class_name == named


@pytest.mark.parametrize(
    ("target", "head", "said"),
    [
        ("bert", "token-clasification", r"unknown head(?s:.)*did you mean token-classification"),
        ("gpt2", "masked-lm", r"'gpt2' has no masked language model(?s:.)*it has sequence-classification"),
        ("vit", None, r"'vit' has no sequence classifier"),
        ("transformers:BertModel", "masked-lm", r"BertModel has a head of its own"),
        (torch.nn.Linear(2, 2), "masked-lm", r"Linear has a head of its own"),
    ],
)
def test_a_head_that_is_not_there(target: Any, head: str | None, said: str) -> None:
    """One message says what the model type has."""
    with pytest.raises(TargetError, match=said):
        resolve(target, head=head)


def test_three_choices_of_the_library_are_those_of_its_multiple_choice() -> None:
    """By class name, so that a live module has them as well."""
    chosen = head_kinds.kind_of(BertForMultipleChoice)
    assert chosen is not None
    assert chosen.choices == 3
    assert head_kinds.kind_of(BertForMaskedLM) == HEADS["masked-lm"]
    assert head_kinds.kind_of(type("BertForMultipleChoice", (), {})) is None


def test_trace_takes_the_head() -> None:
    """The verb passes it on."""
    small = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
    trace = archtrace.trace("bert", head="question-answering", output="end_logits[:, 2]", overrides=small)
    assert [r.slice for r in trace.readouts] == ["last_hidden_state[:, 2]"]
