"""An output that has positions of its own, analysed position by position.

`by_position` makes each position of each row a row of the output, so that whatever analyses rows analyses positions;
`at_position` keeps one position of every row.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from archtrace.capture.program import Argument, Node, NodeKind, Op, Program, Ref, Shape

#: An output with more positions is answered by the union over them.
MOST = 64


def count(program: Program, length: int) -> int:
    """How many positions the output has, along its second axis; 0 where it has none.

    `length` is that of the tokens: an output of two axes has positions where it is as long.
    """
    shape, _ = _result(program)
    return shape[1] if len(shape) > 2 or (len(shape) == 2 and shape[1] == length) else 0


def by_position(program: Program) -> Program:
    """The program whose output is (rows * positions, ...), the positions of a row one after the other."""
    (rows, positions, *rest), _ = _result(program)
    # A row needs an axis beside its own.
    shape = (rows * positions, *(rest or (1,)))
    return _with(program, torch.ops.aten.reshape.default, (Ref(program.output), list(shape)), shape)


def at_position(program: Program, index: int) -> Program:
    """The program whose output is that at one position, of shape (rows, 1, ...)."""
    (rows, _, *rest), _ = _result(program)
    args = (Ref(program.output), 1, index, index + 1)
    return _with(program, torch.ops.aten.slice.Tensor, args, (rows, 1, *rest))


def _with(program: Program, op: Op, args: tuple[Argument, ...], shape: Shape) -> Program:
    """The program with one more op at its end, whose result is the output."""
    index = len(program.nodes)
    node = Node(index, f"output_{index}", NodeKind.OP, op, args, results=((shape, _result(program)[1]),))
    return replace(program, nodes=(*program.nodes, node), output=index)


def _result(program: Program) -> tuple[Shape, torch.dtype]:
    results = program.nodes[program.output].results
    assert results is not None
    return results[0]
