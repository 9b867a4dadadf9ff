"""Outputs with positions: what reaches each of them equals its gradient, and has a name where one fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from slopes import shown
from torch import nn
from torch.nn import functional
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForTokenClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForTokenClassification,
)

import archtrace
from archtrace.answer.relations import RELATIONS, Relation
from archtrace.answer.result import Result
from archtrace.reach.rules import registry
from archtrace.witness import law
from archtrace.witness.position_sets import nothing
from archtrace.witness.witness import Witness
from archtrace_reports.formats.converter import decode, encode
from archtrace_reports.text.facts import padding_words

Head = Callable[["Tagger", torch.Tensor], torch.Tensor]


class Tagger(nn.Module):
    """An embedding, position by position, and a head that a test gives."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.embed, self.mix, self.classifier = nn.Embedding(64, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.conv = nn.Conv1d(8, 8, 3, padding=1)
        self.lstm = nn.LSTM(8, 8, batch_first=True)
        self.head = head

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.head(self, self.mix(self.embed(input_ids))))


def shifted(h: torch.Tensor, by: int) -> torch.Tensor:
    """Each position has the state of another one; zeros come in at the end."""
    padded = functional.pad(h, (0, 0, max(-by, 0), max(by, 0)))
    return padded[:, by:] if by > 0 else padded[:, :by]


#: Heads with the relation that a reader of their code expects: its name and its reach.
HEADS: dict[str, tuple[Head, tuple[str, int] | None]] = {
    "tanh": (lambda m, h: h.tanh(), ("same", 0)),
    "cumsum": (lambda m, h: h.cumsum(1), ("up_to", 0)),
    "reversed cumsum": (lambda m, h: h.flip(1).cumsum(1).flip(1), ("from", 0)),
    "attention": (lambda m, h: functional.scaled_dot_product_attention(h, h, h), ("all", 0)),
    "causal": (lambda m, h: functional.scaled_dot_product_attention(h, h, h, is_causal=True), ("up_to", 0)),
    "lstm": (lambda m, h: m.lstm(h)[0], ("up_to", 0)),
    "conv": (lambda m, h: m.conv(h.transpose(1, 2)).transpose(1, 2), ("around", 1)),
    "two convs": (lambda m, h: m.conv(m.conv(h.transpose(1, 2)).tanh()).transpose(1, 2), ("around", 2)),
    "causal conv": (lambda m, h: m.conv(functional.pad(h.transpose(1, 2), (1, 0)))[..., :-1].mT, ("behind", 2)),
    "next": (lambda m, h: shifted(h, 1), ("next", 0)),
    "previous": (lambda m, h: shifted(h, -1), ("previous", 0)),
    "max so far": (lambda m, h: h.cummax(1).values, ("up_to", 0)),
    "strictly before": (lambda m, h: shifted(h, -1).cumsum(1), ("before", 0)),
    "flip": (lambda m, h: h.flip(1), None),
}


def slopes(output: torch.Tensor, states: torch.Tensor) -> list[tuple[tuple[int, ...], ...]]:
    """For each position of an output of shape (rows, positions, ...) the positions of the states with a gradient."""
    return [shown(states, output[:, i]) for i in range(output.shape[1])]


def relation(result: Result, of: str) -> Relation | None:
    """The relation of a tensor, or of the tokens."""
    return next((each for each in result.relations if each.of == of), None)


@pytest.mark.parametrize("name", HEADS)
def test_what_reaches_each_position_is_what_its_gradient_shows(name: str) -> None:
    head, expected = HEADS[name]
    torch.manual_seed(0)
    model = Tagger(head).double()
    result = archtrace.trace(model).result
    layout = result.layouts[0]
    states = model.mix(model.embed(torch.tensor(layout.inputs["input_ids"]))).detach().requires_grad_()
    seen = slopes(model.classifier(head(model, states)), states)
    union = tuple(tuple(sorted({p for each in seen for p in each[row]})) for row in range(2))
    # A maximum has a gradient at one position at a time, and is read at all that could be the largest.
    sparse = name == "max so far"
    assert result.status == "exact"
    tokens = [each.tokens for each in layout.each]
    assert tokens == seen or (sparse and all(set(s[0]) <= set(t[0]) for s, t in zip(seen, tokens, strict=True)))
    assert layout.bound.tokens == union or sparse
    found = relation(result, "tokens")
    assert (None if found is None else (found.name, found.reach)) == expected


LIBRARY: dict[str, tuple[Any, str]] = {
    "token classification": (lambda: BertForTokenClassification(_config(BertConfig)), "all"),
    "question answering": (lambda: BertForQuestionAnswering(_config(BertConfig)), "all"),
    "causal LM": (lambda: GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=60)), "up_to"),
    "causal token classification": (lambda: LlamaForTokenClassification(_config(LlamaConfig)), "up_to"),
}


def _config(kind: Any) -> Any:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    return kind(**sizes, vocab_size=60, pad_token_id=0)


