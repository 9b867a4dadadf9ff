"""The selection: the ops between a read tensor and the point where its positions have become one vector."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import torch

from archtrace.answer.kinds import KINDS, joined_by
from archtrace.answer.result import Index, KindName
from archtrace.capture.program import Node, Ref, reachable
from archtrace.ops import LOOK_UPS, MOVES, PARTS, SCALINGS, SOFTMAXES, WEIGHTED_SUMS, plain
from archtrace.reach.bound import Bound
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.marks import NodeMarks, single_marks
from archtrace.readout.expression import Printer, inputs_behind
from archtrace.readout.tensors import ReadTensor, labels


@dataclass(frozen=True, eq=False)
class Selection:
    """`first` is the op at which the token axis ends; `ops` are it and the pure movements (or division) after it;
    `before` are the ops from the read tensor to it; `after` those from there to the logits."""

    tensor: ReadTensor
    first: Node | None
    ops: tuple[Node, ...]
    before: tuple[Node, ...]
    after: tuple[Node, ...]


def find_selection(
    bound: Bound, tensor: ReadTensor, length: int, others: frozenset[int] = frozenset(), end: int | None = None
) -> Selection:
    """Find where the token axis of a read tensor ends on the way to the logits, past no other read tensor.

    `end` names one of the places, where it ends in several (see `ends`).
    """
    nodes = _between(bound, tensor, others)
    if end is not None:
        own = _descendants(bound, end, {n.index for n in nodes}) | bound.program.behind({end})
        nodes = [n for n in nodes if n.index in own]
    # The token axis ends where a value no longer has an axis of that length.
    exits = [n for n in nodes if not _has_axis(bound, n.index, length) and (end is None or n.index >= end)]
    if not exits:
        return Selection(tensor, None, (), tuple(nodes), ())
    ops = _picking(exits, bound)
    last = ops[-1].index
    before = tuple(n for n in nodes if n.index < ops[0].index and n not in ops)
    return Selection(tensor, ops[0], ops, before, tuple(n for n in nodes if n.index > last))


def ends(bound: Bound, tensor: ReadTensor, length: int, others: frozenset[int] = frozenset()) -> list[Node]:
    """The ops at which the token axis of a read tensor ends for good, each by itself: a select beside a sum."""
    nodes = _between(bound, tensor, others)
    inside = {n.index for n in nodes}
    along = {i for i in (*inside, tensor.node) if _has_axis(bound, i, length)}
    last = [n for n in nodes if n.index not in along and not along.isdisjoint(n.refs)]
    # What is spread over the positions again (the sum that a softmax divides by) ends nothing.
    return [n for n in last if along.isdisjoint(_descendants(bound, n.index, inside))]


def _between(bound: Bound, tensor: ReadTensor, others: frozenset[int]) -> list[Node]:
    """The nodes between a read tensor and the logits, in order."""
    # What goes through another read tensor is that one's, not this one's.
    carrying = bound.carrying - others
    below = _descendants(bound, tensor.node, carrying) & _ancestors(bound, carrying)
    return [bound.program.nodes[i] for i in sorted(below)]


def _descendants(bound: Bound, start: int, carrying: Collection[int]) -> set[int]:
    """The nodes to which a way through `carrying` leads from a node."""
    users = bound.program.users
    return reachable({start}, lambda index: [user for user in users[index] if user in carrying]) - {start}


def _ancestors(bound: Bound, carrying: Collection[int]) -> set[int]:
    """The nodes from which a way through `carrying` leads to the logits."""
    nodes = bound.program.nodes
    return reachable({bound.program.output}, lambda index: [ref for ref in nodes[index].refs if ref in carrying])


def _has_axis(bound: Bound, index: int, length: int) -> bool:
    value = bound.run.values[index]
    parts = value if isinstance(value, list | tuple) else (value,)
    return any(length in tuple(getattr(part, "shape", ())) for part in parts)


def _picking(exits: list[Node], bound: Bound) -> tuple[Node, ...]:
    """The first op without the axis, and what follows as long as it only moves or divides."""
    # What only moves or divides after it belongs to the selection still: a gather is followed by a squeeze,
    # a masked sum by its division.
    chain = [exits[0]]
    members = {exits[0].index}
    for node in exits[1:]:
        plain = (
            node.op in MOVES
            or node.op == "archtrace::write_into"
            or (node.op in SCALINGS and chain[-1].op in WEIGHTED_SUMS | {"aten::mean"} and _one_unknown(node, bound))
        )
        if not (plain and any(ref in members for ref in node.refs)):
            break
        chain.append(node)
        members.add(node.index)
    return tuple(chain)


def _one_unknown(node: Node, bound: Bound) -> bool:
    return sum(map(bound.unknown, node.refs)) == 1


def pooling(selection: Selection, bound: Bound, interpreter: Interpreter) -> KindName:
    """How many positions become one: by a mean, a maximum, attention, or in another way."""
    # A softmax on the way weighs positions by what they hold, whatever sums them in the end.
    if _is_weighing(selection, bound, interpreter):
        return "attention"
    if selection.first is None:
        return "all"
    # A sum is a mean where its weights, or a division behind it, add up to one: no name of an op tells that.
    if selection.first.op in WEIGHTED_SUMS and (_is_divided(selection) or _weighted_by_known(selection, bound)):
        return "mean"
    return joined_by(selection.first.op)


def within_slice(selection: Selection, bound: Bound) -> Selection:
    """The selection from the part of the positions that a slice leaves; the same one where none comes first."""
    first, axis = selection.first, selection.tensor.axis
    shape = bound.run.shape(first.index) if first is not None and first.op in PARTS and not first.many else ()
    rank = len(bound.run.shape(selection.tensor.node))
    if first is None or len(shape) <= axis or len(shape) < rank or shape[axis] < 2:
        return selection
    return find_selection(bound, replace(selection.tensor, node=first.index), shape[axis])


def _is_weighing(selection: Selection, bound: Bound, interpreter: Interpreter) -> bool:
    """True where a softmax compares positions: over keys of the model's own each token is weighed alone."""
    softmaxes = [n for n in (*selection.before, *selection.ops) if n.op in SOFTMAXES]
    if not softmaxes:
        return False
    tensor = selection.tensor
    shape = bound.run.shape(tensor.node)
    reached = interpreter.influence(bound.run, {tensor.node: labels(len(shape), tensor.axis, shape[tensor.axis])})
    return any(_most(reached[n.index]) > max(_most(reached[ref]) for ref in n.refs) for n in softmaxes)


