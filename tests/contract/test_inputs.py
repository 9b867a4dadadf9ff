"""However a forward is told of padding, by a mask, by its opposite or by counts: what is read, and what leaks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from archtrace.contract.contract import declared
from archtrace.contract.examine import examine
from archtrace.contract.judge import judge
from archtrace.contract.traced_model import TracedModel


class _Base(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)
        self.mix = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        self.scan = torch.nn.LSTM(8, 8, batch_first=True)


class Attended(_Base):
    """The attention of torch as most people call it: scores of an added mask, and weights that nobody reads."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Index 0."""
        hidden = self.embed(input_ids)
        return self.score(self.mix(hidden, hidden, hidden, key_padding_mask=attention_mask == 0)[0][:, 0])


class Inverse(_Base):
    """A mask that is true at pads."""

    def forward(self, input_ids: torch.Tensor, padding_mask: torch.Tensor) -> torch.Tensor:
        """The mean of all positions."""
        hidden = self.embed(input_ids)
        return self.score(self.mix(hidden, hidden, hidden, key_padding_mask=padding_mask)[0].mean(1))


class Scanned(_Base):
    """A recurrent net, read at the end of each text."""

    def forward(self, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The last token by count."""
        hidden, _ = self.scan(self.embed(input_ids))
        return self.score(hidden[torch.arange(len(hidden)), lengths - 1])


class Counted(_Base):
    """A mask that is made from counts."""

    def forward(self, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The mean of what is counted."""
        there = (torch.arange(input_ids.shape[1]) < lengths[:, None]).float()
        return self.score((self.embed(input_ids) * there[..., None]).sum(1) / lengths[:, None])


class Uncounted(_Base):
    """Counts that are not used."""

    def forward(self, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The mean of all positions."""
        return self.score(self.embed(input_ids).mean(1))


class Wrapped(torch.nn.Module):
    """A model of the library inside, whose config says which id pads; here it is eos."""

    def __init__(self) -> None:
        from transformers import GPT2Config, GPT2Model

        super().__init__()
        sizes = {"n_layer": 1, "n_embd": 32, "n_head": 2, "vocab_size": 99}
        self.gpt = GPT2Model(GPT2Config(**sizes, bos_token_id=2, eos_token_id=2, pad_token_id=2))
        self.score = torch.nn.Linear(32, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The last id that is no pad."""
        hidden = self.gpt(input_ids, attention_mask=attention_mask).last_hidden_state
        last = (torch.arange(input_ids.shape[1]) * (input_ids != self.gpt.config.pad_token_id)).argmax(1)
        return self.score(hidden[torch.arange(len(hidden)), last])


class Shared(torch.nn.Module):
    """A model of the library inside, whose embeddings have two names."""

    def __init__(self) -> None:
        from transformers import T5Config, T5EncoderModel

        super().__init__()
        sizes = {"num_layers": 1, "d_model": 32, "d_ff": 32, "num_heads": 2, "d_kv": 16, "vocab_size": 99}
        self.t5, self.score = T5EncoderModel(T5Config(**sizes)), torch.nn.Linear(32, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Index 0."""
        return self.score(self.t5(input_ids, attention_mask=attention_mask).last_hidden_state[:, 0])


def seen(model: type[torch.nn.Module]) -> TracedModel:
    """The model, traced."""
    allowed = ["mix.*", "scan.*"]
    return examine(replace(declared("mine", {"target": "here", "dead_parameters": allowed}, "here"), target=model))


@pytest.mark.parametrize(
    ("model", "kind", "slice_", "codes"),
    [
        (Attended, "first", "mix[:, 0]", []),
        (Inverse, "mean", "mix.mean(1)", ["AT006"]),
        (Scanned, "last_non_pad", "scan[:, lengths - 1]", []),
        (Counted, "masked_mean", "embed.mean(1, where=arange(s) < lengths[:, None])", []),
        (Uncounted, "mean", "embed.mean(1)", ["AT006"]),
    ],
)
def test_padding_is_told_in_many_ways(model: type[torch.nn.Module], kind: str, slice_: str, codes: list[str]) -> None:
    """Exactly, and what is wrong with it."""
    found = seen(model)
    (readout,) = found.result.readouts
    assert (readout.kind, readout.slice, found.result.status) == (kind, slice_, "exact")
    assert [broken.code for broken in judge(found) if broken.code != "AT100"] == codes


def test_counts_say_nothing_of_the_left() -> None:
    """Where padding is told by counts alone, it is on the right."""
    assert [layout.name for layout in seen(Counted).layouts] == ["full", "right_padded"]


def test_the_ids_of_a_model_inside_are_known() -> None:
    """Its pad id finds the token, and is eos: a text that ends with eos is read one before it."""
    found = seen(Wrapped)
    assert (found.pad, found.eos) == (2, 2)
    (readout,) = found.result.readouts
    assert (readout.kind, readout.index.depends_on) == ("last_non_pad", ("input_ids",))
    assert "AT003" in [broken.code for broken in judge(found)]


def test_shared_weights_of_a_model_inside_are_alive() -> None:
    """Under either name."""
    assert seen(Shared).result.dead_parameters == ()
