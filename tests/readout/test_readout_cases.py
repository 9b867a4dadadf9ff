"""Readouts of models that people write: rows of any number, axes that are not the tokens', tokens without a tensor."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import archtrace
from archtrace.errors import TargetError


class LastByLength(nn.Module):
    """Positions first, then one index a row."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(64, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.embedding(input_ids).transpose(0, 1)
        logits: Tensor = self.head(hidden[attention_mask.sum(1) - 1, torch.arange(input_ids.shape[0])])
        return logits


class ClassTokenInFront(nn.Module):
    """A learned vector in front makes the read tensor longer than the tokens; its last position is read."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.mix, self.head = nn.Embedding(64, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.embedding(input_ids)
        front = self.mix.weight[:1].expand(len(hidden), 1, -1)
        logits: Tensor = self.head(self.mix(torch.cat([front, hidden], 1))[:, -1])
        return logits


class OneHot(nn.Module):
    """Tokens reach through no hidden state: a count of ids times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        logits: Tensor = self.head(nn.functional.one_hot(input_ids, 64).sum(1).float())
        return logits


class Choices(nn.Module):
    """Choices of a question folded into rows: four texts, two rows of logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(64, 8), nn.Linear(8, 1)

    def forward(self, input_ids: Tensor) -> Tensor:
        folded: Tensor = self.embedding(input_ids.flatten(0, 1))
        logits: Tensor = self.head(folded[:, 0]).view(input_ids.shape[:2])
        return logits


class Flat(nn.Module):
    """Rows and positions are one axis where a module puts them out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(64, 8), nn.Linear(8, 1)

    def forward(self, input_ids: Tensor) -> Tensor:
        flat = self.embedding(input_ids.flatten())
        logits: Tensor = self.head(flat.view(*input_ids.shape, -1)[:, 0])
        return logits


class ZeroedFirst(nn.Module):
    """The states of padding are set to zero, as xlm does, and the first is read."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.norm, self.head = nn.Embedding(64, 8), ZeroedNorm(), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(self.embedding(input_ids), attention_mask)[:, 0])
        return logits


class ZeroedNorm(nn.Module):
    """A norm, then zeros where the mask is."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        zeroed: Tensor = self.norm(hidden) * attention_mask[..., None]
        return zeroed


def _inputs(rows: int) -> dict[str, list[list[int]]]:
    """Rows of six tokens, of which the first row has four."""
    ids = [[3 + 6 * row + i for i in range(6)] for row in range(rows)]
    return {"input_ids": ids, "attention_mask": [[1, 1, 1, 1, 0, 0], *[[1] * 6] * (rows - 1)]}


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_an_index_of_positions_is_told_from_one_of_rows_whatever_their_number(rows: int) -> None:
    found = archtrace.trace(LastByLength(), inputs=_inputs(rows))
    (readout,) = found.readouts
    assert readout.index.expression == "sum(attention_mask) - 1"
    assert readout.index.depends_on == ("attention_mask",)
    assert found.at(**_inputs(rows)).reads[readout.tensor] == ((3,), *((5,),) * (rows - 1))


def test_the_last_of_a_tensor_longer_than_the_tokens_is_answered() -> None:
    (readout,) = archtrace.trace(ClassTokenInFront()).readouts
    assert (readout.kind, readout.slice) == ("last", "mix[:, -1]")


def test_a_name_without_positions_is_refused_and_not_answered_by_nothing() -> None:
    view = archtrace.trace(Flat(), inputs=_ids(2, 6)).at(**_ids(2, 6))
    with pytest.raises(TargetError, match="'embedding' has no axis of positions"):
        view.reaching("embedding")


def _ids(*shape: int) -> dict[str, Tensor]:
    """Ordinary ids, each another."""
    return {"input_ids": torch.arange(3, 3 + torch.Size(shape).numel()).reshape(shape)}


@pytest.mark.parametrize(("texts", "choices", "length"), [(2, 3, 6), (2, 2, 2), (1, 4, 5), (3, 1, 4)])
def test_choices_folded_into_rows_are_read_as_rows(texts: int, choices: int, length: int) -> None:
    inputs = _ids(texts, choices, length)
    found = archtrace.trace(Choices(), inputs=inputs)
    first = ((0,),) * (texts * choices)
    (readout,) = found.readouts
    assert (readout.tensor, readout.kind, readout.slice) == ("embedding", "first", "embedding[:, 0]")
    (layout,) = found.result.layouts
    assert (layout.status, layout.bound.tokens, layout.bound.reads) == ("exact", first, {"embedding": first})
    view = found.at(**inputs)
    assert view.tokens == view.reaching("input_ids") == view.reaching("embedding") == first


