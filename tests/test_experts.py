"""Experts that get their tokens sorted: rows that come back to their places, and look-alikes whose rows mix.

The truth is found by finite changes of the embedded tokens, over many draws of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archtrace
from archtrace.capture.module import graph_module
from archtrace.capture.run import capture
from archtrace.reach.rules.registry import has_rule

WIDTH, EXPERTS, CHOSEN, WORDS = 6, 3, 2, 40
ROWS, LENGTH = 2, 5

Route = Callable[[Any, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]


class Sorted(nn.Module):
    """A layer of experts whose order, sizes and way back a test gives; the head reads the first token."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self.emb, self.gate = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, EXPERTS)
        self.other = nn.Linear(WIDTH, EXPERTS)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(EXPERTS))
        self.out = nn.Linear(WIDTH, 2)
        self.route = route

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.head(self.emb(input_ids))

    def head(self, h: Tensor) -> Tensor:
        """From the embedded tokens to the logits."""
        x = h.reshape(-1, WIDTH)
        weights, chosen = self.gate(x).topk(CHOSEN, dim=1)
        order, sizes, rows, back = self.route(self, x, chosen, chosen.flatten())
        lengths = sizes.tolist()
        parts = x[rows].split(lengths, dim=0)
        if self.route is beside:  # rows that nobody sorted, in slices of the same lengths
            unsorted = x.repeat_interleave(CHOSEN, 0).split(lengths, dim=0)
            parts = [part + other for part, other in zip(parts, unsorted, strict=True)]
        y = torch.cat([expert(part) for expert, part in zip(self.experts, parts, strict=True)], 0)
        y = y * weights.softmax(1).flatten()[order][:, None]
        found: Tensor = self.out(torch.zeros_like(x).index_add(0, back, y).view_as(h)[:, 0])
        return found


def counted(chosen: Tensor) -> Tensor:
    return torch.zeros(len(chosen), EXPERTS).scatter(1, chosen, 1).long().sum(0)


def kept(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order = keys.sort(0)[1]
    rows = order.div(CHOSEN, rounding_mode="trunc")
    return order, counted(chosen), rows, rows


def descending(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order = keys.sort(0, True)[1]
    rows = order.div(CHOSEN, rounding_mode="trunc")
    return order, counted(chosen), rows, rows


def sizes_of_another(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order, _, rows, back = kept(m, x, chosen, keys)
    return order, counted(m.other(x).topk(CHOSEN, dim=1)[1]), rows, back


def wrong_way_back(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order, sizes, rows, _ = kept(m, x, chosen, keys)
    return order, sizes, rows, order.sort(0)[1].div(CHOSEN, rounding_mode="trunc")


def one_place_for_all(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order, sizes, rows, _ = kept(m, x, chosen, keys)
    return order, sizes, rows, torch.arange(len(order)).div(CHOSEN, rounding_mode="trunc")


def order_of_another(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order = m.other(x).topk(CHOSEN, dim=1)[1].flatten().sort(0)[1]
    rows = order.div(CHOSEN, rounding_mode="trunc")
    return order, counted(chosen), rows, rows


def beside(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    return kept(m, x, chosen, keys)


def shifted(m: Any, x: Tensor, chosen: Tensor, keys: Tensor) -> Any:
    order, sizes, rows, _ = kept(m, x, chosen, keys)
    return order, sizes, rows, rows.flip(0)


def changed(model: Sorted) -> set[int]:
    """The tokens of the first row that change its logits, for some parameters and some change."""
    found: set[int] = set()
    for seed in range(60):
        torch.manual_seed(seed)
        for parameter in model.parameters():
            nn.init.normal_(parameter)
        h = torch.randn(ROWS, LENGTH, WIDTH)
        before = model.head(h)[0]
        for token in range(LENGTH):
            other = h.clone()
            other[0, token] = 3 * torch.randn(WIDTH)
            if not torch.allclose(model.head(other)[0], before, atol=1e-4):
                found.add(token)
    return found


@torch.no_grad()
def test_rows_that_come_back_do_not_mix() -> None:
    """Each token is sorted, seen by its experts, and put back: the first alone reaches the logits, and is told so."""
    model = Sorted(kept)
    assert changed(model) == {0}
    trace = archtrace.trace(model)
    assert trace.result.status == "exact"
    for layout in trace.result.layouts:
        assert all(set(row) <= {0} for row in layout.bound.tokens)


@pytest.mark.parametrize(
    "route", [sizes_of_another, order_of_another, wrong_way_back, one_place_for_all, shifted, descending, beside]
)
@torch.no_grad()
def test_rows_that_mix_are_all_told(route: Route) -> None:
    """Where sizes, order or the way back are another's, what changes the logits lies in the bound."""
    model = Sorted(route)
    truth = changed(model)
    assert truth > {0}
    full = next(layout for layout in archtrace.trace(model).result.layouts if layout.name == "full")
    assert all(truth <= set(row) for row in full.bound.tokens)


@torch.no_grad()
def test_the_program_without_sorting_is_the_model() -> None:
    """Run with parameters, the graph in which nothing is sorted gives the model's logits."""
    model = Sorted(kept).eval()
    ids = torch.randint(3, WORDS, (ROWS, 11))
    program = capture(model, {}, {"input_ids": ids}, has_rule)
    for seed in range(5):
        torch.manual_seed(seed)
        for parameter in model.parameters():
            nn.init.normal_(parameter)
        graph = graph_module(program, model)
        assert not any("sort" in str(node.target) for node in graph.graph.nodes)
        torch.testing.assert_close(graph(ids), model(ids))
