"""The witness: not fooled by zero heads, flat activations, NaN, sparse maxima, rounding or branches that cancel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import archtrace
from archtrace.tracing.answering import check_inside


class Headed(torch.nn.Module):
    """Embedding, a head that a test gives, and a linear classifier whose weights are all zero."""

    def __init__(self, head: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(64, 8)
        self.head = head
        self.classifier = torch.nn.Linear(8, 2)
        torch.nn.init.zeros_(self.classifier.weight)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.head(self.table(input_ids)))


SEEN = {
    "zero-initialised head": lambda h: h.mean(1),
    "saturated tanh": lambda h: torch.tanh(40 * h).mean(1),
    "sparse maximum": lambda h: h.amax(1),
    "rounding": lambda h: torch.round(8 * h).mean(1),
    "sign": lambda h: torch.sign(h).mean(1),
    "a NaN beside": lambda h: torch.where(h > 100, torch.log(-h.abs()), h).mean(1),
    "a maximum of few levels": lambda h: torch.sign(h).amax(1),
    "a sigmoid far off": lambda h: torch.sigmoid(h - 1e4).mean(1),
    "a random mask": lambda h: (h * (torch.rand(h.shape[1]) < 0.5)[:, None]).sum(1),
    "argmax routing": lambda h: torch.nn.functional.one_hot(h.argmax(-1), 8).to(h.dtype).mean(1),
}


@pytest.mark.parametrize("name", SEEN)
def test_every_position_is_seen(name: str) -> None:
    """All positions reach the logits, and the witness shows each of them."""
    result = archtrace.trace(Headed(SEEN[name])).result
    full = next(layout for layout in result.layouts if layout.name == "full")
    assert full.bound.tokens == (tuple(range(19)),) * 2
    assert full.witness is not None
    assert full.witness.tokens == full.bound.tokens
    assert check_inside(result) == []


class Chosen(torch.nn.Module):
    """A score chooses the position that is read."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 1)
        self.classifier = torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        h = self.table(input_ids)
        return self.classifier(h[torch.arange(h.shape[0]), self.score(h).squeeze(-1).argmax(1)])


class Dropped(torch.nn.Module):
    """Words are dropped at random before they are looked up: integers that no layout decides."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.classifier = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.table(input_ids.masked_fill(torch.rand(input_ids.shape) < 0.5, 3))[:, 0])


@pytest.mark.parametrize("module", [Chosen, Dropped])
def test_what_is_chosen_is_seen(module: type[torch.nn.Module]) -> None:
    """Whatever a score or a draw may choose is shown: nothing but the bound is left to say."""
    assert archtrace.trace(module()).result.status == "exact"


class Loose(torch.nn.Module):
    """A list, or a closure, holds a parameter that is zero now: once trained it lets position 1 through."""

    def __init__(self, closed: bool) -> None:
        super().__init__()
        self.table, self.classifier = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)
        weight = torch.zeros(8, 8, requires_grad=True)
        self.held: list[object] = [(lambda: weight) if closed else weight]

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        h, held = self.table(input_ids), self.held[0]
        return self.classifier(h[:, 0] + h[:, 1] @ (held if isinstance(held, torch.Tensor) else held()))


@pytest.mark.parametrize("closed", [False, True])
def test_a_parameter_that_no_module_knows_is_unknown(closed: bool) -> None:
    """What a parameter happens to hold is no promise, wherever the parameter is kept."""
    result = archtrace.trace(Loose(closed)).result
    assert result.status == "exact"
    assert result.layouts[0].bound.tokens == ((0, 1), (0, 1))


CANCELLED = {
    "the same twice": lambda h: h[:, 0] - h[:, 0] + h[:, 1],
    "distributed": lambda h: (h[:, 0] + h[:, 1]) * 3.7 - 3.7 * h[:, 0],
    "a norm of one feature": lambda h: torch.nn.functional.layer_norm(h[:, 0, :1], (1,)) + h[:, 1],
}


@pytest.mark.parametrize("name", CANCELLED)
def test_what_cancels_is_a_bound(name: str) -> None:
    """Position 0 is in the bound and in no witness: rounding noise is no witness, and the status is honest."""
    result = archtrace.trace(Headed(CANCELLED[name])).result
    full = next(layout for layout in result.layouts if layout.name == "full")
    assert full.bound.tokens == ((0, 1), (0, 1))
    assert full.witness is not None
    assert full.witness.tokens == ((1,), (1,))
    assert result.status == "bound"