def test_tokens_that_reach_without_a_hidden_state_are_told() -> None:
    result = archtrace.trace(OneHot()).result
    assert all(all(layout.bound.tokens) for layout in result.layouts)
    assert not result.readouts
    assert "no-read-tensor" in {finding.code for finding in result.findings}


def test_a_constant_of_a_read_tensor_is_read_and_told() -> None:
    found = archtrace.trace(ZeroedFirst())
    (readout,) = found.readouts
    assert (readout.tensor, readout.kind, readout.slice, readout.status) == ("norm", "first", "norm[:, 0]", "exact")
    layouts = {layout.name: layout for layout in found.result.layouts}
    assert all(layout.bound.reads["norm"] == ((0,), (0,)) for layout in layouts.values())
    assert layouts["left_padded"].bound.tokens == ((), ())
    assert layouts["right_padded"].bound.tokens == ((0,), (0,))
    told = [f.message.partition(":")[0] for f in found.result.findings if f.code == "reads-constant"]
    assert told == ["left_padded"]
    inputs = layouts["left_padded"].inputs
    module = ZeroedFirst()
    logits = module(**{k: torch.tensor(v) for k, v in inputs.items()})
    assert torch.equal(logits[0], logits[1]), "two texts, and the same logits"


class ClassTokenRead(ClassTokenInFront):
    """The learned vector in front, and the token behind it."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.embedding(input_ids)
        front = self.mix.weight[:1].expand(len(hidden), 1, -1)
        logits: Tensor = self.head(self.mix(torch.cat([front, hidden], 1))[:, self.index])
        return logits


@pytest.mark.parametrize(("index", "padded"), [(0, ()), (1, ("left_padded",)), (-1, ("right_padded", "masked_tail"))])
def test_padding_is_asked_of_the_token_that_a_position_carries(index: int, padded: tuple[str, ...]) -> None:
    padding = archtrace.trace(ClassTokenRead(index)).result.padding
    assert not padding.leaks
    assert set(padding.reads_padding) == set(padded)


class LastBehindClassToken(ClassTokenInFront):
    """The last token that is no padding, found by its count, behind a learned vector in front."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.embedding(input_ids)
        front = self.mix.weight[:1].expand(len(hidden), 1, -1)
        last = (torch.arange(1, input_ids.shape[1] + 1) * attention_mask).argmax(1) + 1
        logits: Tensor = self.head(self.mix(torch.cat([front, hidden], 1))[torch.arange(len(hidden)), last])
        return logits


def test_a_kind_is_told_by_the_tokens_that_positions_carry() -> None:
    model, ids = LastBehindClassToken().eval(), torch.arange(3, 41).reshape(2, 19)
    mask = (torch.arange(19) < 15).long().expand(2, 19)
    moved = {
        p
        for p in range(19)
        if not torch.equal(model(torch.where(ids % 19 == (3 + p) % 19, 50, ids), mask), model(ids, mask))
    }
    assert moved == {14}
    (readout,) = archtrace.trace(model).readouts
    assert readout.kind == "last_non_pad"


def test_the_first_position_that_a_pool_leaves_alone_carries_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Funnel keeps [CLS] out of its pools: under padding on the left what it reads is a pad."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = archtrace.trace("funnel").result
    assert result.readouts[0].kind == "first"
    assert result.padding.reads_padding == ("left_padded",)


class PatchesBehind(nn.Module):
    """Hidden states of tokens with seven of another kind behind them; the head reads the first and all seven."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.patches, self.mix = nn.Embedding(64, 8), nn.Parameter(torch.randn(7, 8)), nn.Linear(8, 8)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(16, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        both = self.mix(torch.cat([self.embed(input_ids), self.patches.expand(len(input_ids), 7, 8)], 1))
        hidden = self.norm(both + both.mean(1, keepdim=True))
        logits: Tensor = self.head(torch.cat([hidden[:, 0], hidden[:, input_ids.shape[1] :].mean(1)], -1))
        return logits


def test_slices_are_true_at_every_length() -> None:
    """Evaluated, they give the positions that are read with few tokens and with many; each way has one."""
    trace = archtrace.trace(PatchesBehind())
    subscripts = [readout.slice[readout.slice.index("[") :] for readout in trace.readouts]
    assert sorted(subscripts) == ["[:, -7:]", "[:, 0]"]
    for length in (4, 9, 30):
        positions = torch.arange(length + 7).expand(2, -1)
        found = [eval(f"positions{subscript}", {"positions": positions}).reshape(2, -1) for subscript in subscripts]
        (read,) = trace.at(input_ids=torch.ones(2, length, dtype=torch.long)).reads.values()
        assert [tuple(sorted(row.tolist())) for row in torch.cat(found, 1)] == list(read), length
