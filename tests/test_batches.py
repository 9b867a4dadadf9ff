"""A forward that takes several inputs as one: a dict, a tuple, a dataclass, `*inputs`, `**batch`; and labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import pytest
import torch
from _expected import Layout, Rows, rows

import archtrace
from archtrace.errors import TargetError


class Base(torch.nn.Module):
    """A masked mean, however ids and mask come."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.score = torch.nn.Embedding(99, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 2)

    def pooled(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The logits."""
        hidden, kept = self.mix(self.embed(ids)), mask.unsqueeze(-1)
        return self.score((hidden * kept).sum(1) / kept.sum(1))


class Keys(Base):
    """Reads keys."""

    def forward(self, batch):
        return self.pooled(batch["input_ids"], batch["attention_mask"])


class Attributes(Base):
    """Reads attributes, as of what a tokenizer returns, and moves it."""

    def forward(self, inputs, return_dict=True):
        inputs = inputs.to("cpu")
        return self.pooled(inputs.input_ids, inputs.attention_mask)


class Get(Base):
    """Can do without a mask; reads what it is given in a method of its own."""

    def keep(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The mask, or ones."""
        mask = batch.get("attention_mask")
        return torch.ones_like(batch["input_ids"]) if mask is None else mask

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.pooled(batch["input_ids"], self.keep(batch))


class Unpacked(Base):
    """Takes a tuple apart."""

    def forward(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        input_ids, attention_mask = batch
        return self.pooled(input_ids, attention_mask)


@dataclasses.dataclass
class Data:
    """A batch with labels."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor | None = None


class OfData(Base):
    """Takes a dataclass."""

    def forward(self, batch: Data) -> torch.Tensor:
        return self.pooled(batch.input_ids, batch.attention_mask)


class Typed(TypedDict):
    """A batch for a type checker."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor


class OfTyped(Base):
    """Goes through a TypedDict without naming a key."""

    def forward(self, batch: Typed) -> torch.Tensor:
        found: list[Any] = [value for _, value in sorted(batch.items(), reverse=True)]
        return self.pooled(*found)


class Parts(NamedTuple):
    """A batch in order."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor


class OfParts(Base):
    """Takes a named tuple."""

    def forward(self, batch: Parts) -> torch.Tensor:
        return self.pooled(*batch)


class Star(Base):
    """Takes what comes, in order."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        input_ids, attention_mask = inputs
        return self.pooled(input_ids, attention_mask)


class Keywords(Base):
    """Takes what comes, by name."""

    def forward(self, **batch: torch.Tensor) -> torch.Tensor:
        return self.pooled(batch["input_ids"], batch["attention_mask"])


class Plain(Base):
    """As most forwards are, with labels that it needs for nothing here."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: Any) -> torch.Tensor:
        assert labels is None
        return self.pooled(input_ids, attention_mask)


class Inner(Base):
    """The same without labels."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.pooled(input_ids, attention_mask)


class Through(torch.nn.Module):
    """Hands all on, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.embed = self.inner.embed

    def forward(self, **batch: torch.Tensor) -> torch.Tensor:
        return self.inner(**batch)


class ThroughInOrder(Through):
    """Hands all on, in order."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.inner(*inputs)


class Elsewhere(Base):
    """Reads the batch in code that is not its own."""

    def forward(self, batch: Any) -> torch.Tensor:
        return read_elsewhere(self, batch)


def read_elsewhere(model: Base, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What no source of a class tells."""
    return model.pooled(batch["input_ids"], batch["attention_mask"])


class Encoded(dict[str, torch.Tensor]):
    """What a tokenizer returns, in short."""

    def __getattr__(self, name: str) -> torch.Tensor:
        return self[name]

    def to(self, _device: str) -> Encoded:
        """Itself."""
        return self


#: How each is called by those who wrote it.
CALLS = {
    Keys: lambda model, layout: model(layout),
    Attributes: lambda model, layout: model(Encoded(layout)),
    Get: lambda model, layout: model(layout),
    Unpacked: lambda model, layout: model(tuple(layout.values())),
    OfData: lambda model, layout: model(Data(**layout)),
    OfTyped: lambda model, layout: model(layout),
    OfParts: lambda model, layout: model(Parts(**layout)),
    Star: lambda model, layout: model(*layout.values()),
    Keywords: lambda model, layout: model(**layout),
    Plain: lambda model, layout: model(**layout, labels=None),
    Through: lambda model, layout: model(**layout),
    ThroughInOrder: lambda model, layout: model(*layout.values()),
}


def by_gradient(model: Any, layout: Layout) -> Rows:
    """The tokens that the gradient shows, the model being called as its users do."""
    leaves: list[torch.Tensor] = []

    def tap(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1].clone()

    with model.embed.register_forward_hook(tap):
        logits = CALLS[type(model)](model, layout)
    sizes = [torch.autograd.grad(row.sum(), leaves[-1], retain_graph=True)[0][n] for n, row in enumerate(logits)]
    return rows(torch.stack(sizes).abs().amax(-1) > 0)


@pytest.mark.parametrize("kind", CALLS)
def test_a_batch_is_what_its_forward_reads_of_it(kind: type[torch.nn.Module]) -> None:
    """In one step, exactly, in every layout, and as the gradient of the model says when it is called by hand."""
    model = kind()
    found = archtrace.trace(model)
    assert found.result.status == "exact"
    assert {layout.name for layout in found.result.layouts} >= {"full", "right_padded", "left_padded"}
    for layout in found.result.layouts:
        inputs = {name: torch.tensor(value) for name, value in layout.inputs.items()}
        assert list(inputs) == ["input_ids", "attention_mask"]
        assert layout.bound.tokens == by_gradient(model, inputs), layout.name


def test_a_batch_that_is_read_elsewhere_is_given_by_its_parts_or_as_a_whole() -> None:
    """What cannot be guessed is asked for."""
    with pytest.raises(TargetError, match="unknown: batch"):
        archtrace.trace(Elsewhere())
    parts = {"input_ids": [[5, 6, 7]] * 2, "attention_mask": [[1, 1, 0]] * 2}
    for given in (parts, {"batch": parts}):
        (layout,) = archtrace.trace(Elsewhere(), inputs=given).result.layouts
        assert (layout.status, layout.bound.tokens) == ("exact", ((0, 1), (0, 1)))


def test_another_layout_of_a_batch() -> None:
    """at() takes the parts."""
    found = archtrace.trace(Keys())
    assert found.at(input_ids=[[5, 6, 7]]).tokens == ((0, 1, 2),)
    assert found.at(input_ids=[[5, 6, 7]], attention_mask=[[0, 1, 1]]).tokens == ((1, 2),)
