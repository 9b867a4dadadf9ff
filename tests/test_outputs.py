"""Models with several outputs: each is asked about by its name, and a parameter is dead only if it reaches none."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from transformers import BertConfig, BertForPreTraining, BertModel

import archtrace
from archtrace.errors import TargetError

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 60}


class Joint(torch.nn.Module):
    """An intent of the text and a slot of each word, in a form that a test gives."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.enc = BertModel(BertConfig(**SMALL), add_pooling_layer=False)
        self.intent, self.slots, self.lost = torch.nn.Linear(16, 3), torch.nn.Linear(16, 5), torch.nn.Linear(16, 2)
        self.form = form

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        h = self.enc(input_ids, attention_mask=attention_mask).last_hidden_state
        self.lost(h)
        return self.form(self.intent(h[:, 0]), self.slots(h))


class Both(NamedTuple):
    """Two outputs by name."""

    intent: torch.Tensor
    slots: torch.Tensor


FORMS: dict[str, tuple[Any, tuple[str, str]]] = {
    "dict": (lambda a, b: {"intent": a, "slots": b}, ("intent", "slots")),
    "namedtuple": (Both, ("intent", "slots")),
    "tuple": (lambda a, b: (a, b), ("output[0]", "output[1]")),
    "nested": (lambda a, b: {"heads": [a, b], "count": torch.tensor(2)}, ("heads[0]", "heads[1]")),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_output_is_asked_about_by_its_name(form: str) -> None:
    """The first is a position, the second takes them all; neither head is dead in the answer about the other."""
    make, names = FORMS[form]
    answers = {name: archtrace.trace(Joint(make), output=name).result for name in ("", *names)}
    assert all(result.outputs == names for result in answers.values())
    assert [answers[name].output for name in ("", *names)] == [names[0], *names]
    first, second = answers[names[0]], answers[names[1]]
    assert answers[""].readouts == first.readouts
    assert [r.slice for r in first.readouts] == ["enc.last_hidden_state[:, 0]"]
    assert [r.tensor for r in second.readouts] == ["enc.last_hidden_state"]
    assert all(rows == tuple(range(19)) for rows in second.layouts[0].bound.reads["enc.last_hidden_state"])
    assert (first.status, second.status) == ("exact", "exact")
    assert (first.findings, second.findings) == ((), ())
    assert [r.kind for r in second.readouts] == ["each"]
    assert first.dead_parameters == second.dead_parameters == ("lost.weight", "lost.bias")


@pytest.mark.parametrize("name", ["prediction_logits", "seq_relationship_logits"])
def test_each_output_of_the_librarys_two_heads_equals_its_gradient(name: str) -> None:
    """BertForPreTraining has two heads: what is read for each is what the gradient of that output shows."""
    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig(**SMALL)).eval().double()
    trace = archtrace.trace(model, output=name)
    ids = torch.arange(3, 41).reshape(2, 19)
    states = model.bert(ids).last_hidden_state.detach().requires_grad_()
    pooled = model.bert.pooler(states)
    heads = dict(zip(("prediction_logits", "seq_relationship_logits"), model.cls(states, pooled), strict=True))
    (slope,) = torch.autograd.grad((heads[name] * torch.rand_like(heads[name])).sum(), states)
    shown = tuple(tuple(torch.nonzero(row.abs().sum(-1) > 1e-12).flatten().tolist()) for row in slope)
    assert trace.at(input_ids=ids).reads["last_hidden_state"] == shown
    assert trace.result.dead_parameters == ()


def test_an_output_that_is_not_there_is_told_with_those_that_are() -> None:
    """What, why, what to do."""
    with pytest.raises(TargetError, match=r"no value(?s:.)*intent, slots"):
        archtrace.trace(Joint(FORMS["dict"][0]), output="value")


@pytest.mark.parametrize(
    ("head", "output", "read", "tokens"),
    [
        ("BertForTokenClassification", "logits[:, 3]", "last_hidden_state[:, 3]", range(19)),
        ("BertForQuestionAnswering", "end_logits[:, 4]", "last_hidden_state[:, 4]", range(19)),
        ("BertModel", "pooler_output", "last_hidden_state[:, 0]", range(19)),
        ("GPT2LMHeadModel", "logits[:, 5]", "last_hidden_state[:, 5]", range(6)),
    ],
)
def test_one_position_of_an_output(head: str, output: str, read: str, tokens: range) -> None:
    """A token classifier reads each position by itself; a causal model's token reaches what comes after it alone."""
    small = {"num_hidden_layers": 2} if "Bert" in head else {"n_layer": 2}
    result = archtrace.trace(f"transformers:{head}", output=output, overrides=small).result
    assert result.status == "exact"
    assert [r.slice for r in result.readouts] == [read]
    assert result.layouts[0].bound.tokens == (tuple(tokens),) * 2
    assert not [name for name in result.outputs if "hidden_states" in name]


def test_a_position_that_is_not_there() -> None:
    """The shape says which there are."""
    with pytest.raises(TargetError, match=r"no slots\[:, 19\](?s:.)*\(2, 19, 5\)"):
        archtrace.trace(Joint(FORMS["dict"][0]), output="slots[:, 19]")