def _most(marks: NodeMarks) -> int:
    """How many positions an element depends on, at the most."""
    own = single_marks(marks)
    return 0 if own is None else int(own.sum(-1).max(initial=0))


def _is_divided(selection: Selection) -> bool:
    return any(n.op in SCALINGS for n in selection.ops[1:])


def _weighted_by_known(selection: Selection, bound: Bound) -> bool:
    """A product whose other factor is known and adds up to one in each row."""
    assert selection.first is not None
    # A known matrix whose rows add up to one is a mean that is written as a product.
    factors = [bound.known(r) for r in selection.first.refs]
    known = [f for f in factors if f is not None and f.is_floating_point()]
    return any(bool(torch.isclose(f.sum(-1), torch.ones(())).all()) for f in known)


def index_of(selection: Selection, bound: Bound, kind: KindName, names: dict[int, str]) -> Index:
    """The index expression of a selection, and the inputs that it depends on."""
    printer = Printer(bound, names)
    known = _known_operands(selection, bound)
    depends = inputs_behind(bound.program, {ref for node in known for ref in known[node]})
    edge = KINDS[kind].edge
    return Index(_index_text(selection, bound, printer, known) if edge is None else str(edge), depends)


def subscripts(selection: Selection, bound: Bound, names: dict[int, str]) -> str:
    """The subscripts of a selection one after the other; empty where none picks by an index."""
    printer = Printer(bound, names)
    lead = lead_of(selection.tensor.axis)
    texts = [
        (node, piece) for node in selection.ops if (piece := _piece(node, bound, printer, _length(selection, bound)))
    ]
    return "".join(f"[{'' if _is_flag_subscript(node, bound) else lead}{piece}]" for node, piece in texts)


