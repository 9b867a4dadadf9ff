"""What a wrapped model really reads: gradients of the live model with its own weights, layout by layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from live_fields import fields
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

import archtrace
from archtrace import Trace
from archtrace.capture.outputs import output_of

Rows: TypeAlias = tuple[tuple[int, ...], ...]
#: Calls the live model, with inputs by name.
Run: TypeAlias = Callable[..., Any]
#: Puts a leaf in the place of a tensor as it goes by, and returns the hook.
Tap: TypeAlias = Callable[[Callable[[torch.Tensor], torch.Tensor]], Any]

VOCABULARY = 90
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


def bert() -> Any:
    """A tiny BERT classifier, with weights that move with its inputs."""
    return BertForSequenceClassification(
        BertConfig(**SIZES, vocab_size=VOCABULARY, num_labels=3, initializer_range=0.3)
    )


def llama(kind: Any = LlamaForSequenceClassification, labels: int = 3) -> Any:
    """A tiny Llama, as a classifier or with another head."""
    others = {"num_key_value_heads": 1, "pad_token_id": 0, "eos_token_id": 2, "initializer_range": 0.3}
    return kind(LlamaConfig(**SIZES, **others, vocab_size=VOCABULARY, num_labels=labels))


def at_output(module: nn.Module) -> Tap:
    """At what a module puts out: a tensor, or its last hidden states."""

    def tap(leaf: Callable[[torch.Tensor], torch.Tensor]) -> Any:
        def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
            if isinstance(output, torch.Tensor):
                return leaf(output)
            output["last_hidden_state"] = leaf(output["last_hidden_state"])
            return output

        return module.register_forward_hook(hook)

    return tap


def at_hidden(backbone: Any) -> Tap:
    """At a backbone's last hidden states, before a pooler of its own takes some."""
    return at_output(getattr(backbone, "encoder", backbone))


def reaching(run: Run, inputs: Mapping[str, torch.Tensor], tap: Tap, draws: int = 1, asked: str = "") -> Rows:
    """The positions of a tensor that move an output of their row, in some draw of the tensor; no row moves another."""
    rows = next(iter(inputs.values())).shape[0]
    found: list[set[int]] = [set() for _ in range(rows)]
    for draw in range(draws):
        for row, slope in enumerate(_slopes(run, inputs, tap, draw, asked)):
            where = slope.abs().sum(-1).nonzero().tolist()
            assert {r for r, _ in where} <= {row}
            found[row] |= {p for _, p in where}
    return tuple(tuple(sorted(positions)) for positions in found)


def _slopes(run: Run, inputs: Mapping[str, torch.Tensor], tap: Tap, draw: int, asked: str) -> list[torch.Tensor]:
    """The gradient of each row of the output at the whole tensor."""
    torch.manual_seed(draw)
    leaves: list[torch.Tensor] = []

    def leaf(value: torch.Tensor) -> torch.Tensor:
        leaves.append((value.detach() + draw * torch.randn_like(value)).requires_grad_())
        return leaves[-1]

    hook = tap(leaf)
    try:
        output = output_of(run(**{name: value.clone() for name, value in inputs.items()}), asked)
    finally:
        hook.remove()
    (tensor,) = leaves
    weighted = (output * torch.randn_like(output)).flatten(1).sum(1)
    return [torch.autograd.grad(row, tensor, retain_graph=True)[0] for row in weighted]


def assert_true(found: Trace, run: Run, hidden: Tap, embedded: Tap, draws: int = 1) -> None:
    """In every layout the answer is exact, and its one read tensor and its tokens are what the gradient says."""
    assert found.result.status == "exact"
    (name,) = {readout.tensor for readout in found.readouts}
    asked = found.analysis.program.output_name
    for layout in found.result.layouts:
        assert layout.refused is None, layout.refused
        inputs = {key: torch.tensor(value) for key, value in layout.inputs.items()}
        assert layout.status == "exact", layout.name
        assert layout.bound.reads == {name: reaching(run, inputs, hidden, draws, asked)}, layout.name
        assert layout.bound.tokens == reaching(run, inputs, embedded, draws, asked), layout.name


def traced_untouched(model: nn.Module, **options: Any) -> Trace:
    """A trace of a live model in training mode, which comes back as it was, field by field."""
    model.train()
    before = dict(fields(model))
    found = archtrace.trace(model, **options)
    found.at(**{found.analysis.ids: [[5, 6, 7]]})
    assert dict(fields(model)) == before
    return found
