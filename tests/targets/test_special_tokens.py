"""What stands around a text is what real tokenizers set there, and is named only where it is read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import peft
import pytest
import transformers
from checkpoints import FAMILIES, SIZES, saved
from tokenizers import processors

import archtrace
from archtrace.answer.texts import SpecialTokens
from archtrace.targets.special_tokens import special_tokens_of, surrounding_tokens
from archtrace_reports.text.wording import headline

TEXT = "a fine film"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_frame_is_what_the_tokenizer_sets(family: str) -> None:
    tokenizer = FAMILIES[family].tokenizer()
    names = tokenizer.convert_ids_to_tokens(tokenizer(TEXT)["input_ids"])
    inner = tokenizer.convert_ids_to_tokens(tokenizer(TEXT, add_special_tokens=False)["input_ids"])
    found = surrounding_tokens(tokenizer)
    assert [*found.before, *inner, *found.after] == names
    assert found.padding == tokenizer.pad_token


LIBRARY = {
    "bert": SpecialTokens(("[CLS]",), ("[SEP]",), "[PAD]"),
    "roberta": SpecialTokens(("<s>",), ("</s>",), "<pad>"),
    "t5": SpecialTokens((), ("</s>",), "<pad>"),
    "xlnet": SpecialTokens((), ("<sep>", "<cls>"), "<pad>"),
    "canine": SpecialTokens(("[CLS]",), ("[SEP]",), "[PAD]"),
    "qwen2": None,
}


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_type_has_the_frame_of_the_librarys_tokenizer(kind: str) -> None:
    assert special_tokens_of(archtrace.targets.resolve(kind)) == LIBRARY[kind]


def test_a_folder_has_the_frame_of_its_own_tokenizer(tmp_path: Path) -> None:
    folder = saved("bert", tmp_path / "bert")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"cls_token": "[START]"})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[START] $A", special_tokens=[("[START]", tokenizer.cls_token_id)]
    )
    tokenizer.save_pretrained(folder)
    assert "the first token ([START])" in headline(archtrace.trace(str(folder)).result)


def test_a_soft_prompt_in_front_has_no_name() -> None:
    """Index 0 of a prompt-tuned BERT is a vector of the prompt: [CLS] stands behind it."""
    config = transformers.BertConfig(**SIZES, vocab_size=60)
    prompt = peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=3)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        tuned: Any = peft.get_peft_model(transformers.BertForSequenceClassification(config), prompt)
    told = headline(archtrace.trace(tuned).result)
    assert "the first position" in told
    assert "CLS" not in told
