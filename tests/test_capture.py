"""Capture: the program computes what the module computes, in-place writes and views included, and has no weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import archtrace
from archtrace.capture.build import build
from archtrace.capture.module import graph_module
from archtrace.capture.program import NodeKind
from archtrace.capture.run import capture
from archtrace.capture.validity import serves
from archtrace.errors import CaptureError, LayoutError
from archtrace.witness import numeric

INPUTS = {"input_ids": torch.tensor([[3, 4, 5, 6, 7], [8, 9, 10, 11, 12]])}


class Written(torch.nn.Module):
    """An embedding whose output a test's function writes into."""

    def __init__(self, write: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(16, 6)
        self.write = write

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.write(self.table(input_ids) * 1.0).flatten(1)


def _slice(x: torch.Tensor) -> torch.Tensor:
    x[:, 0] = 0
    return x


def _shift(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, 1:] = x[:, :-1]
    return y


def _view_first(x: torch.Tensor) -> torch.Tensor:
    view = x[:, 1:3]
    x.mul_(2)
    return view + x[:, 1:3]


def _view_of_view(x: torch.Tensor) -> torch.Tensor:
    part = x[:, 1:].transpose(1, 2)
    part[:, 2:4] += 1
    part[0].neg_()
    return x


def _two_chunks(x: torch.Tensor) -> torch.Tensor:
    left, right = x.chunk(2, dim=-1)
    left.copy_(right)
    right.zero_()
    return x


def _masked(x: torch.Tensor) -> torch.Tensor:
    x.masked_fill_(torch.arange(5)[None, :, None] > 2, 0.5)
    x[torch.tensor([0, 1]), torch.tensor([1, 3])] = 7.0
    return x


def _under_no_grad(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        y = x.cumsum(1)
        y[:, 2].fill_(3.0)
    return x + y


WRITES = [_slice, _shift, _view_first, _view_of_view, _two_chunks, _masked, _under_no_grad]


@pytest.mark.parametrize("write", WRITES, ids=lambda w: w.__name__.lstrip("_"))
def test_program_computes_what_the_module_computes(write: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Run the captured program with the module's own weights."""
    module = Written(write).double().eval()
    program = capture(module, {}, INPUTS)
    weights = dict(module.named_parameters())
    given = {index: weights[name].detach() for name, index in program.parameters.items()}
    given |= {n.index: program.values[n.target] for n in program.nodes if n.kind is NodeKind.BUFFER}
    values = numeric.run(program, given, INPUTS, {})
    with torch.no_grad():
        torch.testing.assert_close(values[program.output], module(**INPUTS))


def test_program_is_functional() -> None:
    """No op of a program writes into its arguments."""
    for write in WRITES:
        for node in capture(Written(write), {}, INPUTS).nodes:
            schema = getattr(node.target, "_schema", None)
            assert schema is None or not schema.is_mutable, node


def test_no_weights_are_made_or_touched() -> None:
    """A terabyte of parameters builds and captures; a live module comes back as it was."""
    wide = build(lambda: torch.nn.Sequential(torch.nn.Embedding(2**20, 2**18), torch.nn.Flatten(1)))
    program = capture(torch.nn.ModuleDict({"m": wide})["m"], {}, {"input": INPUTS["input_ids"]})
    (table,) = program.parameters.values()
    assert program.nodes[table].results == (((2**20, 2**18), torch.float32),)
    module = Written(_slice)
    before = module.table.weight
    capture(module, {}, INPUTS)
    assert module.table.weight is before


def test_buffers_keep_their_values() -> None:
    """Structure lives in buffers: they are computed while the parameters are not."""

    class Positions(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("order", torch.arange(8).flip(0))
            self.table = torch.nn.Linear(4, 4)

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return self.table.weight[0] * self.order[:4]

    module = build(Positions)
    assert module.get_parameter("table.weight").is_meta
    program = capture(module, {}, INPUTS)
    assert program.values["order"].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


def test_nodes_know_their_module_and_line() -> None:
    """Each op carries the path of its module and the line that called it."""
    program = capture(Written(_slice), {}, INPUTS)
    (node,) = [n for n in program.nodes if n.op == "aten::embedding"]
    assert node.module == "table"
    assert any(frame.file == __file__ and frame.function == "forward" for frame in node.frames)
    assert all(n.frames for n in program.nodes if n.kind is NodeKind.OP)


class Branching(torch.nn.Module):
    """A forward that a test gives, on an embedding."""

    def __init__(self, head: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(16, 6)
        self.head = head

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(input_ids), input_ids)


def _by_a_parameter(x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return x[:, 0] if x.sum() > 0 else x[:, 1]


def _by_ids(x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return x[:, 0] if (ids == 7).any() else x[:, 1]


def _raising(x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    raise ValueError("ids of this kind are not for me")


def test_a_branch_on_a_parameter_is_told_with_its_line() -> None:
    with pytest.raises(CaptureError) as told:
        capture(Branching(_by_a_parameter), {}, INPUTS)
    assert "cannot be followed" in str(told.value)
    assert "test_capture.py" in str(told.value)
    assert "if x.sum() > 0" in str(told.value)


def test_a_model_that_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(LayoutError) as told:
        capture(Branching(_raising), {}, INPUTS)
    assert "Branching does not run on these inputs" in str(told.value)
    assert "ValueError: ids of this kind are not for me" in str(told.value)


def test_a_branch_on_ids_is_a_decision() -> None:
    """A program serves the layouts in which the branch goes the same way, and no other."""
    program = capture(Branching(_by_ids), {}, INPUTS)
    other = {"input_ids": torch.tensor([[3, 4, 5, 6, 7], [7, 9, 10, 11, 12]])}
    without = {"input_ids": torch.tensor([[3, 4, 5, 6, 8], [8, 9, 10, 11, 12]])}
    assert len(program.decisions) == 1
    assert serves(program, INPUTS)
    assert serves(program, other)
    assert not serves(program, without)


class Typed(torch.nn.Module):
    """Branches on what Python sees of the mask without asking for a value: its type, or how it lies in memory."""

    def __init__(self, first: Callable[[torch.Tensor], bool]) -> None:
        super().__init__()
        self.table, self.head, self.first = torch.nn.Embedding(64, 4), torch.nn.Linear(4, 2), first

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        h = self.table(input_ids)
        return self.head(h[:, 0] if self.first(attention_mask) else h[:, -1])


ONES = torch.ones(2, 19, dtype=torch.long)
SEEN: dict[str, tuple[Callable[[torch.Tensor], bool], torch.Tensor]] = {
    "type": (lambda mask: mask.dtype == torch.bool, ONES.bool()),
    "memory": (lambda mask: not mask.is_contiguous(), ONES.T.contiguous().T),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_program_serves_only_inputs_that_look_alike(name: str) -> None:
    first, mask = SEEN[name]
    model, ids = Typed(first), torch.arange(3, 41).reshape(2, 19)
    trace = archtrace.trace(model)
    for given, read in ((ONES, 18), (mask, 0), (ONES, 18)):
        changed = ids.clone()
        changed[:, read] = 50
        assert not torch.equal(model(ids, given), model(changed, given))
        assert trace.at(input_ids=ids, attention_mask=given).tokens == ((read,), (read,))


class Cast(torch.nn.Module):
    """The same layer of the same input, plain and under autocast; then views of all sorts."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(16, 6)
        self.layer = torch.nn.Linear(6, 6)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        x = self.table(input_ids)
        plain = self.layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            cast = self.layer(x)
        turned = (cast.float() + plain).view(2, 5, 2, 3).transpose(1, 2).contiguous()
        return turned.reshape(2, -1).unsqueeze(1).expand(2, 3, 30)[:, 1:].permute(1, 0, 2).reshape(4, 30)


def test_an_op_has_another_type_under_autocast() -> None:
    """Though the op and its operands are the same, as in a second layer that is like the first."""
    program = capture(build(Cast), {}, INPUTS)
    real = Cast().eval()
    linear = [n.results for n in program.nodes if n.op in ("aten::linear", "aten::addmm")]
    assert [spec[0][1] for spec in linear if spec] == [torch.float32, torch.bfloat16]
    assert program.nodes[program.output].results == ((tuple(real(**INPUTS).shape), torch.float32),)


class Remembered(torch.nn.Module):
    """Two layers that are alike: each writes through a view of its own, and asks for what is contiguous already."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(16, 6)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(2, 6)
        for scale in (2.0, 3.0):
            x = self.table(input_ids)
            same = x.contiguous()
            same[:, 0] *= scale
            total = total + x[:, 0]
        return total


def test_what_was_seen_before_shares_memory_all_the_same() -> None:
    """In the second layer too a write through a view, and into what is the tensor itself, is seen in the tensor."""
    module = Remembered().eval()
    graph = graph_module(capture(module, {}, INPUTS), module)
    assert torch.equal(graph(INPUTS["input_ids"]), module(**INPUTS))
    torch.testing.assert_close(module(**INPUTS), 5 * module.table(INPUTS["input_ids"])[:, 0])
