"""The doctor's verdict on real checkpoints with real tokenizers is what a gradient on the real padded batch says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from checkpoints import FAMILIES, composite, wordpiece
from click.testing import CliRunner
from real_setups import PROMISED, PROMPT, SETUPS, is_right, loaded, set_up, tuned

from archtrace.answer.diagnosis import Diagnosis
from archtrace.setup.examination import SHIFT_UNTRIED, examine
from archtrace_reports.commands.doctor import command

#: Faults whose change is code that mends them; the others say in words what to do, as does a batch that nothing mends.
IN_CODE = {"padding-side", "pad-id-differs", "no-pad-id", "no-pad-token", "pad-is-end", "vocabulary", "no-end"}


def checked(found: Diagnosis, folder: Path, family: str, promised: bool = False) -> None:
    """The verdict is the gradient's, and what is told to change mends what is wrong."""
    assert found.opinion == ("right" if is_right(*loaded(folder), family, promised) else "wrong"), found
    assert bool(found.reason) == (found.opinion == "right")
    if found.faults and all(f.code in IN_CODE or f.change.startswith("tokenizer.") for f in found.faults):
        assert mended(found, folder, family, promised), found


def mended(found: Diagnosis, folder: Path, family: str, promised: bool) -> bool:
    """Whether the setup is right once each line that was told has run."""
    model, tokenizer = loaded(folder)
    names = {"model": model, "tokenizer": tokenizer, "AutoTokenizer": transformers.AutoTokenizer}
    for fault in found.faults:
        exec(fault.change, names)
    model.save_pretrained(folder / "mended")
    again = transformers.AutoModelForSequenceClassification.from_pretrained(folder / "mended")
    return is_right(again, names["tokenizer"], family, promised)


#: Setups that are wrong for a family, as those who know it say.
WRONG = {
    ("bert", "other side"), ("roberta", "other side"), ("xlnet", "other side"), ("llama", "pad id 0"),
    ("gpt2", "pad is end"), ("llama", "pad is end"), ("bert", "no special tokens"), ("xlnet", "no special tokens"),
    ("gpt2", "other side"), ("gpt2", "no end"), ("llama", "no end"), ("bert", "prompt-tuned"),
    ("llama", "prompt-tuned"),
}  # fmt: skip


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_verdict_is_what_a_gradient_says(family: str, setup: str, tmp_path: Path) -> None:
    folder = set_up(family, setup, tmp_path)
    found = examine(str(folder))
    checked(found, folder, family, setup in PROMISED)
    assert found.opinion == "wrong" or (family, setup) not in WRONG


#: Pad ids of a composite config, its own and that of its text part, which the head asks; the tokenizer pads with 3.
COMPOSITE = {"both": (3, 3), "text part": (None, 3), "whole": (3, None), "text part differs": (3, 9)}


@pytest.mark.parametrize("pads", COMPOSITE)
def test_of_a_composite_config_the_text_part_counts(pads: str, tmp_path: Path) -> None:
    folder = composite(tmp_path / "gemma3", *COMPOSITE[pads])
    found = examine(str(folder))
    checked(found, folder, "gemma3")
    assert [f.change for f in found.faults] == (
        [] if COMPOSITE[pads][1] == 3 else ["model.config.text_config.pad_token_id = 3  # the tokenizer's"]
    )


def _left(model: Any, tokenizer: Any) -> Any:
    """Where the prompt of a decoder reads the right token, but pads stand between prompt and text (peft 1093)."""
    tokenizer.padding_side = tokenizer.init_kwargs["padding_side"] = "left"
    return SETUPS["prompt-tuned"](model, tokenizer)


#: Further ways to put vectors in front of a text, or into the attention alone; what is found of each.
TUNED = {
    "p-tuning": ("bert", tuned(peft.PromptEncoderConfig(**PROMPT, encoder_hidden_size=8)), ["prompt-read"]),
    "prefix": ("llama", tuned(peft.PrefixTuningConfig(**PROMPT)), []),
    "padded on the left": ("llama", _left, ["positions-move"]),
}


@pytest.mark.parametrize("name", TUNED)
def test_other_prompts(name: str, tmp_path: Path) -> None:
    family, setup, codes = TUNED[name]
    folder = set_up(family, setup, tmp_path)
    found = examine(str(folder))
    checked(found, folder, family)
    assert [fault.code for fault in found.faults] == codes


def test_a_live_model_is_examined_and_stays_as_it_was(tmp_path: Path) -> None:
    model, tokenizer = loaded(set_up("llama", "pad id 0", tmp_path))
    before = model.config.to_dict()
    (fault,) = examine(model, tokenizer=tokenizer).faults
    assert fault.code == "pad-id-differs"
    assert model.config.to_dict() == before


def test_an_end_that_is_padding_is_told_with_the_text(tmp_path: Path) -> None:
    folder = set_up("llama", "pad is end", tmp_path)
    (fault,) = examine(str(folder), text=["a fine story", "a long war"]).faults
    assert (fault.code, fault.meant) == ("pad-is-end", "the </s> (3) that ends the text")
    assert fault.read.startswith('story (2) of "a fine story </s>": ')


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


def test_the_page_has_each_code() -> None:
    """docs/doctor.md explains what the doctor can find, and nothing else."""
    root = Path(__file__).parents[2]
    sources = "".join(file.read_text() for file in (root / "tracer/archtrace/setup").glob("*.py"))
    codes = set(re.findall(r'(?:Fault\(|yield|or \()\s*"([a-z-]+)"', sources))
    assert set(re.findall(r"^\| `([a-z-]+)`", (root / "docs/doctor.md").read_text(), re.M)) == codes


class Picky(torch.nn.Module):
    """Takes no row of fewer than 13 tokens, so that nothing short can be run in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.classifier = torch.nn.Embedding(200, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] < 13:
            raise ValueError("too short a row")
        found: torch.Tensor = self.classifier(self.embed(input_ids)[:, 0])
        return found


def test_what_was_not_tried_is_told_beside_what_is_right() -> None:
    found = examine(Picky(), tokenizer=wordpiece(), text=["a fine film " * 5, "a fine film " * 7])
    assert found.opinion == "right"
    assert found.notes == (SHIFT_UNTRIED,)


def test_the_command_says_what_to_change(tmp_path: Path) -> None:
    folder = set_up("bert", "other side", tmp_path)
    told = CliRunner().invoke(command, [str(folder)], standalone_mode=False)
    assert told.return_value == 1
    assert "tokenizer.padding_side = 'right'" in told.stdout
