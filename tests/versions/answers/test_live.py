"""A live module: what is said to reach its logits is what the gradient reaches, and the module stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers

import archtrace

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 90}
#: Two texts, the second with two pads behind it.
ENCODED = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9], [5, 6, 7, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
}


def library(name: str) -> Any:
    """A tiny classifier of the library with random weights, in training mode."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SIZES, pad_token_id=0)
    return getattr(transformers, f"{name}ForSequenceClassification")(config).train()


def touched(gradient: torch.Tensor) -> tuple[tuple[int, ...], ...]:
    """For each row, the positions at which a gradient is not zero."""
    return tuple(tuple(row.any(-1).nonzero().flatten().tolist()) for row in gradient)


def keeping(found: list[torch.Tensor]) -> Callable[..., None]:
    """A forward hook that keeps the (first) tensor of a module's output."""
    return lambda _module, _args, output: found.append(output if isinstance(output, torch.Tensor) else output[0])


@pytest.mark.parametrize("name", ["Bert", "Llama"])
def test_reads_and_tokens_are_the_gradients(name: str) -> None:
    model = library(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    view = archtrace.trace(model).at(**ENCODED)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())

    found: list[torch.Tensor] = []
    for module in (model.get_input_embeddings(), model.base_model):
        module.register_forward_hook(keeping(found))
    logits = model.eval()(**ENCODED).logits
    embedded, state = torch.autograd.grad(logits.square().sum(), found)
    assert view.reads == {"last_hidden_state": touched(state)}
    assert view.tokens == touched(embedded)
