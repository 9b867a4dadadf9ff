"""Ids that Python takes: what is asked of each decides what reaches, held against the model run on other ids."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

import archtrace

V, D, EOS = 40, 6, 2
Forward = Callable[["Head", torch.Tensor], torch.Tensor]


class Head(torch.nn.Module):
    """A linear classifier over what a function makes of the embeddings and the ids."""

    def __init__(self, pooled: Forward) -> None:
        super().__init__()
        self.emb = torch.nn.Embedding(V, D)
        self.pooled = pooled
        self.score = torch.nn.Linear(D, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.score(self.pooled(self, input_ids))


def _index(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return torch.stack([m.emb(x)[r.index(EOS)] for x, r in zip(ids, ids.tolist(), strict=True)])


def _counted(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return torch.stack([m.emb(x)[0] * r.count(EOS) for x, r in zip(ids, ids.tolist(), strict=True)])


def _rebuilt(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return torch.stack([m.emb(torch.tensor(r))[3] for r in ids.tolist()])


def _padded(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(torch.tensor([[1, *r[2:], 1] for r in ids.tolist()]))[:, 2]


def _items(m: Head, ids: torch.Tensor) -> torch.Tensor:
    at = [next(i for i in range(r.numel()) if r[i].item() == EOS) for r in ids]
    return m.emb(ids)[torch.arange(2), at]


def _numpy_where(m: Head, ids: torch.Tensor) -> torch.Tensor:
    rows, at = np.where(ids.cpu().numpy() == EOS)
    return m.emb(ids)[torch.from_numpy(rows), torch.from_numpy(at)]


def _numpy_argmax(m: Head, ids: torch.Tensor) -> torch.Tensor:
    at = (ids.numpy() == EOS).argmax(-1)
    return torch.stack([m.emb(x)[a] for x, a in zip(ids, at.tolist(), strict=True)])


def _through_numpy(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(torch.from_numpy(ids.numpy().copy()))[:, 4]


def _rows_of_numpy(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return torch.stack([m.emb(torch.tensor(row[:3]))[1] for row in ids.numpy()])


EXACT: dict[Forward, tuple[tuple[int, ...], tuple[int, ...]]] = {
    _index: ((5,), (7,)),
    _counted: ((0,), (0,)),
    _rebuilt: ((3,), (3,)),
    _padded: ((3,), (3,)),
    _items: ((5,), (7,)),
    _numpy_where: ((5,), (7,)),
    _numpy_argmax: ((5,), (7,)),
    _through_numpy: ((4,), (4,)),
    _rows_of_numpy: ((1,), (1,)),
}


def _written_array(m: Head, ids: torch.Tensor) -> torch.Tensor:
    array = ids.numpy().copy()
    array[:, 0] = array[:, 3]
    return m.emb(torch.from_numpy(array))[:, 0]


def _shared(m: Head, ids: torch.Tensor) -> torch.Tensor:
    array = ids.numpy()
    before = array == EOS
    ids[:, 0] = EOS
    return m.emb(torch.from_numpy(array.copy()))[:, 1] * (1 + before.sum()) * (1 + (array == EOS).sum())


def _late(m: Head, ids: torch.Tensor) -> torch.Tensor:
    rows = ids.tolist()
    ids[:, 0] = 7
    return m.emb(torch.tensor(rows))[:, 0]


def _hashed(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[float(len(set(r[1:4])))] for r in ids.tolist()])


def _looked_up(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[{i: i / 3 for i in range(V)}[r[1]]] for r in ids.tolist()])


def _summed(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[sum(r) / 7 + float(max(r))] for r in ids.tolist()])


def _ranged(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[1.0 + len(range(r[1]))] for r in ids.tolist()])


def _larger(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[2.0 if r[1] > r[2] else 1.0] for r in ids.tolist()])


def _same(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[2.0 if r[1] == r[2] else 1.0] for r in ids.tolist()])


def _vocabulary(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 4] * torch.tensor([[float(sum(k for k in range(V) if r[8] == k))] for r in ids.tolist()])


def _told(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[float(len(f"{r[1]}") + len(json.dumps(r)))] for r in ids.tolist()])


def _arithmetic(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.tensor([[0.5 * r[1] + (r[2] + 1) % 3 + int(r[3]) / 2] for r in ids.tolist()])


def _numpy_sum(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.from_numpy((ids.numpy() * 0.5).sum(1)).float()[:, None]


def _numpy_function(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(ids)[:, 0] * torch.from_numpy(np.concatenate([ids.numpy(), ids.numpy()], 1).max(1)).float()[:, None]


def _copied(m: Head, ids: torch.Tensor) -> torch.Tensor:
    return m.emb(torch.tensor(copy.deepcopy(ids.tolist())))[:, 4] * (1 + np.array(ids.tolist())[:, 1].mean())


TAKEN = [
    _written_array, _shared, _late, _hashed, _looked_up, _summed, _ranged, _larger, _same, _vocabulary, _told,
    _arithmetic, _numpy_sum, _numpy_function, _copied,
]  # fmt: skip
IDS = torch.tensor([[9, 3, 4, 9, 6, EOS, 8, 9, 10, 11], [12, 13, 14, 15, 16, 17, 18, EOS, 19, 20]])


def _moves(pooled: Forward, row: int, at: int) -> bool:
    """Whether some other ordinary id in the place of a token moves some logits."""
    torch.manual_seed(0)
    model = Head(pooled).double()
    with torch.no_grad():
        before, others = model(IDS.clone()), []
        for other in range(3, V):
            ids = IDS.clone()
            ids[row, at] = other
            others.append(bool((model(ids) - before).abs().max() > 1e-9))
    return any(others)


@pytest.mark.parametrize("pooled", EXACT, ids=lambda f: f.__name__)
def test_what_is_only_compared_is_structure(pooled: Forward) -> None:
    """Looking for an id in a list or an array reads the position that is found, exactly."""
    result = archtrace.trace(Head(pooled), inputs={"input_ids": IDS}).result
    assert result.status == "exact"
    assert result.layouts[0].bound.tokens == EXACT[pooled]
    ordinary = [(row, at) for row in range(2) for at in range(IDS.shape[1]) if IDS[row, at] != EOS]
    shown = {(row, at) for row, at in ordinary if _moves(pooled, row, at)}
    assert shown == {(r, t) for r, row in enumerate(EXACT[pooled]) for t in row if IDS[r, t] != EOS}


@pytest.mark.parametrize("pooled", TAKEN, ids=lambda f: f.__name__)
def test_what_is_taken_is_never_left_out(pooled: Forward) -> None:
    """Whatever else Python does with an id, what moves the logits is told."""
    result = archtrace.trace(Head(pooled), inputs={"input_ids": IDS}).result
    bound = result.layouts[0].bound.tokens
    # Of a walk through the vocabulary the first few constants are what the program looks for.
    special = range(16) if pooled is _vocabulary else {EOS}
    ordinary = [(row, at) for row in range(2) for at in range(IDS.shape[1]) if int(IDS[row, at]) not in special]
    moving = [place for place in ordinary if _moves(pooled, *place)]
    assert moving
    assert [(row, at) for row, at in moving if at not in bound[row]] == []
    assert not [f for f in result.findings if f.code in ("missed", "replay-differs", "witness-failed")]


def test_nothing_is_left_behind() -> None:
    """torch's own function is back after a trace."""
    before = torch.from_numpy
    archtrace.trace(Head(_through_numpy), inputs={"input_ids": IDS})
    assert torch.from_numpy is before
