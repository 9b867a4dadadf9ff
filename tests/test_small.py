"""Making a model small: what hangs together moves together, and what comes out runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from archtrace.witness.shrink import Overrides, derived, integers
from archtrace.witness.small_model import coupled, reduced

FREE: Overrides = {
    "num_hidden_layers": 13,
    "n_mamba_heads": 2,
    "adapter_rank": 64,
    "vocab_size": 500,
    "hidden_size": 160,
}


def run(config: Any) -> torch.Tensor:
    """The logits of a real model of a config."""
    config.pad_token_id = 0
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([[5, 6, 7, 8]])).logits
    return logits


def test_what_the_config_derives_moves_along() -> None:
    """The width of a head is a quotient of two fields, the width of attention twice another: alone they do not fit."""
    config = transformers.Zamba2Config()
    with pytest.raises(RuntimeError, match="shape"):
        run(reduced(config, FREE))
    together = coupled(config, FREE)
    assert together is not None
    assert run(reduced(config, together)).isfinite().all()


def test_a_list_is_cut_with_the_layers_that_it_tells_of() -> None:
    config = transformers.Zamba2Config()
    small = reduced(config, {"num_hidden_layers": 13})
    assert small.layers_block_type == config.layers_block_type[:13]


def test_what_is_stated_stays() -> None:
    """A field that the user set is no consequence of another."""
    config = transformers.Zamba2Config(kv_channels=24)
    found = coupled(config, {"hidden_size": 1280})
    assert found is not None
    assert "kv_channels" not in found
    assert "kv_channels" not in derived(dict(integers(config)), lambda o: coupled(config, o))


def test_a_value_that_the_config_refuses_is_no_step() -> None:
    """80 / 32 makes rotary heads of odd width."""
    assert coupled(transformers.Zamba2Config(), {"hidden_size": 80}) is None
