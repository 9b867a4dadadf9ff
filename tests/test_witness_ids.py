"""Other ids, large weights, saturated ops: what a model does with its tokens shows, what is constant does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch.nn import functional

import archtrace
from archtrace.answer.result import LayoutResult

Head = Callable[["Reading", torch.Tensor, torch.Tensor], torch.Tensor]
WIDTH, VOCABULARY = 8, 64


class Reading(torch.nn.Module):
    """A table, whatever a head makes of ids and mask by it, and a linear classifier."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.bag = torch.nn.Linear(VOCABULARY, WIDTH)
        self.score = torch.nn.Linear(WIDTH, 1)
        self.classifier = torch.nn.Linear(WIDTH, 2)
        self.head = head

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.head(self, input_ids, attention_mask))


def counted(m: Reading, ids: torch.Tensor) -> torch.Tensor:
    """Each row's words, counted."""
    counts = torch.stack([torch.bincount(row, minlength=VOCABULARY)[:VOCABULARY] for row in ids])
    return m.bag(counts.to(m.bag.weight.dtype))


def routed(m: Reading, h: torch.Tensor) -> torch.Tensor:
    """Positions whose score is positive, gathered and doubled: parameters decide how many there are."""
    flat = h.flatten(0, 1)
    out = flat.clone()
    (at,) = torch.where(m.score(flat).squeeze(-1) > 0)
    out[at] = flat[at] * 2
    return out.view_as(h)