def _is_flag_subscript(node: Node, bound: Bound) -> bool:
    """True for a subscript by flags over rows and positions at once."""
    index = next(iter(node.several(1)), None) if node.op == "aten::index" else None
    value = bound.known(index.index) if isinstance(index, Ref) else None
    return value is not None and value.dtype == torch.bool and value.ndim > 1


def _known_operands(selection: Selection, bound: Bound) -> dict[Node, list[int]]:
    """Per op of the selection (and per op before it) the known tensors that it takes."""
    table: dict[Node, list[int]] = {}
    for node in (*selection.before, *selection.ops):
        refs = [r for r in node.refs if bound.known(r) is not None]
        if refs:
            table[node] = refs
    return table


def _index_text(selection: Selection, bound: Bound, printer: Printer, known: dict[Node, list[int]]) -> str:
    length = _length(selection, bound)
    pieces = [piece for node in selection.ops if (piece := _piece(node, bound, printer, length))]
    if pieces:
        return pieces[0]
    masks = dict.fromkeys(printer.write(Ref(r)) for node in known for r in known[node])
    shown = [m for m in masks if not m.replace(".", "").isdigit()]
    return shown[0] if shown else "arange(s)"


def _length(selection: Selection, bound: Bound) -> int:
    """How many positions the read tensor has."""
    return bound.run.shape(selection.tensor.node)[selection.tensor.axis]


def _of_positions(node: Node, bound: Bound, length: int) -> object:
    """Of several indices at once the one that stands at the axis of positions; the last where no axis is as long.

    The others walk the rows: `hidden[arange(n), last]`. Told by the axis, so that any number of rows will do.
    """
    shape, given = bound.run.shape(node.refs[0]), node.several(1)
    indices = [(axis, index) for axis, index in enumerate(given) if index is not None]
    return next((i for axis, i in reversed(indices) if axis < len(shape) and shape[axis] == length), indices[-1][1])


def _piece(node: Node, bound: Bound, printer: Printer, length: int) -> str:
    """The index of one subscript or gather along its axis."""
    name = plain(node.op)
    if name == "select":
        return printer.write(node.args[2])
    if name == "index":
        return printer.write(_of_positions(node, bound, length))
    if node.op in LOOK_UPS:
        return printer.write(node.args[2])
    if name == "slice" and len(node.args) > 2:
        start, stop = node.argument(2), node.argument(3)
        single = isinstance(stop, int) and isinstance(start, int) and stop - start == 1
        return printer.write(start) if single else ""
    return ""


def paths(nodes: Iterable[Node]) -> tuple[tuple[str, str], ...]:
    """The innermost modules of the nodes with the op that they run, in order, each module once."""
    op_of: dict[str, str] = {}
    for node in nodes:
        if node.module:
            op_of.setdefault(node.module, plain(node.op))
    return tuple(op_of.items())


def lead_of(axis: int) -> str:
    """What stands before the index of an axis in a subscript."""
    return ":, " * axis


def slice_text(tensor: str, kind: KindName, picked: str, mask: str | None, axis: int) -> str:
    """The slice as a subscript of the tensor.

    `picked` is the subscript of a selection by index; `mask` tells padding, where all but padding is read.
    """
    where = f", where={mask}" if mask else ""
    # A mask of numbers is no subscript; what is more than a name is a truth already.
    some = f"[{f'{mask} != 0' if mask.isidentifier() else mask}]" if mask else ""
    template = KINDS[kind].slice
    if template is None:
        return f"{tensor}{picked}" if picked else f"some of {tensor}"
    every = some or "[:]"
    return template.format(tensor=tensor, lead=lead_of(axis), axis=axis, where=where, some=some, every=every)
