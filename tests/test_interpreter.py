"""The interpreter: which tokens reach which logits, forwards and backwards, each row a head and the answer by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archtrace.capture.program import Program
from archtrace.capture.run import capture
from archtrace.reach.interpreter import Interpretation, Interpreter
from archtrace.reach.marks import spread
from archtrace.reach.rules import registry
from archtrace.reach.rules.registry import has_rule
from archtrace.reach.values import Unknown

#: Two texts of four tokens, of which three and two are no padding. 2 stands once, in the second text.
IDS = torch.tensor([[5, 6, 7, 0], [8, 9, 2, 0]])
MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])
LAYOUT = {"input_ids": IDS, "attention_mask": MASK}

#: Makes one vector a row of the model, its hidden states, its ids and its mask.
Head = Callable[["Small", Tensor, Tensor, Tensor], Tensor]
#: For each row of the logits the tokens that reach it, as (row, position).
Reach = tuple[set[tuple[int, int]], set[tuple[int, int]]]


class Small(nn.Module):
    """An embedding, what a head makes of it, and a score."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.embed, self.score, self.head = nn.Embedding(16, 4), nn.Linear(4, 1), head
        self.lstm, self.norm, self.conv = (
            nn.LSTM(4, 4, batch_first=True),
            nn.LayerNorm(4),
            nn.Conv1d(4, 4, 3, padding=1),
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.score(self.head(self, self.embed(input_ids), input_ids, attention_mask))
        return logits


def own(*positions: int) -> Reach:
    """In each row the same positions of its own text."""
    return {(0, p) for p in positions}, {(1, p) for p in positions}


def softmaxed(h: Tensor, mask: Tensor) -> Tensor:
    """A mean weighted by what stands at each position, padding masked out."""
    weights = (h.sum(-1) + (1 - mask) * -1e9).softmax(1)
    return (weights[..., None] * h).sum(1)


def attended(h: Tensor, **options: Any) -> Tensor:
    """Attention over the hidden states themselves."""
    return nn.functional.scaled_dot_product_attention(h, h, h, **options)


def masks_in_turn(h: Tensor, mask: Tensor) -> Tensor:
    """The same op twice, on what the mask keeps and on what it drops; the second is read."""
    kept, dropped = ((h * flags[..., None]).sum(1) for flags in (mask, 1 - mask))
    return torch.cat([kept, dropped], -1)[:, 4:]


def by_loan(h: Tensor, ids: Tensor) -> Tensor:
    """A position that Python computes from an id that it took."""
    return h[:, int(ids[0, 0]) % 4]


HEADS: dict[str, tuple[Head, Reach]] = {
    "the first": (lambda m, h, i, a: h[:, 0], own(0)),
    "a sum": (lambda m, h, i, a: h.sum(1), own(0, 1, 2, 3)),
    "a masked sum": (lambda m, h, i, a: (h * a[..., None]).sum(1), ({(0, 0), (0, 1), (0, 2)}, {(1, 0), (1, 1)})),
    "the last that is no pad": (
        lambda m, h, i, a: h[torch.arange(2), a.sum(1) - 1],
        ({(0, 2)}, {(1, 1)}),
    ),
    "padding alone": (lambda m, h, i, a: torch.where(a[..., None] == 1, h, 0.0)[:, 3], (set(), set())),
    "a masked softmax": (lambda m, h, i, a: softmaxed(h, a), ({(0, 0), (0, 1), (0, 2)}, {(1, 0), (1, 1)})),
    "rows turned round": (lambda m, h, i, a: h.flip(0)[:, 0], ({(1, 0)}, {(0, 0)})),
    "a sum over rows": (
        lambda m, h, i, a: h[:, 0] + h[:, 1].sum(0),
        ({(0, 0), (0, 1), (1, 1)}, {(1, 0), (0, 1), (1, 1)}),
    ),
    "positions rolled": (lambda m, h, i, a: h.roll(1, 1)[:, 0], own(3)),
    "several results": (lambda m, h, i, a: h.split(2, 1)[0][:, 0] + h.split(2, 1)[1][:, 1], own(0, 3)),
    "one of several results": (lambda m, h, i, a: h.unbind(1)[2], own(2)),
    "a factor of zero": (lambda m, h, i, a: h[:, 0] + 0 * h[:, 1], own(0)),
    "a node that is taken twice": (lambda m, h, i, a: h[:, 1] * h[:, 1] + h[:, 1], own(1)),
    "a maximum": (lambda m, h, i, a: h[:, 1:3].max(1).values, own(1, 2)),
    "a running sum": (lambda m, h, i, a: h.cumsum(1)[:, 2], own(0, 1, 2)),
    "a norm over features": (lambda m, h, i, a: m.norm(h)[:, 1], own(1)),
    "a norm over positions": (
        lambda m, h, i, a: nn.functional.layer_norm(h.transpose(1, 2), (4,))[..., 0],
        own(0, 1, 2, 3),
    ),
    "a recurrence": (lambda m, h, i, a: m.lstm(h)[0][:, 1], own(0, 1)),
    "a convolution": (lambda m, h, i, a: m.conv(h.transpose(1, 2))[..., 0], own(0, 1)),
    "causal attention": (lambda m, h, i, a: attended(h, is_causal=True)[:, 2], own(0, 1, 2)),
    "masked attention": (
        lambda m, h, i, a: attended(h, attn_mask=a[:, None].bool())[:, 0],
        ({(0, 0), (0, 1), (0, 2)}, {(1, 0), (1, 1)}),
    ),
    "a query that no key answers": (
        lambda m, h, i, a: attended(h, attn_mask=torch.eye(4, dtype=torch.bool))[:, 3],
        own(3),
    ),
    # Of one key that no mask hides the weight is 1, whatever its score.
    "the weight of the only key": (
        lambda m, h, i, a: (h.sum(-1) + (torch.arange(4) > 0) * -1e9).softmax(1)[:, :1].expand(2, 4),
        (set(), set()),
    ),
    "a power of zero": (lambda m, h, i, a: (h[:, 0] * 0).exp() + h[:, 1], own(1)),
    "the place of an id": (lambda m, h, i, a: h[torch.arange(2), (i == 2).long().argmax(1)], ({(0, 0)}, {(1, 2)})),
    "one mask after another": (lambda m, h, i, a: masks_in_turn(h, a), ({(0, 3)}, {(1, 2), (1, 3)})),
    "an id in place of its state": (lambda m, h, i, a: i[:, 1:2].float().expand(2, 4), own(1)),
    "a write": (lambda m, h, i, a: h.index_fill(1, torch.tensor([0, 1]), 0.0).sum(1), own(2, 3)),
    # 5 % 4 is 1: the state at 1 is read, and the id that Python took decides which state that is.
    "what Python takes": (lambda m, h, i, a: by_loan(h, i), ({(0, 0), (0, 1)}, {(0, 0), (1, 1)})),
}

every_head = pytest.mark.parametrize("name", HEADS)


def recorded(head: Head) -> Program:
    """The program of a small model with a head."""
    return capture(Small(head).eval(), {}, LAYOUT, has_rule, None, "input_ids")


def ran(program: Program, interpreter: Interpreter | None = None) -> tuple[Interpreter, Interpretation]:
    """An interpreter, and what it makes of a program in the layout."""
    interpreter = interpreter or Interpreter()
    return interpreter, interpreter.values(program, LAYOUT, {"input_ids"})


def demanded(interpreter: Interpreter, run: Interpretation) -> Reach:
    """The tokens that reach each row of the logits, from the logits back."""
    marks = interpreter.demand(run)[run.program.inputs["input_ids"]]
    table = np.zeros((2, 4, 2), dtype=bool) if marks is None else spread(marks, (2, 4))
    first, second = (set(zip(*map(np.ndarray.tolist, table[..., row].nonzero()), strict=True)) for row in (0, 1))
    return first, second


def influenced(interpreter: Interpreter, run: Interpretation) -> Reach:
    """The same from the tokens on, each with a label of its own."""
    own_label = np.eye(8, dtype=bool).reshape(2, 4, 8)
    marks = interpreter.influence(run, {run.program.inputs["input_ids"]: own_label})[run.program.output]
    table = np.zeros((2, 8), dtype=bool) if marks is None else spread(marks, (2, 1))[:, 0]
    first, second = ({divmod(int(label), 4) for label in row.nonzero()[0]} for row in table)
    return first, second


@every_head
def test_tokens_reach_the_logits_backwards(name: str) -> None:
    head, reach = HEADS[name]
    assert demanded(*ran(recorded(head))) == reach


@every_head
def test_tokens_reach_the_logits_forwards(name: str) -> None:
    head, reach = HEADS[name]
    assert influenced(*ran(recorded(head))) == reach


def test_what_one_model_taught_is_no_answer_about_another() -> None:
    """Steps are remembered by what goes in: one interpreter for all heads, each twice, gives the same answers."""
    interpreter = Interpreter()
    for head, reach in [*HEADS.values()] * 2:
        interpreter, run = ran(recorded(head), interpreter)
        assert demanded(interpreter, run) == influenced(interpreter, run) == reach


#: A head -> the positions that are read of each text under the mask, and under one that keeps one token and four.
LAYOUTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "a masked sum": ((0, 1, 2), (0, 1), (0,), (0, 1, 2, 3)),
    "the last that is no pad": ((2,), (1,), (0,), (3,)),
    "a masked softmax": ((0, 1, 2), (0, 1), (0,), (0, 1, 2, 3)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_one_layout_taught_is_no_answer_about_another(name: str) -> None:
    interpreter, program = Interpreter(), recorded(HEADS[name][0])
    masks = MASK, torch.tensor([[1, 0, 0, 0], [1, 1, 1, 1]])
    for mask, positions in zip((*masks, MASK), (LAYOUTS[name][:2], LAYOUTS[name][2:], LAYOUTS[name][:2]), strict=True):
        run = interpreter.values(program, {"input_ids": IDS, "attention_mask": mask}, {"input_ids"})
        assert demanded(interpreter, run) == tuple({(row, p) for p in positions[row]} for row in (0, 1))


@every_head
def test_the_answers_are_those_of_the_real_model(name: str) -> None:
    """Each ordinary token is replaced by others: the rows that move are the rows that it reaches."""
    torch.manual_seed(0)
    head, reach = HEADS[name]
    model = Small(head).eval()
    with torch.no_grad():
        before = model(IDS, MASK)
        for row, position in ((r, p) for r in (0, 1) for p in range(4) if IDS[r, p] > 2):
            moved = torch.zeros(2, dtype=torch.bool)
            for other in range(3, 16):
                ids = IDS.clone()
                ids[row, position] = other
                moved |= ~torch.isclose(model(ids, MASK), before, atol=1e-6).all(1)
            assert moved.tolist() == [(row, position) in rows for rows in reach], (row, position)


def last(run: Interpretation, op: str) -> Any:
    """The value of the last node of an op."""
    return run.values[max(node.index for node in run.program.nodes if node.op == op)]


#: What a value is -> a head whose last sum, and the sum itself.
VALUES: dict[str, tuple[Head, str, list[int] | None]] = {
    "of the mask": (lambda m, h, i, a: h[torch.arange(2), a.sum(1)], "plain", [3, 2]),
    "of a comparison with an id": (lambda m, h, i, a: h[torch.arange(2), (i != 0).sum(1)], "plain", [3, 3]),
    "of ids": (lambda m, h, i, a: h[torch.arange(2), i.sum(1) % 4], "of tokens", [18, 19]),
    "of hidden states": (lambda m, h, i, a: h.sum(1), "unknown", None),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_plain_or_of_tokens_or_unknown(name: str) -> None:
    head, kind, held = VALUES[name]
    _, run = ran(recorded(head))
    value = last(run, "aten::sum")
    assert isinstance(value, Unknown) is (kind != "plain")
    real = value if kind == "plain" else value.real
    assert (real is None) is (kind == "unknown")
    assert held is None or real.tolist() == held


@pytest.mark.parametrize(
    ("head", "special"),
    [
        (lambda m, h, i, a: h[torch.arange(2), (i == 2).long().argmax(1)], {2}),
        (lambda m, h, i, a: h[torch.arange(2), (i.ne(0) & i.ne(7)).sum(1)], {0, 7}),
        (lambda m, h, i, a: h[torch.arange(2), (a == 1).sum(1)], set()),
        (lambda m, h, i, a: h[:, 0], set()),
    ],
)
def test_ids_that_a_program_looks_for_are_told(head: Head, special: set[int]) -> None:
    interpreter, _ = ran(recorded(head))
    assert interpreter.special == special


def test_weights_and_what_is_made_of_them_alone_are_reached_by_no_token() -> None:
    _, run = ran(recorded(lambda m, h, i, a: h[:, 0] * m.score.weight.tanh()))
    parameters = run.program.parameters.values()
    assert len(parameters) == 3, "the embedding, the score and its bias"
    assert all(run.values[index].weights_only for index in parameters)
    assert last(run, "aten::tanh").weights_only
    assert not last(run, "aten::embedding").weights_only
    assert not last(run, "aten::mul").weights_only


def test_an_op_without_a_rule_lets_everything_through_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any token of any text may reach any row; the op after it narrows nothing."""
    program = recorded(lambda m, h, i, a: h.tanh()[:, 0])
    monkeypatch.delitem(registry.RULES, "aten::tanh")
    interpreter, run = ran(program)
    every = {(row, position) for row in (0, 1) for position in range(4)}
    assert interpreter.unruled == {"aten::tanh"}
    assert demanded(interpreter, run) == influenced(interpreter, run) == (every, every)


def test_marks_may_start_anywhere() -> None:
    """What reaches the hidden states at 2 of a convolution's result, asked of that node and not of the logits."""
    interpreter, run = ran(recorded(lambda m, h, i, a: m.conv(h.transpose(1, 2))[..., 0]))
    node = next(node.index for node in run.program.nodes if node.op == "aten::conv1d")
    wanted = np.zeros((1, 1, 4, 1), dtype=bool)
    wanted[..., 2, 0] = True
    (tokens,) = (interpreter.demand(run, {node: wanted})[run.program.inputs["input_ids"]],)
    assert spread(tokens, (2, 4))[..., 0].tolist() == [[False, True, True, True]] * 2
    assert interpreter.demand(run, {node: wanted})[run.program.output] is None


def test_what_python_takes_of_ids_is_kept_and_what_it_takes_of_masks_is_not() -> None:
    """The id of a row decides how the program goes on; a mask is a fact of the layout, as an id that is looked for."""
    _, run = ran(recorded(HEADS["what Python takes"][0]))
    ids = run.program.inputs["input_ids"]
    taken = {run.program.nodes[ref].op for refs in run.deciding.values() for ref in refs}
    assert taken == {"aten::select"}
    assert all(ids in leading(run.program, ref) for refs in run.deciding.values() for ref in refs)
    for head in (lambda m, h, i, a: h[:, int(a.sum(1).min())], HEADS["the place of an id"][0]):
        assert not ran(recorded(head))[1].deciding


def leading(program: Program, index: int) -> set[int]:
    """The nodes that a node is made of."""
    before = set(program.nodes[index].refs)
    return before.union(*(leading(program, ref) for ref in before))
