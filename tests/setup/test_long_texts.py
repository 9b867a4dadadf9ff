"""Texts that are cut, texts that are longer than the model takes, and special tokens that a text brings along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from checkpoints import FAMILIES
from real_setups import loaded, set_up, tokens_read

from archtrace.setup.examination import examine

#: The second has more than 40 tokens, where the tokenizers of the tests cut.
TEXTS = ("a fine film", "no story at all, " * 9)


def ended(side: str, family: str, folder: Path) -> Path:
    """A checkpoint whose tokenizer cuts on a side."""

    def cut(model: Any, tokenizer: Any) -> None:
        tokenizer.truncation_side = tokenizer.init_kwargs["truncation_side"] = side

    return set_up(family, cut, folder)


@pytest.mark.parametrize(
    ("family", "side"), [("bert", "left"), ("bert", "right"), ("llama", "left"), ("llama", "right"), ("xlnet", "right")]
)
def test_an_end_that_is_cut_off_is_told(family: str, side: str, tmp_path: Path) -> None:
    """What the tokenizer sets is kept on either side; an end that people write is text, and is cut as text is."""
    folder = ended(side, family, tmp_path)
    model, tokenizer = loaded(folder)
    end = "</s>" if family == "llama" else ""
    texts = [f"{text}{end}" for text in TEXTS]
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    meant = {"bert": "[CLS]", "llama": "</s>", "xlnet": "<cls>"}[family]
    right = tokens_read(model, tokenizer, batch) == [[meant], [meant]]
    found = examine(str(folder), text=texts)
    assert found.opinion == ("right" if right else "wrong"), found
    assert right == ((family, side) != ("llama", "right"))
    assert [(f.code, f.change) for f in found.faults] == (
        [] if right else [("truncation-side", "tokenizer.truncation_side = 'left'")]
    )
    assert f"tokens, and is cut to 40 on the {side}" in found.notes[0]


def of_positions(family: str, positions: int, limit: int | None, folder: Path) -> Path:
    """A checkpoint with so many positions, and a tokenizer that cuts at another number of tokens, or at none."""

    def resize(model: Any, tokenizer: Any) -> Any:
        model.config.max_position_embeddings = positions
        tokenizer.model_max_length = tokenizer.init_kwargs["model_max_length"] = limit or int(1e30)
        tokenizer.save_pretrained(folder)
        return FAMILIES[family].model(model.config)

    return set_up(family, resize, folder)


@pytest.mark.parametrize(
    ("family", "limit"),
    [("bert", 64), ("roberta", 48), ("roberta", 50), ("roberta", None), ("gpt2", None), ("llama", 64)],
)
def test_what_the_model_refuses_is_told_with_the_longest_that_it_takes(
    family: str, limit: int | None, tmp_path: Path
) -> None:
    folder = of_positions(family, 50, limit, tmp_path)
    model, tokenizer = loaded(folder)
    found = examine(str(folder))
    assert found.opinion == ("right" if family == "llama" or limit == 48 else "wrong"), found
    assert runs(model, limit or 1000) == (found.opinion == "right")
    if found.faults:
        (fault,) = found.faults
        exec(fault.change)
        assert (fault.code, runs(model, tokenizer.model_max_length)) == ("too-long", True)
        assert not runs(model, tokenizer.model_max_length + 1)
    # Rotary positions go on and on, to where the model was never trained.
    assert ("50 positions" in "".join(found.notes)) == (family == "llama" and limit == 64)


def runs(model: Any, length: int) -> bool:
    """Whether a real run takes a text of so many tokens."""
    try:
        model(torch.full((1, length), 9))
    except (IndexError, RuntimeError):
        return False
    return True


def test_a_text_that_the_model_refuses_is_no_failure_of_the_doctor(tmp_path: Path) -> None:
    found = examine(str(of_positions("bert", 30, None, tmp_path)), text=TEXTS)
    assert [f.code for f in found.faults] == ["too-long"]


def test_a_special_token_that_a_text_has_of_its_own_is_told(tmp_path: Path) -> None:
    folder = set_up("llama", "right", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = ["<s>a fine film", "<s>dull"]
    (fault,) = examine(str(folder), text=texts).faults
    assert (fault.code, fault.meant) == ("special-twice", "one <s>")
    ids = eval(fault.change, {"tokenizer": tokenizer, "text": texts[0]})["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids)[:2] == ["<s>", "a"]
