"""An eos that passes for padding: told where the real model reads the token before it, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2Config, GPT2ForSequenceClassification

from archtrace import trace
from archtrace_reports.text.cautions import cautions

END = 40
TINY = {"n_layer": 1, "n_embd": 16, "n_head": 2, "vocab_size": 48, "eos_token_id": END}


def end_is_read(pad: int) -> bool:
    """Whether the eos of a text makes a difference to the real model; as it attends backwards alone, a token that
    is not read makes none."""
    torch.manual_seed(0)
    model = GPT2ForSequenceClassification(GPT2Config(**TINY, pad_token_id=pad)).eval()
    text = torch.tensor([[5, 6, 7]])
    ended = torch.cat([text, torch.tensor([[END]])], 1)
    with torch.no_grad():
        return not torch.allclose(model(input_ids=text).logits, model(input_ids=ended).logits)


@pytest.mark.parametrize("pad", [END, 0])
def test_it_is_told_where_the_model_skips_it(pad: int) -> None:
    found = trace("gpt2", overrides={**TINY, "pad_token_id": pad}).result
    told = [finding.message for finding in found.findings if finding.code == "pad-is-eos"]
    assert end_is_read(pad) is (told == []) is (pad != END)
    if told:
        assert told == [
            "pad_token_id is eos_token_id (40): the eos that ends a text passes for padding, and the token before it "
            "is read; give padding an id of its own"
        ]
        assert cautions(found)[0].grave
        assert cautions(found)[0].text == told[0]


def test_a_fixed_index_does_not_care() -> None:
    same = {"pad_token_id": END, "eos_token_id": END, "vocab_size": 48, "num_hidden_layers": 1, "hidden_size": 24}
    found = trace("bert", overrides={**same, "num_attention_heads": 2, "intermediate_size": 32}).result
    assert [finding.code for finding in found.findings] == []
