"""The source of an op: the expression at its line that stands for it, and the function around it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

from archtrace.capture.program import Program
from archtrace.capture.run import capture
from archtrace.reach.rules.registry import has_rule
from archtrace.readout.source_expression import frame_of, source_of

CODE = '''\
import torch
from torch import nn


def pooled_by(hidden):
    return hidden.mean(dim=1)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score = nn.Embedding(16, 4), nn.Linear(4, 2)

    def forward(self, input_ids):
        hidden = self.embed(input_ids)
        first = len("größe") and hidden[:, 0]  # columns count bytes
        mean = pooled_by(hidden)
        largest = hidden.amax(
            1,
        )
        both = first - mean * largest

        def inner(value):
            return value.tanh()

        twice = inner(both).cumsum(0) + both.cumsum(0)
        with torch.no_grad():
            if twice.shape[0] > 1: turned = twice.flip(0)
        for part in turned.split(1):
            last = part
        return self.score(-last)
'''  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program of the code above, from a file of its own."""
    file: Path = tmp_path_factory.mktemp("code") / "head.py"
    file.write_text(CODE, "utf-8")
    spec = importlib.util.spec_from_file_location("head", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: nn.Module = module.Head()
    return capture(made, {}, {"input_ids": torch.tensor([[5, 6, 7], [8, 9, 10]])}, has_rule)


def line_of(text: str) -> int:
    """The number of the line of the code that holds a text."""
    return next(number for number, line in enumerate(CODE.splitlines(), 1) if text in line)


#: An op -> its expression, the function, and a text at the line of its call.
SOURCES = {
    "aten::select": ("hidden[:, 0]", "Head.forward", "hidden[:, 0]"),
    "aten::mean": ("hidden.mean(dim=1)", "pooled_by", "hidden.mean"),
    "aten::amax": ("hidden.amax( 1, )", "Head.forward", "hidden.amax"),
    "aten::mul": ("mean * largest", "Head.forward", "mean * largest"),
    "aten::sub": ("first - mean * largest", "Head.forward", "first -"),
    "aten::tanh": ("value.tanh()", "Head.forward.inner", "value.tanh"),
    "aten::add": ("inner(both).cumsum(0) + both.cumsum(0)", "Head.forward", "twice = "),
    "aten::flip": ("twice.flip(0)", "Head.forward", "twice.flip"),
    "aten::split": ("turned.split(1)", "Head.forward", "turned.split"),
    "aten::neg": ("-last", "Head.forward", "-last"),
}


@pytest.mark.parametrize("op", SOURCES)
def test_the_expression_that_stands_for_an_op(program: Program, op: str) -> None:
    node = next(node for node in program.nodes if node.op == op)
    expression, function, text = SOURCES[op]
    found = source_of(node)
    assert found is not None
    assert (found.expression, found.function, found.line) == (expression, function, line_of(text))
    assert found.file.endswith("head.py")


@pytest.mark.parametrize(("turn", "expression"), [(0, "inner(both).cumsum(0)"), (1, "both.cumsum(0)")])
def test_two_calls_on_one_line_are_told_apart_by_their_turn(program: Program, turn: int, expression: str) -> None:
    nodes = [node for node in program.nodes if node.op == "aten::cumsum"]
    assert len(nodes) == 2
    found = source_of(nodes[turn], (turn, 2))
    assert found is not None
    assert found.expression == expression


def test_a_call_of_a_module_is_told_at_the_line_of_the_model(program: Program) -> None:
    """Not where torch's own code looks the table up."""
    node = next(node for node in program.nodes if node.op == "aten::embedding")
    frame = frame_of(node)
    assert frame is not None
    assert (frame.line, frame.function) == (line_of("self.embed(input_ids)"), "forward")


def test_what_was_called_by_no_line_has_no_source(program: Program) -> None:
    assert all(source_of(node) is None for node in program.nodes if not node.frames)
    assert any(not node.frames for node in program.nodes)
