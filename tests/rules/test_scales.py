"""No rule promises a scale that its op does not keep: a softmax behind a mask sees what is really there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from rule_cases import CASES
from rule_oracle import Case, tried
from rule_samples import all_cases
from torch import Tensor, nn

import archtrace
from archtrace.reach.rules import registry
from archtrace.reach.rules.registry import Call, Operand, Spec, apply, bind, rebuild
from archtrace.reach.values import Unknown

aten = torch.ops.aten
#: What people write on scores that are not to be seen.
MASKS = (-1e4, -1e9, torch.finfo(torch.float32).min)
#: What is put on ordinary elements before the op: sharp, and so small that its inverse is large.
FACTORS = (1e5, 1e-9)
#: So many samples of an op, draws of its operands, and elements that alone are not masked.
SAMPLES, DRAWS, ALONE = 4, 2, 5

pytestmark = [
    # torch warns of its own samples, and of what they do with sizes that are not ordinary.
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def _scaled(case: Case, factor: float, slots: tuple[int, ...]) -> Call:
    """The call as a rule sees it, some operands `factor` times as large as ordinary ones."""

    def sized(leaf: Any) -> Any:
        if isinstance(leaf, Operand) and leaf.slot in slots:
            return Operand(leaf.slot, replace(leaf.value, scale=factor))
        return leaf

    call = case.call()
    return replace(call, arguments={k: rebuild(v, sized) for k, v in call.arguments.items()})


def _ordinary(like: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Numbers between 1/2 and 2, of either sign."""
    parts = [
        np.exp2(random.uniform(-1, 1, tuple(like.shape))) * random.choice([-1, 1], tuple(like.shape)) for _ in "ri"
    ]
    return torch.from_numpy(np.asarray(parts[0] + 1j * parts[1] if like.is_complex() else parts[0])).to(like.dtype)


def _linked(op: Any, value: Any, *args: Any) -> Unknown:
    """What is known of the result of one more op."""
    bound = bind(op, (Operand(0, value), *args), {})
    dtype = torch.float64
    step = apply(Call(op, op._schema.name, bound, (Spec(value.shape, dtype),)))
    (output,) = step.outputs
    assert isinstance(output, Unknown)
    return output


def _masks(size: int, low: float) -> Iterator[torch.Tensor]:
    for alone in np.unique(np.linspace(0, size - 1, min(size, ALONE)).astype(int)):
        mask = torch.full((size,), low, dtype=torch.float64)
        mask[alone] = 0
        yield mask


def _flat(value: Unknown) -> Unknown:
    """The value as a row of float64: its facts, element by element."""
    facts = {n: np.broadcast_to(f, value.shape).ravel() for n in ("certain", "offset")
             if (f := getattr(value, n)) is not None}  # fmt: skip
    return replace(value, shape=(value.size,), dtype=torch.float64, **facts)


def _hold(case: Case, call: Call, values: dict[int, torch.Tensor]) -> None:
    results = tried(case, values)
    for output, result in zip(apply(call).outputs, results or (), strict=False):
        if not isinstance(output, Unknown) or result.is_complex() or result.numel() < 2:
            continue
        real = result.to(torch.float64).flatten()
        if not real.isfinite().all():
            continue
        for mask in (m for low in MASKS for m in _masks(output.size, low)):
            claimed = _linked(aten.softmax.int, _linked(aten.add.Tensor, _flat(output), mask), 0)
            seen = (real + mask).softmax(0).numpy()
            certain = np.broadcast_to(claimed.certain, seen.shape)
            sure = ~np.isnan(certain)
            assert np.allclose(seen[sure], certain[sure], rtol=0, atol=1e-9), (case, mask.min(), output.scale)


@pytest.mark.parametrize("name", sorted(registry.RULES))
def test_no_rule_promises_a_scale_that_its_op_does_not_keep(name: str) -> None:
    random = np.random.default_rng(0)
    for case in all_cases(name, CASES)[:SAMPLES]:
        slots = tuple(s for s in case.unknown if case.tensors[s].is_floating_point() or case.tensors[s].is_complex())
        for factor in FACTORS if slots else ():
            call = _scaled(case, factor, slots)
            for _ in range(DRAWS):
                values = {s: factor * _ordinary(case.tensors[s], random) for s in slots}
                _hold(case, call, values)


class Scored(nn.Module):
    """A mean of the embeddings, weighted by scores of which those beyond the third are masked by -1e4."""

    def __init__(self, scores: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.emb, self.gate, self.out = nn.Embedding(60000, 8), nn.Linear(8, 1), nn.Linear(8, 3)
        self.scores = scores

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        h = self.emb(input_ids)
        late = torch.arange(input_ids.shape[1]) > 2
        weights = (self.scores(self, input_ids, h) - 1e4 * late).softmax(-1)
        logits: Tensor = self.out((weights[..., None] * h).sum(1))
        return logits


#: Scores that win over a mask of -1e4.
SCORES: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "pooled": lambda m, ids, h: nn.functional.avg_pool1d(1e5 * m.gate(h)[..., 0], 3, 1, 1),
    "the ids themselves": lambda m, ids, h: ids.float(),
    "through whole numbers": lambda m, ids, h: (1e5 * m.gate(h)[..., 0]).long().float(),
    "an inverse": lambda m, ids, h: 1 / (1e-9 * m.gate(h)[..., 0]),
}


@pytest.mark.parametrize("name", SCORES)
def test_a_token_that_wins_over_its_mask_is_told(name: str) -> None:
    ids = torch.arange(3, 10)[None] * 1000
    shown = set()
    for seed in range(8):
        torch.manual_seed(seed)
        module = Scored(SCORES[name]).eval()
        for place in range(7):
            other = ids.clone()
            other[0, place] = 50000 + seed
            moved = module(other, torch.ones_like(ids)) - module(ids, torch.ones_like(ids))
            shown |= {place} if moved.abs().max() > 1e-6 else set()
    assert shown == set(range(7))
    full = next(layout for layout in archtrace.trace(Scored(SCORES[name])).result.layouts if layout.name == "full")
    assert full.bound.tokens == (tuple(range(19)),) * 2
