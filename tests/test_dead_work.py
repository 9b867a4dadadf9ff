"""Dead work: counted by torch's formulas, and what is called dead can be anything without an output moving."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification, BertModel, GPT2Config, GPT2ForSequenceClassification

import archtrace
from archtrace.answer.result import Result
from archtrace.answer.work import Work
from archtrace.reach import dead_work
from archtrace_reports.text.dead_work_lines import dead_work_words

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 60}


def work(result: Result, layout: str = "full") -> Work:
    """The work of one layout."""
    found = next(each.work for each in result.layouts if each.name == layout)
    assert found is not None
    return found


def bert() -> BertForSequenceClassification:
    """A small BERT."""
    return BertForSequenceClassification(BertConfig(**SMALL, pad_token_id=0)).eval()


@pytest.mark.parametrize(
    "make", [bert, lambda: GPT2ForSequenceClassification(GPT2Config(n_embd=16, n_layer=2, n_head=2, pad_token_id=0))]
)
def test_all_flops_are_those_that_torch_counts(make: Any) -> None:
    model = make().eval()
    result = archtrace.trace(model).result
    layout = result.layouts[0]
    inputs = {name: torch.tensor(value) for name, value in layout.inputs.items()}
    # torch's counter runs in a mode that hears attention whole on the CPU only where it has a kernel of its own
    plain = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with torch.no_grad(), plain, FlopCounterMode(display=False) as counter:
        model(**inputs)
    assert work(result).flops == counter.get_total_flops()


class Recurrent(nn.Module):
    """The last state of an LSTM, over packed rows or all of them."""

    def __init__(self, *, packed: bool) -> None:
        super().__init__()
        self.embed, self.lstm, self.head = nn.Embedding(60, 8), nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)
        self.packed = packed

    def forward(self, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        h = self.embed(input_ids)
        if self.packed:
            h = nn.utils.rnn.pack_padded_sequence(h, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.lstm(h)[1][0][-1])


@pytest.mark.parametrize("packed", [False, True])
def test_a_recurrence_is_counted_step_by_step(packed: bool) -> None:
    """Four gates of 16 from 8 features and 16 states: for each token, and for no pad where rows are packed."""
    result = archtrace.trace(Recurrent(packed=packed)).result
    step, head = 2 * 4 * 16 * (8 + 16), 2 * 2 * 16 * 2
    assert work(result).flops == 2 * 19 * step + head
    assert work(result, "right_padded").flops == (17 + 16 if packed else 2 * 19) * step + head


def test_the_last_layer_of_bert_computes_for_positions_that_nobody_reads() -> None:
    """By hand: of 19 positions 18 lose queries, the output of attention, and both dense layers behind it."""
    rows, length, width, inner = 2, 19, 16, 24
    per_position = 2 * width * width * 2 + 2 * width * inner * 2 + 2 * 2 * width * length
    result = archtrace.trace(bert()).result
    (part,) = work(result).parts
    assert part.module == "bert.encoder.layer.1"
    assert part.dead == rows * (length - 1) * per_position
    assert work(result).dead == part.dead


def test_a_pooler_that_is_thrown_away_is_dead_as_a_whole() -> None:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert, self.head = BertModel(BertConfig(**SMALL)), nn.Linear(16, 2)

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return self.head(self.bert(input_ids).last_hidden_state.mean(1))

    parts = {part.module: part for part in work(archtrace.trace(Mean()).result).parts}
    assert list(parts) == ["bert.pooler"]
    assert parts["bert.pooler"].dead == parts["bert.pooler"].flops == 2 * 2 * 16 * 16


def test_what_another_output_takes_is_no_dead_work() -> None:
    class Both(nn.Module):
        def __init__(self, *, second: bool) -> None:
            super().__init__()
            self.embed, self.one, self.two = nn.Embedding(60, 8), nn.Linear(8, 2), nn.Linear(8, 3)
            self.second = second

        def forward(self, input_ids: torch.Tensor) -> Any:
            h = self.embed(input_ids)
            one, two = self.one(h[:, 0]), self.two(h)
            return {"logits": one, "slots": two} if self.second else one

    assert work(archtrace.trace(Both(second=True)).result).dead == 0
    lonely = work(archtrace.trace(Both(second=False)).result)
    assert [(part.module, part.dead) for part in lonely.parts] == [("two", 2 * 2 * 19 * 8 * 3)]


def test_states_of_padding_are_dead_work() -> None:
    """Right padded rows of 17 and 16 tokens: keys and values of 2 and 3 positions are behind the mask."""
    model = bert()
    result = archtrace.trace(model).result
    first = next(part for part in work(result, "right_padded").parts if part.module == "bert.encoder.layer.0")
    # all that the first layer computes at a pad: nothing of it is read, neither as a query nor as a key
    assert first.dead == first.flops * (2 + 3) // (2 * 19)


def test_a_claim_of_dead_work_that_is_false_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is alive, called dead: the run without it gives other logits, and no such work is told."""
    right = dead_work._dead_elements

    def greedy(value: Any, marks: Any) -> Any:
        found = right(value, marks)
        return found if found is None or found.ndim == 0 else torch.ones(found.shape, dtype=torch.bool).numpy()

    monkeypatch.setattr(dead_work, "_dead_elements", greedy)
    result = archtrace.trace(bert()).result
    assert result.status == "bound"
    assert any(f.code == "missed" and "dead" in f.message for f in result.findings)
    assert all(layout.work is None for layout in result.layouts)


def test_words_say_how_much_and_where() -> None:
    words = dead_work_words(archtrace.trace("bert-base-uncased").result)
    assert words == (
        "6.6% of the forward's 6.48 GFLOPs reach no output: 79% of bert.encoder.layer.11; 18.8% in right padded"
    )


class Experts(nn.Module):
    """A table of matrices that no memory holds, of which each text takes one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, 1000)
        self.experts = nn.Parameter(torch.empty(2_000_000, 1000, 500))
        self.classifier = nn.Linear(500, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        mixed = torch.einsum("bth,bhk->btk", self.embed(input_ids), self.experts[input_ids[:, 0]])
        return self.classifier(mixed[:, 0])


def test_a_count_holds_no_weights_in_memory() -> None:
    with torch.device("meta"):
        model = Experts()
    rows, length = 2, 19
    counted = work(archtrace.trace(model).result)
    assert counted.flops == 2 * rows * (length * 1000 * 500 + 500 * 3)


class Routed(nn.Module):
    """Each state goes through the expert that its gate picks; the head reads two states, so most of that is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.gate = nn.Embedding(64, 8), nn.Linear(8, 3)
        self.mixed, self.expert, self.classifier = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        states = self.mixed(self.embed(input_ids)).flatten(0, 1)
        choice, out = self.gate(states).argmax(-1), torch.zeros_like(states)
        for number in range(3):
            (rows,) = torch.where(choice == number)
            out[rows] = self.expert(states[rows]) * (number + 1)
        return self.classifier((states + out).view(*input_ids.shape, 8)[:, 1:3].mean(1))


def test_dead_work_may_decide_which_dead_elements_are_selected() -> None:
    """Changing dead states sends them to other experts, and these get more rows or fewer than before."""
    result = archtrace.trace(Routed()).result
    assert (result.status, result.findings) == ("exact", ())
    assert work(result).dead > 0