def gated(m: Reading, h: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A gate of -1e4 where there is padding: a score of that size opens it."""
    off = (1 - mask.to(h.dtype)).unsqueeze(-1) * -1e4
    return (torch.sigmoid(m.score(h) + off) * h).sum(1)


def flat(m: Reading, ids: torch.Tensor) -> torch.Tensor:
    """Looked up for all rows at once, and folded into rows afterwards."""
    return m.table.weight.index_select(0, ids.flatten()).view(*ids.shape, -1)


def pad(ids: torch.Tensor) -> torch.Tensor:
    """1 where a token is no padding: the comparison makes 0 a special id."""
    return (ids != 0).long()


#: All tokens of each layout reach, and each is shown to.
SHOWN: dict[str, Head] = {
    "the fifth id of all": lambda m, ids, mask: m.table(ids.sort(1).values)[:, 5],
    "the smallest id": lambda m, ids, mask: m.table(ids.sort(1).values)[:, 0],
    "the largest id": lambda m, ids, mask: m.table(ids)[torch.arange(len(ids)), ids.argmax(1)],
    "counts": lambda m, ids, mask: counted(m, ids),
    "counts beside padding that ids tell": lambda m, ids, mask: counted(m, ids) + gated(m, m.table(ids), pad(ids)),
    "counts beside routing": lambda m, ids, mask: counted(m, ids) + routed(m, m.table(ids))[:, 0],
    "equal ids": lambda m, ids, mask: (
        (ids[:, :, None] == ids[:, None, :]).sum(-1).to(m.table.weight.dtype)[:, :1] * m.table(ids)[:, 0]
    ),
    "a bag of each": lambda m, ids, mask: (
        functional.embedding_bag(ids.view(-1, 1), m.table.weight, mode="sum").view(*ids.shape, WIDTH).amax(1)
    ),
    "a step in the middle of a sort": lambda m, ids, mask: torch.sigmoid(1e5 * m.table(ids) - 2e4).sort(1).values[:, 9],
    "a step behind a flat look-up": lambda m, ids, mask: torch.sigmoid(1e5 * flat(m, ids) - 2e4).mean(1),
    "a gate of bits": lambda m, ids, mask: gated(m, (m.table(ids) > 0).to(m.table.weight.dtype), mask),
    "words that are dropped before a gate": lambda m, ids, mask: gated(
        m, m.table(ids.masked_fill(torch.rand(ids.shape) < 0.5, 3)), mask
    ),
    "scores behind the lowest number": lambda m, ids, mask: (
        (
            (m.score(m.table(ids)) + (1 - pad(ids).unsqueeze(-1)) * torch.finfo(torch.float32).min).softmax(1)
            * torch.sign(m.table(ids))
        ).sum(1)
        + torch.sign(m.table(ids)).mean(1)
    ),
}


def layouts(head: Head) -> Sequence[LayoutResult]:
    """The layouts that a model runs in."""
    return [layout for layout in archtrace.trace(Reading(head)).result.layouts if layout.refused is None]


@pytest.mark.parametrize("name", SHOWN)
def test_every_token_is_shown(name: str) -> None:
    for layout in layouts(SHOWN[name]):
        assert layout.witness is not None
        assert layout.witness == layout.bound, layout.name
        assert [len(row) for row in layout.witness.tokens] == [19, 19]


#: Beside position 1 nothing moves the logits, though the analysis sees ways for more.
CONSTANT: dict[str, Head] = {
    "an id less itself": lambda m, ids, mask: (ids[:, 0] - ids[:, 0]).to(m.bag.weight.dtype)[:, None],
    "the parity of twice an id": lambda m, ids, mask: ((2 * ids[:, 0]) % 2).to(m.bag.weight.dtype)[:, None],
    "a weight times an id less itself": lambda m, ids, mask: m.bag.weight[:, 0] * (ids[:, :1] - ids[:, :1]),
    "the smallest above the largest": lambda m, ids, mask: (ids.amin(1) > ids.amax(1)).to(m.bag.weight.dtype)[:, None],
    "as many words as there are": lambda m, ids, mask: functional.one_hot(ids, VOCABULARY).sum((1, 2))[:, None] / 19,
    "far off and back": lambda m, ids, mask: (1e6 * m.table(ids)[:, 0] + 1) - 1e6 * m.table(ids)[:, 0],
    "a square taken apart": lambda m, ids, mask: (
        (m.table(ids)[:, 0] + 1) ** 2 - m.table(ids)[:, 0] ** 2 - 2 * m.table(ids)[:, 0]
    ),
    "a norm of equals": lambda m, ids, mask: functional.layer_norm(m.table(ids)[:, 0, :1].expand(-1, 8), (8,)),
    "a deviation of equals": lambda m, ids, mask: m.table(ids)[:, :1].expand(-1, 3, -1).std(1),
    "a sum of shares": lambda m, ids, mask: torch.einsum("bld,bl->bd", m.table(ids).softmax(1), torch.ones(ids.shape)),
}


def beside(head: Head) -> Head:
    """The head, with position 1 added."""
    return lambda m, ids, mask: head(m, ids, mask) + m.table(ids)[:, 1]


def truly_moving(head: Head) -> set[int]:
    """The tokens of the first row that move the module itself: several weights, several ids, in float64."""
    found = set[int]()
    for seed, gain in enumerate((0.5, 1.0, 30.0)):
        torch.manual_seed(seed)
        module = Reading(head).double()
        with torch.no_grad():
            for weight in module.parameters():
                weight.normal_().mul_(gain)
            ids = torch.randperm(VOCABULARY)[:38].reshape(2, 19)
            before = module(ids, torch.ones_like(ids))
            for place in range(19):
                for other in (0, 1, 31, 62, 63):
                    changed = ids.clone()
                    changed[0, place] = other
                    gap = (module(changed, torch.ones_like(ids)) - before).abs().max()
                    if gap > 1e-7 * (1 + before.abs().max()):
                        found.add(place)
    return found


@pytest.fixture
def _in_double() -> object:
    """The ones that a head makes are of the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_in_double")
@pytest.mark.parametrize("name", CONSTANT)
def test_nothing_shows_what_is_constant(name: str) -> None:
    head = beside(CONSTANT[name])
    assert truly_moving(head) == {1}
    for layout in layouts(head):
        assert layout.witness is not None
        assert layout.witness.tokens == ((1,), (1,)), layout.name
        assert 0 in layout.bound.tokens[0], "a case that the bound leaves out tests nothing"


def test_padding_that_ids_tell_is_structure() -> None:
    """An ordinary id in the place of a pad leaves the padding where it is, and is no witness of what counts it."""
    for layout in layouts(lambda m, ids, mask: m.table(ids)[:, 1] * pad(ids).sum(1, keepdim=True)):
        assert layout.bound.tokens == ((1,), (1,))
        assert layout.witness == layout.bound
