"""A model of experts: answered exactly where the library can compute all of them at once, else told what to install."""

from __future__ import annotations

import inspect

import pytest
import torch
import transformers

import archtrace
from archtrace.errors import CaptureError

SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 90}


def test_experts_are_answered_or_a_newer_release_is_named() -> None:
    config = transformers.MixtralConfig(**SIZES, num_key_value_heads=1, num_local_experts=4, pad_token_id=0)
    model = transformers.MixtralForSequenceClassification(config)
    if hasattr(model, "set_experts_implementation") or not chooses(model):
        assert archtrace.trace(model).result.status == "exact"
    else:
        with pytest.raises(CaptureError, match=r"do: pip install 'transformers>=5.0'"):
            archtrace.trace(model)


def chooses(model: torch.nn.Module) -> bool:
    """Whether the model's loop is over the experts that its router chose; until 4.48 it was over all of them."""
    block = type(model.model.layers[0].block_sparse_moe)
    return "nonzero" in inspect.getsource(block.forward)
