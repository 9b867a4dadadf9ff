"""The doctor's verdict on real checkpoints with real tokenizers is what a gradient on the real padded batch says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from checkpoints import FAMILIES, saved, wordpiece
from slopes import heard, shown
from tokenizers import processors

from archtrace.setup.examination import SAMPLES, examine

#: A setup: what is changed of a right checkpoint, its model and tokenizer; saved again afterwards.
Setup = Callable[[Any, Any], None]


def _other_side(model: Any, tokenizer: Any) -> None:
    side = "right" if tokenizer.padding_side == "left" else "left"
    tokenizer.padding_side = tokenizer.init_kwargs["padding_side"] = side


def _other_pad_id(model: Any, tokenizer: Any) -> None:
    model.config.pad_token_id = tokenizer.convert_tokens_to_ids(tokenizer.convert_ids_to_tokens(9))


def _no_pad_id(model: Any, tokenizer: Any) -> None:
    model.config.pad_token_id = None


def _no_pad_token(model: Any, tokenizer: Any) -> None:
    tokenizer.pad_token = None


def _pad_id_0(model: Any, tokenizer: Any) -> None:
    model.config.pad_token_id = 0


def _pad_is_end(model: Any, tokenizer: Any) -> None:
    end = tokenizer.eos_token or tokenizer.sep_token
    _framed(tokenizer, f"$A {end}" if tokenizer.cls_token is None else None, end)
    tokenizer.pad_token = end
    model.config.pad_token_id = tokenizer.pad_token_id


def _framed(tokenizer: Any, template: str | None, *special: str) -> None:
    """Put a template around each text, with these special tokens in it; None leaves what there is."""
    if template is not None:
        ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in special]
        own = tokenizer.backend_tokenizer
        own.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)


def _no_special_tokens(model: Any, tokenizer: Any) -> None:
    _framed(tokenizer, "$A")


def _wrong_vocabulary(model: Any, tokenizer: Any) -> None:
    model.resize_token_embeddings(len(tokenizer) - 20)


SETUPS: Mapping[str, Setup] = {
    "right": lambda model, tokenizer: None,
    "other side": _other_side,
    "other pad id": _other_pad_id,
    "no pad id": _no_pad_id,
    "no pad token": _no_pad_token,
    "pad id 0": _pad_id_0,
    "pad is end": _pad_is_end,
    "no special tokens": _no_special_tokens,
    "wrong vocabulary": _wrong_vocabulary,
}
#: Which token of a text a family is made to read: the first, which is special for it, or the last.
MEANT = {"bert": 0, "roberta": 0, "gpt2": -1, "llama": -1, "xlnet": -1}


def set_up(family: str, setup: str, folder: Path) -> Path:
    """A checkpoint of a family, changed and saved by transformers itself."""
    saved(family, folder)
    model = FAMILIES[family].model.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    SETUPS[setup](model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # What a checkpoint does not keep was not set up.
    assert transformers.AutoTokenizer.from_pretrained(folder).padding_side == tokenizer.padding_side
    return folder


def is_right(folder: Path) -> bool:
    """Whether the gradients of real runs show that what is meant is read of each text, in the batch and alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval().double()
    try:
        batch = tokenizer(list(SAMPLES), padding=True, return_tensors="pt")
        together = _shown(model, batch)
    except (ValueError, TypeError, IndexError):  # no pad token; no pad id to count positions by; no row for an id
        return False
    for row, text in enumerate(SAMPLES):
        own = tokenizer(text, return_tensors="pt")
        (alone,) = _shown(model, own)
        meant = range(own["input_ids"].shape[1])[MEANT[folder.name]]
        special = tokenizer.cls_token_id in (None, int(own["input_ids"][0, meant]))
        if alone != (meant,) or not special:
            return False
        start = int(batch["attention_mask"][row].argmax())
        if tuple(p - start for p in together[row]) != alone:
            return False
    return True


def _shown(model: Any, batch: Any) -> tuple[tuple[int, ...], ...]:
    with heard({"states": model.base_model}) as kept:
        logits = model(**{k: v for k, v in batch.items() if k != "token_type_ids"}).logits
    return shown(kept["states"], logits)


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_verdict_is_what_a_gradient_says(family: str, setup: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = set_up(family, setup, tmp_path / family)
    found = examine(str(folder))
    assert found.opinion == ("right" if is_right(folder) else "wrong"), found
    assert found.opinion == "right" or all(fault.change for fault in found.faults)


#: Setups that are wrong for a family, as those who know it say; the gradients must say so too.
WRONG = {
    ("bert", "other side"), ("roberta", "other side"), ("xlnet", "other side"), ("llama", "pad id 0"),
    ("gpt2", "pad is end"), ("llama", "pad is end"), ("bert", "no special tokens"), ("xlnet", "no special tokens"),
}  # fmt: skip


@pytest.mark.parametrize(("family", "setup"), sorted(WRONG))
def test_what_is_known_to_be_wrong_is_wrong(family: str, setup: str, tmp_path: Path) -> None:
    assert not is_right(set_up(family, setup, tmp_path / family))


def test_padding_that_reaches_through_the_layers_is_told() -> None:
    """FNet has no mask: the first token is read, and its state is made of all that stands in the row."""
    tokenizer = wordpiece()
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 24, "vocab_size": len(tokenizer)}
    model = transformers.FNetForSequenceClassification(transformers.FNetConfig(**sizes, pad_token_id=0)).eval()
    assert [fault.code for fault in examine(model, tokenizer=tokenizer).faults] == ["padding-reaches"]


class Mixed(torch.nn.Module):
    """Reads one position behind a convolution and a pooling: no token stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.conv = torch.nn.Embedding(200, 8), torch.nn.Conv1d(8, 8, 2, stride=2)
        self.classifier = torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.classifier(self.conv(self.embed(input_ids).mT)[..., 0])
        return found


def test_what_stands_at_no_token_is_unknown() -> None:
    found = examine(Mixed(), tokenizer=wordpiece())
    assert (found.opinion, "no token of its own" in found.reason) == ("unknown", True)


def test_the_command_says_what_to_change(tmp_path: Path) -> None:
    folder = set_up("bert", "other side", tmp_path / "bert")
    line = [sys.executable, "-m", "archtrace_reports.cli", "doctor", str(folder)]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "tokenizer.padding_side = 'right'" in told.stdout
