"""Heads that once went wrong: what people write, each with the tokens that it truly reads.

Branches and loops on masks, writes into views, ids that are counted or dropped before the embedding, routed experts,
shifts that are no masks, random draws. The truth is checked here against the module itself before the trace is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archtrace

WIDTH, WORDS = 8, 50
ALL = "all"


class Parts(nn.Module):
    """An embedding, a few layers, and a forward that a test gives."""

    def __init__(self, head: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.emb, self.out = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, 3)
        self.lin, self.gate, self.qkv = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3), nn.Linear(WIDTH, 3 * WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.head = head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.out(self.head(self, input_ids, attention_mask))
        return logits


def cond(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    return torch.cond(h.sum() > 0, lambda x, y: x[:, 0] + y[:, 2], lambda x, y: x[:, 1] * y[:, 0], (h, h * 2))


def flex(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    x = m.emb(ids).unsqueeze(1)
    causal = lambda s, b, n, q, k: torch.where(q >= k, s, -float("inf"))  # noqa: E731
    return flex_attention(x, x, x, score_mod=causal).squeeze(1)[:, 2]


def class_token(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    return m.lin(torch.cat([m.lin.weight[:1].expand(h.shape[0], 1, -1), h], 1))[:, -1]


def scaled_chunk(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    q, k, v = m.qkv(m.emb(ids)).chunk(3, -1)
    q *= WIDTH**-0.5
    return ((q @ k.transpose(1, 2)).softmax(-1) @ v)[:, 0]


def squeezed_in_place(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids) * 1.0
    y = h[:, :1]
    y.squeeze_(1)
    y.zero_()
    return h[:, 0] + h[:, 1]


def bits(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return m.emb(ids).view(torch.int32).view(torch.float32)[:, 1]


def same_type(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return m.emb(ids).view(torch.float32)[:, 0]


def mapped(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    w = mask.to(torch.float32)
    return torch.vmap(lambda x, k: (x * k[:, None]).sum(0) / k.sum())(m.emb(ids), w)


def strided(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    x = m.emb(ids).clone().transpose(0, 1)
    rows, length = ids.shape
    return x.as_strided((rows, WIDTH), (length * WIDTH, 1), 3 * WIDTH)


def counted(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return torch.stack([torch.bincount(r, minlength=WORDS)[:WORDS] for r in ids]).float() @ m.emb.weight


def one_hot(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return functional.one_hot(ids, WORDS).float()[:, 0] @ m.emb.weight


def one_hot_typed(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return functional.one_hot(ids, WORDS).type_as(m.emb.weight)[:, 1] @ m.emb.weight


def dropout_alias(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids) * 1.0
    y = functional.dropout(h, 0.1, False)
    y[:, 0] = h[:, 3]
    return h[:, 0]


def learned_selection(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    return h.masked_select(m.lin(h) > 0).reshape(-1, 1).sum(0).expand(len(h), WIDTH)


def routed(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    x = h.reshape(-1, WIDTH)
    p, expert = m.gate(x).softmax(-1).max(-1)
    y = torch.zeros_like(x)
    for k in range(3):
        t = (expert == k).nonzero().squeeze(-1)
        y.index_add_(0, t, m.lin(x.index_select(0, t)) * p[t].unsqueeze(-1))
    return y.view_as(h)[:, 0]


def routed_by_mask(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    y = torch.zeros_like(h)
    for k in range(3):
        chosen = m.gate(h).argmax(-1) == k
        y[chosen] = m.lin(h[chosen])
    return y[:, 2]


def shifted_and_back(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    late = torch.arange(h.shape[1]) > 5
    scores = m.gate(h)[..., 0] - 1e4 * late + 1e4 * late
    return torch.einsum("bl,bld->bd", scores.softmax(-1), h)


def sharp(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return torch.sigmoid(1e5 * m.emb(ids) - 2e4)[:, 0]


def unpadded(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    keep = mask.bool()
    x = torch.zeros(*ids.shape, WIDTH)
    x[keep] = m.emb(ids[keep])
    return x.mean(1)


def clip(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    return m.emb(ids)[torch.arange(len(ids)), ids.argmax(-1)]


def loop(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    return torch.stack([h[i, : int(mask[i].sum())].mean(0) for i in range(len(h))])


def packed(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    p = nn.utils.rnn.pack_padded_sequence(m.emb(ids), mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
    state: Tensor = m.lstm(p)[1][0][-1]
    return state


def if_all(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids)
    return h.mean(1) if mask.all() else (h * mask[..., None]).sum(1)


def by_numpy(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h, n = m.emb(ids), mask.numpy().sum(1)
    z = torch.zeros(len(ids), WIDTH)
    for i in range(len(n)):
        z[i] = h[i, int(n[i]) - 1]
    return z


def split_lengths(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
    h = m.emb(ids[mask.bool()])
    return torch.stack([x.mean(0) for x in h.split(mask.sum(1).tolist())])


class Case(NamedTuple):
    """A head, the tokens of each row that it reads where nothing is padded, and whether it is to be told exactly."""

    head: Callable[[Any, Tensor, Tensor], Tensor]
    reads: Any
    exact: bool = True
    mixes: bool = False


CASES = [
    Case(cond, ALL, mixes=True), Case(flex, (0, 1, 2)), Case(class_token, (-1,)), Case(scaled_chunk, ALL),
    Case(squeezed_in_place, (1,)), Case(bits, (1,)), Case(same_type, (0,)), Case(mapped, ALL), Case(strided, (3,)),
    Case(counted, ALL), Case(one_hot, (0,)), Case(one_hot_typed, (1,)), Case(dropout_alias, (3,)),
    Case(learned_selection, ALL, mixes=True), Case(routed, (0,)), Case(routed_by_mask, (2,)),
    Case(shifted_and_back, ALL), Case(sharp, (0,)), Case(unpadded, ALL), Case(clip, ALL), Case(loop, ALL),
    Case(packed, ALL), Case(if_all, ALL), Case(by_numpy, (-1,)), Case(split_lengths, ALL),
]  # fmt: skip
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.head.__name__)


def positions(case: Case, length: int) -> tuple[int, ...]:
    return tuple(range(length)) if case.reads == ALL else tuple(sorted(p % length for p in case.reads))


@every_case
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_the_trace_says_what_is_read(case: Case) -> None:
    result = archtrace.trace(Parts(case.head)).result
    full = next(layout for layout in result.layouts if layout.name == "full")
    expected = positions(case, 19)
    assert full.bound.tokens == (expected, expected)
    assert (result.status == "exact") is case.exact, result.findings
    assert any(f.code == "rows-mix" for f in result.findings) is case.mixes


@every_case
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_what_is_read_is_true(case: Case) -> None:
    """Another id in a place changes the module's own logits of that row, for some weights, where and only where it is
    said to."""
    seen: set[int] = set()
    ids = torch.arange(3, 3 + 2 * 7).reshape(2, 7)
    for seed in range(80 if case.head is cond else 6):
        torch.manual_seed(seed)
        module = Parts(case.head).eval()
        with torch.no_grad():
            before = module(ids, torch.ones_like(ids))
            for place in range(7):
                other = ids.clone()
                other[0, place] = 40 + seed % 10
                moved = (module(other, torch.ones_like(ids)) - before)[0].abs().max()
                seen |= {place} if moved > 1e-6 else set()
    assert tuple(sorted(seen)) == positions(case, 7)


def test_a_random_mask_is_no_one_draw() -> None:
    """Two runs differ, so no position may be left out."""

    def masked(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
        keep = (torch.rand(ids.shape[1]) < 0.5).float()
        return (m.emb(ids) * keep[:, None]).sum(1)

    full = archtrace.trace(Parts(masked)).result.layouts[0]
    assert full.bound.tokens == (tuple(range(19)),) * 2


def test_a_draw_whose_probabilities_are_a_tensor_is_no_one_draw() -> None:
    def thinned(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
        h = m.emb(ids)
        return (h * torch.empty(ids.shape).bernoulli_(torch.full(ids.shape, 0.5))[..., None]).sum(1)

    full = archtrace.trace(Parts(thinned)).result.layouts[0]
    assert full.bound.tokens == (tuple(range(19)),) * 2


def test_a_mean_of_what_was_centred_reads_nothing() -> None:
    """Over positions an instance norm leaves a mean of zero: rounding noise must not be taken for a witness."""
    result = archtrace.trace(Parts(lambda m, i, k: functional.instance_norm(m.emb(i).transpose(1, 2)).mean(-1))).result
    assert result.layouts[0].witness is not None
    assert result.layouts[0].witness.tokens == result.layouts[0].bound.tokens == ((), ())
    assert result.status == "exact"


def test_a_failed_vmap_leaves_nothing_behind() -> None:
    def failing(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
        return torch.vmap(lambda x: x.reshape(1000))(m.emb(ids))

    with pytest.raises(archtrace.errors.ArchtraceError):
        archtrace.trace(Parts(failing))
    assert torch.randn(3).shape == (3,)
    assert torch.get_default_dtype() == torch.float32
    assert torch._C._functorch.peek_interpreter_stack() is None


def test_a_softmax_spelled_out_by_logsumexp_is_one() -> None:
    """Masked scores minus their own logsumexp, then exp: the masked positions, and they alone, have no weight."""

    def head(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
        h = m.emb(ids)
        scores = torch.where(mask.bool(), m.gate(h)[..., 0], torch.tensor(-1e9))
        weights = torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True))
        return torch.einsum("bl,bld->bd", weights, h)

    result = archtrace.trace(Parts(head)).result
    padded = next(layout for layout in result.layouts if layout.name == "right_padded")
    assert padded.bound.tokens == (tuple(range(17)), tuple(range(16)))
    assert result.status == "exact"


def test_an_exp_of_other_differences_is_no_softmax() -> None:
    """Minus another tensor's logsumexp, a large negative number may be outweighed: nothing is left out."""

    def head(m: Any, ids: Tensor, mask: Tensor) -> Tensor:
        h = m.emb(ids)
        scores = m.gate(h)[..., 0] - 1e4 * (torch.arange(ids.shape[1]) > 5)
        other = 1e4 * m.gate(h)[..., 1]
        return torch.einsum("bl,bld->bd", torch.exp(scores - torch.logsumexp(other, -1, keepdim=True)), h)

    assert archtrace.trace(Parts(head)).result.layouts[0].bound.tokens == (tuple(range(19)),) * 2
