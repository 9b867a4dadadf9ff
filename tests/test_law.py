"""The law, held by the program: a wrong rule, a wrong program and a run that fails are each told, and never `exact`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.nn import functional

import archtrace
from archtrace.answer.result import Result
from archtrace.capture.program import NodeKind, Program
from archtrace.errors import ArchtraceError
from archtrace.reach.rules import registry
from archtrace.reach.rules.registry import Call, Transfer
from archtrace.readout import analysis
from archtrace.witness import law, numeric

Head = Callable[["Small", torch.Tensor], torch.Tensor]


class Small(torch.nn.Module):
    """An embedding, an op that a test gives, and a linear classifier."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(64, 8)
        self.dense = torch.nn.Linear(8, 8)
        self.conv = torch.nn.Conv1d(8, 8, 3, padding=1)
        self.lstm = torch.nn.LSTM(8, 8, batch_first=True)
        self.classifier = torch.nn.Linear(8, 2)
        self.head = head

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.head(self, self.table(input_ids)))


#: One op a family of rules, and a head that needs it.
FAMILIES: dict[str, tuple[str, Head]] = {
    "movement": ("flip", lambda m, h: h.flip(1)[:, 3]),
    "pointwise": ("tanh", lambda m, h: h.tanh()[:, 0]),
    "reduction": ("sum", lambda m, h: h.sum(1)),
    "contraction": ("matmul", lambda m, h: torch.matmul(h.transpose(1, 2), h).mean(1)),
    "linear": ("linear", lambda m, h: m.dense(h)[:, 2]),
    "normalisation": ("layer_norm", lambda m, h: functional.layer_norm(h, (8,))[:, 1]),
    "attention": ("scaled_dot_product_attention", lambda m, h: functional.scaled_dot_product_attention(h, h, h)[:, 0]),
    "indexing": ("gather", lambda m, h: h.gather(1, torch.full((h.shape[0], 1, 8), 4))[:, 0]),
    "scan": ("cumsum", lambda m, h: h[:, 0] + h.cumsum(1)[:, 3]),
    "recurrence": ("lstm", lambda m, h: m.lstm(h)[0][:, -1]),
    "convolution": ("conv1d", lambda m, h: m.conv(h.transpose(1, 2))[:, :, 5]),
    "embedding": ("embedding", lambda m, h: h[:, 0]),
}


def lossy(monkeypatch: pytest.MonkeyPatch, op: str, keep: Callable[[Any], bool]) -> None:
    """Let the rules of an op, of all its overloads, forget each flow for which `keep` is false."""
    name = registry.qualified(op)

    def forgetful(rule: registry.Rule, call: Call) -> Transfer:
        step = rule(call)
        kept = tuple(tuple(flow for flow in flows if keep(flow)) for flows in step.flows)
        # It lies about what it dropped, too: else the registry itself sees that an operand is overlooked.
        return registry.silent(replace(step, flows=kept), call.operands)

    for key in [key for key in registry.RULES if key == name or key.startswith(f"{name}.")]:
        monkeypatch.setitem(registry.RULES, key, partial(forgetful, registry.RULES[key]))


def codes(result: Result) -> set[str]:
    """The codes of a result's findings."""
    return {finding.code for finding in result.findings}