@pytest.mark.parametrize("name", LIBRARY)
def test_a_head_of_the_library_reads_each_position_for_itself(name: str) -> None:
    make, tokens = LIBRARY[name]
    torch.manual_seed(0)
    model = make().eval().double()
    result = archtrace.trace(model).result
    assert result.status == "exact"
    assert [(r.slice, r.kind) for r in result.readouts] == [("last_hidden_state[:, i]", "each")]
    assert (found := relation(result, "tokens")) is not None
    assert (found.name, found.masked) == (tokens, True)
    # padding is read by nothing but the positions of the output that are padding themselves
    assert result.padding.reads_padding == ()
    assert padding_words(result) == f"reaches no position of {result.output} but those that are padding themselves"
    layout = next(each for each in result.layouts if each.name == "right_padded")
    states: list[torch.Tensor] = []
    inputs = {k: torch.tensor(v) for k, v in layout.inputs.items()}
    embedding = model.get_input_embeddings()
    handle = embedding.register_forward_hook(lambda m, a, o: states.append(o.detach().requires_grad_()) or states[0])
    output = next(iter(model(**inputs).values()))
    handle.remove()
    assert [each.tokens for each in layout.each] == slopes(output, states[0])


def test_a_fault_that_the_union_hides_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that takes one axis for another: the union over the positions is right, each of them is not."""
    model = Tagger(HEADS["flip"][0])
    assert archtrace.trace(model).result.status == "exact"
    right = registry.RULES["aten::flip"]

    def wrong_axis(call: registry.Call) -> registry.Transfer:
        return right(replace(call, arguments={**call.arguments, "dims": [2]}))

    monkeypatch.setitem(registry.RULES, "aten::flip", wrong_axis)
    wrong = archtrace.trace(model).result
    assert wrong.status == "bound"
    assert "missed" in {f.code for f in wrong.findings}
    full = wrong.layouts[0]
    assert all(18 - i in each.tokens[0] for i, each in enumerate(full.each))


def test_an_output_with_too_many_positions_is_told() -> None:
    model = Tagger(lambda m, h: h.repeat(1, 5, 1))
    result = archtrace.trace(model).result
    assert result.layouts[0].each == ()
    (finding,) = result.findings
    assert finding.code == "output-of-positions"
    assert "95 positions" in finding.message
    assert "logits[:, 0]" in finding.message


def test_an_output_of_two_axes_with_too_many_positions_is_told_as_well() -> None:
    class Spans(Tagger):
        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return super().forward(input_ids)[..., 0]

    result = archtrace.trace(Spans(HEADS["tanh"][0]), inputs={"input_ids": torch.arange(3, 73)[None] % 60}).result
    assert [finding.code for finding in result.findings] == ["output-of-positions"]


class Pair(nn.Module):
    """Two texts: a tag for each word of the first, which looks at the second."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.classifier = nn.Embedding(64, 8), nn.Linear(8, 3)

    def forward(
        self, left: torch.Tensor, left_mask: torch.Tensor, right: torch.Tensor, right_mask: torch.Tensor
    ) -> Any:
        h = self.embed(right) * right_mask[..., None]
        return self.classifier(self.embed(left) * left_mask[..., None] + h.sum(1, keepdim=True))


def test_positions_beside_a_second_text_are_exact() -> None:
    result = archtrace.trace(Pair()).result
    assert result.status == "exact"
    full = result.layouts[0]
    assert [each.tokens[0] for each in full.each] == [(i,) for i in range(19)]
    assert full.each == full.witness_each


def test_a_readout_is_no_more_certain_than_its_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that show nothing of single positions: the union is shown as ever, and the readout is a bound."""
    monkeypatch.setattr(law, "MOST_RETRIED", 0)
    right = Witness.find_by_output_position
    monkeypatch.setattr(
        Witness,
        "find_by_output_position",
        lambda self, s, bounds, ids: tuple(map(nothing, right(self, s, bounds, ids))),
    )
    result = archtrace.trace(Tagger(HEADS["tanh"][0])).result
    assert result.status == "bound"
    assert {readout.status for readout in result.readouts} == {"bound"}
    assert {finding.code for finding in result.findings} == {"not-shown"}


def test_the_answer_survives_json() -> None:
    result = archtrace.trace(Tagger(HEADS["cumsum"][0])).result
    back = decode(json.loads(json.dumps(encode(result))), Result)
    assert back.relations == result.relations
    assert [layout.each for layout in back.layouts] == [layout.each for layout in result.layouts]


@pytest.mark.parametrize("name", RELATIONS)
def test_every_relation_of_the_table_has_words_and_a_slice_that_picks_it(name: str) -> None:
    """The slice, evaluated at each i, is what the rule holds of."""
    reach, length = 2, 9
    found, states = Relation("h", name, reach=reach), torch.arange(length)[None]
    assert "{" not in found.words
    for i in range(length):
        expected = [j for j in range(length) if RELATIONS[name].holds(i, j, reach)]
        try:
            picked = eval(f"h{found.slice()}", {"h": states, "i": i}).flatten().tolist()
        except IndexError:
            picked = []
        assert picked == expected or (name == "previous" and i == 0)