def tokens(result: Result) -> Any:
    """The tokens that the bound of the full layout holds."""
    return next(layout for layout in result.layouts if layout.name == "full").bound.tokens


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rule_that_forgets_is_caught(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the rule says, the answer holds what reaches, says what was missed, and is no exact one."""
    op, head = FAMILIES[family]
    model = Small(head)
    right = archtrace.trace(model).result
    assert right.status == "exact"
    assert not codes(right) & {"missed", "replay-differs", "witness-failed"}
    lossy(monkeypatch, op, lambda flow: False)
    wrong = archtrace.trace(model).result
    assert wrong.status == "bound"
    assert "missed" in codes(wrong)
    assert all(layout.status == "bound" for layout in wrong.layouts)
    assert all(set(r) <= set(w) for r, w in zip(tokens(right), tokens(wrong), strict=True))
    assert {readout.status for readout in wrong.readouts} <= {"bound"}


@pytest.mark.parametrize("seed", range(8))
def test_a_rule_that_forgets_some_is_caught(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows forgotten at random: the answer is widened by what was lost, and says so."""
    draw = random.Random(seed)

    def head(m: Small, h: torch.Tensor) -> torch.Tensor:
        h = functional.layer_norm(h + m.dense(h).tanh(), (8,))
        h = h + functional.scaled_dot_product_attention(h, h, h) * h.cumsum(1)
        return torch.cat([h[:, :1], h.flip(1)[:, :2]], 1).mean(1)

    model = Small(head)
    right = archtrace.trace(model).result
    for op in ("add", "mul", "cat", "layer_norm", "scaled_dot_product_attention", "cumsum", "flip"):
        lossy(monkeypatch, op, lambda flow: draw.random() < 0.6)
    wrong = archtrace.trace(model).result
    assert all(set(r) <= set(w) for r, w in zip(tokens(right), tokens(wrong), strict=True))
    assert wrong.status == "bound"
    assert "missed" in codes(wrong)


def _another(program: Program, op: str, target: Any) -> Program:
    """The program with one op in place of another."""
    changed = [replace(n, target=target) if n.kind is NodeKind.OP and n.op == op else n for n in program.nodes]
    return replace(program, nodes=tuple(changed))


def test_a_program_that_is_not_the_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture that puts another op in place of one: found by replay, with the module that differs first."""
    right = analysis.capture

    def wrong(*args: Any) -> Program:
        return _another(right(*args), "aten::tanh", torch.ops.aten.sigmoid.default)

    monkeypatch.setattr(analysis, "capture", wrong)
    result = archtrace.trace(Small(lambda m, h: m.dense(h).tanh()[:, 0])).result
    assert result.status == "bound"
    told = [f.message for f in result.findings if f.code == "replay-differs"]
    assert len(told) == 1
    assert "classifier" in told[0]
    assert "report" in told[0]


def failing(monkeypatch: pytest.MonkeyPatch, op: str) -> None:
    """Let numeric runs fail at an op."""
    right = numeric._call

    def broken(node: Any, values: Any) -> Any:
        if node.op == op:
            raise KeyError("a fault of ours")
        return right(node, values)

    monkeypatch.setattr(numeric, "_call", broken)


def test_a_run_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Op, module, line and reason; whatever the exception is."""
    failing(monkeypatch, "aten::tanh")
    result = archtrace.trace(Small(lambda m, h: h.tanh()[:, 0])).result
    assert result.status == "bound"
    told = [f.message for f in result.findings if f.code == "witness-failed"]
    assert len(told) == len(result.layouts)
    assert all("aten::tanh" in m and "test_law.py:" in m and "a fault of ours" in m for m in told)


def test_drawn_parameters_are_given_back() -> None:
    """A live module's tensors are the same objects after the replay, with the same values; lists of them too."""
    model = Small(FAMILIES["recurrence"][1]).train()
    before = {name: (id(p), p.detach().clone()) for name, p in model.named_parameters()}
    flat = [id(w) for w in model.lstm._flat_weights]
    assert archtrace.trace(model).result.status == "exact"
    after = dict(model.named_parameters())
    assert all(id(after[n]) == i and torch.equal(after[n], v) for n, (i, v) in before.items())
    assert [id(w) for w in model.lstm._flat_weights] == flat
    assert model.training


class Counting(torch.nn.Module):
    """Writes into a buffer of its own, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(64, 2)
        self.register_buffer("calls", torch.tensor([1.0]))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.table(input_ids)[:, 0] * self.calls


def test_a_buffer_that_the_forward_writes_keeps_its_value() -> None:
    """The replay runs the model itself, on copies of its buffers."""
    model = Counting()
    result = archtrace.trace(model).result
    assert "replay-differs" not in codes(result)
    assert "witness-failed" not in codes(result)
    assert model.calls.tolist() == [1.0]


def test_random_draws_are_no_witness() -> None:
    """Two runs that draw differently differ everywhere: only what was changed may show."""
    result = archtrace.trace(Small(lambda m, h: h[:, 0] + torch.rand(h.shape[0], 8))).result
    assert result.status == "exact"
    assert tokens(result) == ((0,), (0,))


CENTRED: dict[str, Head] = {
    "instance norm": lambda m, h: functional.instance_norm(h.transpose(1, 2)).mean(-1),
    "softmax": lambda m, h: h.softmax(1).mean(1),
    "by hand": lambda m, h: (h - h.mean(1, keepdim=True)).sum(1),
    "layer norm": lambda m, h: functional.layer_norm(h.transpose(1, 2), h.shape[1:2]).transpose(1, 2).mean(1),
}


@pytest.mark.parametrize("name", CENTRED)
def test_the_mean_of_what_was_centred_tells_nothing(name: str) -> None:
    """Over the whole axis it is one number, whatever stands there: no position reaches it."""
    result = archtrace.trace(Small(CENTRED[name])).result
    assert tokens(result) == ((), ())
    assert result.status == "exact"


SHARP: dict[str, Head] = {
    "a product": lambda m, h: functional.instance_norm(h.transpose(1, 2)) @ torch.ones(h.shape[1]),
    "a sign": lambda m, h: functional.instance_norm(h.transpose(1, 2)).mean(-1).sign(),
    "part of the axis": lambda m, h: h.softmax(1)[:, 1:].mean(1),
    "an affine norm": lambda m, h: functional.layer_norm(h, (8,), m.classifier.weight[0]).mean(-1)[:, :1].expand(-1, 8),
}


@pytest.mark.parametrize("name", SHARP)
def test_a_sum_that_may_change_is_not_left_out(name: str) -> None:
    """What a sign makes of rounding, part of an axis, and weights of a norm do change: they stay in the bound."""
    result = archtrace.trace(Small(SHARP[name])).result
    assert all(tokens(result))


def test_noise_is_no_witness() -> None:
    """A sum of what was centred, as a product: what moves is rounding alone."""
    result = archtrace.trace(Small(SHARP["a product"])).result
    full = next(layout for layout in result.layouts if layout.name == "full")
    assert full.witness is not None
    assert full.witness.tokens == ((), ())
    assert result.status == "bound"
    assert "not-shown" in codes(result)


def scattered(by: Callable[[torch.Tensor], torch.Tensor], at: int) -> Head:
    """What stands at one position once each has been added up where its own score says."""
    return lambda m, h: torch.zeros_like(h).scatter_add(1, by(h).unsqueeze(-1).expand_as(h), h)[:, at]


SCORES = {"a truth": (lambda h: (h.sum(-1) > 0).long(), 1), "an argmax": (lambda h: h[..., :4].argmax(-1), 3)}


@pytest.mark.parametrize("name", SCORES)
def test_a_write_lands_no_further_than_its_index_leads(name: str) -> None:
    """A truth is 0 or 1 and an argmax lies on its axis: all may land at the last place, and none beyond it."""
    score, last = SCORES[name]
    for at, reached in ((last, tuple(range(19))), (last + 1, ())):
        result = archtrace.trace(Small(scattered(score, at))).result
        assert tokens(result) == (reached,) * 2
        assert result.status == "exact", [f.message for f in result.findings]


@pytest.mark.parametrize(("at", "reached"), [(0, ()), (4, tuple(range(19)))])
def test_a_choice_between_equals_is_no_choice(at: int, reached: tuple[int, ...]) -> None:
    """Both sides are zero where the mask says so: what decides between them reaches nothing there."""

    def chosen(m: Small, h: torch.Tensor) -> torch.Tensor:
        kept = h * (torch.arange(h.shape[1]) > 2)[:, None]
        return torch.where(h.sum(1, keepdim=True) > 0, kept, 2 * kept)[:, at]

    result = archtrace.trace(Small(chosen)).result
    assert tokens(result) == (reached,) * 2
    assert result.status == "exact", [f.message for f in result.findings]


class Taken(torch.nn.Module):
    """Python takes the ids, and a program that was recorded holds for no others."""

    def __init__(self, count: bool) -> None:
        super().__init__()
        self.table, self.count = torch.nn.Embedding(64, 8), count

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        if self.count:
            return self.table(torch.tensor([[len({*row})] for row in input_ids.tolist()]))[:, 0]
        return self.table(torch.from_numpy(np.sort(input_ids.numpy(), 1))).mean(1)


@pytest.mark.parametrize("count", [False, True])
def test_ids_that_python_takes_are_seen(count: bool) -> None:
    """The model itself is run with other ids: each of them counts."""
    result = archtrace.trace(Taken(count)).result
    assert result.status == "exact", [f.message for f in result.findings]
    assert tokens(result) == (tuple(range(19)),) * 2


SHOWN: dict[str, Head] = {
    "argmax": lambda m, h: functional.one_hot(h.argmax(1), h.shape[1]).to(h.dtype)[:, :, :8].mean(1),
    "rounding": lambda m, h: h.round().sum(1),
    "sign of a sum": lambda m, h: h.sum(1).sign(),
    "a hash": lambda m, h: (1000 * h.sum(1)).floor().remainder(7.0),
}


@pytest.mark.parametrize("name", SHOWN)
def test_large_changes_show_what_no_gradient_shows(name: str) -> None:
    """Every position does matter, and is seen to."""
    result = archtrace.trace(Small(SHOWN[name])).result
    assert result.status == "exact", [f.message for f in result.findings]
    assert tokens(result) == (tuple(range(19)),) * 2


class Counted(torch.nn.Module):
    """Counts how many ids there are of each sort: ids are never embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = torch.nn.Linear(64, 2)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.classifier(functional.one_hot(input_ids % 64, 64).sum(1).float())


def test_ids_that_are_counted_are_seen() -> None:
    """No gradient reaches an id: other ids in its place do."""
    result = archtrace.trace(Counted()).result
    full = next(layout for layout in result.layouts if layout.name == "full")
    assert full.witness is not None
    assert full.witness.tokens == (tuple(range(19)),) * 2


def test_an_error_of_ours_is_told_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw, in the middle of a vmap, with another default type."""

    def broken(*_: Any, **__: Any) -> None:
        torch.set_default_dtype(torch.float64)
        torch._C._functorch._vmap_increment_nesting(3, "error")
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("archtrace.tracing.trace.build_result", broken)
    with pytest.raises(ArchtraceError) as caught:
        archtrace.trace(Small(lambda m, h: h[:, 0]))
    what, where, why, do = str(caught.value).splitlines()
    assert what == "archtrace itself failed"
    assert "test_law.py:" in where
    assert why == "  why: ZeroDivisionError: a fault of ours"
    assert "report" in do
    assert torch.get_default_dtype() == torch.float32
    assert torch.randn(2).shape == (2,)


class Distinct(Small):
    """Looks up the distinct ids alone, and puts each embedding back to where its id stands."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        distinct, places = torch.unique(input_ids, return_inverse=True)
        return self.classifier(self.head(self, self.table(distinct)[places]))


def test_what_the_analysis_alone_says_is_no_witness() -> None:
    """Which token an embedding is of is told by the bound alone, here too widely: another id moves one position."""
    model = Distinct(lambda m, h: h[:, 0]).eval()
    ids = torch.arange(3, 41).reshape(2, 19)
    moved = {p for p in range(19) if not torch.equal(model(_other(ids, p), ids), model(ids, ids))}
    assert moved == {0}
    result = archtrace.trace(model).result
    full = next(layout for layout in result.layouts if layout.name == "full")
    assert full.witness is not None
    assert full.witness.tokens == ((0,), (0,))
    assert tokens(result) == (tuple(range(19)),) * 2
    assert result.status == "bound"
    assert "op-without-rule" not in codes(result)


def _other(ids: torch.Tensor, position: int) -> torch.Tensor:
    other = ids.clone()
    other[0, position] = 50
    return other


def _squeezed(m: Any, h: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(h.transpose(1, 2), size=h.shape[1], mode="linear").transpose(1, 2)


#: Ops that have no gradient or look at bits, which the runs in float64 do not have.
RUN: dict[str, tuple[Head, tuple[int, ...]]] = {
    "bits of what is not contiguous": (lambda m, h: _squeezed(m, h).view(torch.int32).view(torch.float32)[:, 2], (2,)),
    "whole numbers of bits": (lambda m, h: (h.view(torch.int32) % 7).float()[:, 1], (1,)),
    "distinct features": (lambda m, h: h[:, 0] * torch.unique(h[:, 0].round()).sum(), (0,)),
}


@pytest.mark.parametrize("name", RUN)
def test_what_has_no_gradient_runs(name: str) -> None:
    head, read = RUN[name]
    result = archtrace.trace(Small(head)).result
    assert "witness-failed" not in codes(result), [f.message for f in result.findings]
    assert tokens(result) == (read, read)
    assert result.status == "exact"


def test_why_no_small_model_runs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """All candidates of a search fail alike: op, module and reason are told, not only that there is none."""
    failing(monkeypatch, "aten::gelu")
    sizes = {"num_hidden_layers": 1, "hidden_size": 96, "num_attention_heads": 2, "intermediate_size": 96}
    result = archtrace.trace(transformers.BertConfig(**sizes, vocab_size=30000, max_position_embeddings=32)).result
    assert result.status == "bound"
    (told,) = (f.message for f in result.findings if f.code == "witness-failed")
    assert "aten::gelu in bert.encoder" in told
    assert "a fault of ours" in told


class LookedUp(torch.nn.Module):
    """Looks ids up; what else is done with them a test says."""

    def __init__(self, numbers: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.pad_token_id, self.eos_token_id = 0, 1
        self.table, self.classifier, self.numbers = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2), numbers

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        h = self.table(input_ids) + self.numbers(input_ids)
        return self.classifier((h * attention_mask[..., None]).sum(1))


NUMBERS: dict[str, tuple[Callable[[torch.Tensor], Any], int]] = {
    "nothing": (lambda ids: 0, 1),
    "each as a number": (lambda ids: ids.float()[..., None], 4),
    "their sum": (lambda ids: ids.float().sum(1)[:, None, None], 4),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_layouts_of_other_looked_up_ids_are_run_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which row of a table of random numbers is taken is nothing to a run; the id as a number is."""
    numbers, runs = NUMBERS[name]
    ran: list[str] = []
    right = law.Runs._verdict
    monkeypatch.setattr(law.Runs, "_verdict", lambda self, name: ran.append(name) or right(self, name))
    result = archtrace.trace(LookedUp(numbers)).result
    assert result.status == "exact"
    alike = {"full", "eos_early", "several_eos", "no_eos"}
    assert alike <= {layout.name for layout in result.layouts}
    assert len(alike.intersection(ran)) == runs
