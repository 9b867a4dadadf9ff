"""The cone: the tensors on the way from the tokens to the logits, and the positions of each that may reach them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archtrace.answer.drawing import Slices, State, StateRole
from archtrace.answer.positions import Rows, union
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.capture.program import NodeKind, Program
from archtrace.reach.bound import Bound, marked_positions, token_axis
from archtrace.readout.analysis import Analysis
from archtrace.readout.padding import padding_of
from archtrace.readout.tensors import ReadTensor, calls, chain_of, dominators, field_of, named_tensors

#: A state's node and its axis of positions, None for a vector.
Place = tuple[int, int | None]


def cone(analysis: Analysis, vocabulary: Vocabulary) -> tuple[tuple[State, ...], tuple[Slices, ...]]:
    """The states in execution order, and for each layout that runs the positions of each."""
    # States are looked for once a program; other layouts that it serves have them under the same names.
    by_program = {id(bound.program): _states(analysis, name) for name, bound in analysis.bounds.items()}
    states = [state for state, _ in next(iter(by_program.values()))]
    slices = [
        Slices(
            name,
            padding_of(layout, vocabulary) or ((),) * len(next(iter(layout.values()))),
            _reaching(states, by_program[id(analysis.bounds[name].program)], analysis, name),
            tuple(_by_position(states, by_program[id(analysis.bounds[name].program)], analysis, name)),
        )
        for name, layout in analysis.layouts.items()
        if name in analysis.bounds
    ]
    return tuple(states), tuple(slices)


def _reaching(
    states: list[State], placed: list[tuple[State, Place]], analysis: Analysis, layout: str
) -> tuple[Rows, ...]:
    """The positions of each state, by its name in a layout's own program; of a read tensor also what is read of it."""
    bound, reads = analysis.bounds[layout], analysis.positions[layout].reads
    places = {state.name: place for state, place in placed}
    nothing: Rows = ((),) * bound.run.shape(bound.program.output)[0]
    rows = (_rows(bound, places[state.name]) if state.name in places else nothing for state in states)
    return tuple(
        union(each, reads[state.name]) if state.role == "read" and len(each) == len(reads.get(state.name, ())) else each
        for state, each in zip(states, rows, strict=True)
    )


def _by_position(
    states: list[State], placed: list[tuple[State, Place]], analysis: Analysis, layout: str
) -> Iterator[tuple[Rows, ...]]:
    """The same for each position of an output that has some. What is read, and the tokens, the answer has already."""
    if layout not in analysis.positioned:
        return
    bound, number = analysis.positioned[layout].bound, len(analysis.each(layout))
    axes = {state.name: (node, axis) for state, (node, axis) in placed if axis is not None}
    reads = {state.name: axes[state.name] for state in states if state.name in axes}
    nothing: Rows = ((),) * bound.run.shape(analysis.bounds[layout].program.output)[0]
    for position in range(number):
        # The program of an output's positions has the nodes of the layout's own, and one more.
        reaching = marked_positions(
            bound, bound, reads, bound.program.inputs[analysis.ids], slice(position, None, number)
        ).reads
        rows = [reaching.get(state.name, nothing) for state in states]
        yield tuple(() if own == before else own for before, own in zip([(), *rows], rows, strict=False))


def _states(analysis: Analysis, layout: str) -> list[tuple[State, Place]]:
    """Tokens, hidden states, read tensors, what has positions behind them, the pooled vector, logits."""
    bound = analysis.bounds[layout]
    program, reads = bound.program, {t.node: t for t in analysis.tensors(layout)}
    named = named_tensors(program, bound, analysis.length)
    chain = chain_of(dominators(bound), program.output)[::-1]
    last = max(reads, default=-1)
    # a module that is called several times has as many states: one name for all would give them one another's rows
    single = {node: name for name, node in calls(program).items()}
    states = [
        _state(bound, "tokens", ids, "", (program.inputs[ids], 1), text.length) for ids, text in analysis.texts.items()
    ]
    for index in sorted(_states_between(named, chain, bound, set(reads)) | set(reads)):
        tensor = reads.get(index) or named[index]
        role: StateRole = "read" if index in reads else "head" if index > last else "hidden"
        name = tensor.name if index in reads else single.get(index, tensor.name)
        name = name.removeprefix(f"{analysis.backbone}.")
        states.append(_state(bound, role, name, _producer(program, index), (index, tensor.axis)))
    pooled = next((i for i in chain if i > last and _is_vector(bound, i, analysis.length)), program.output)
    if reads and pooled != program.output:
        states.append(_state(bound, "vector", "pooled vector", program.nodes[pooled].module, (pooled, None)))
    states.append(_state(bound, "logits", "logits", program.nodes[program.output].module, (program.output, None)))
    return states


def _states_between(named: Mapping[int, ReadTensor], chain: list[int], bound: Bound, reads: set[int]) -> set[int]:
    """The hidden states that a model's outputs name; where it names none on the way, the outputs of modules through
    which all goes. Behind the read tensors those modules' outputs that still have positions."""
    named_states = {i for i, t in named.items() if field_of(t.name) and bound.demand[i] is not None}
    through = {i for i in chain if i in named and not _inside_layer(named[i].module) and i != bound.program.output}
    return named_states | (through if named_states <= reads else {i for i in through if i > max(named_states)})


def _inside_layer(module: str) -> bool:
    """True within one of several alike layers, whose output tells enough."""
    return any(name.isdigit() for name in module.split(".")[:-1])


def _producer(program: Program, index: int) -> str:
    """The outermost module whose output a node is; else the one in whose forward it was made."""
    paths = (name for name, nodes in program.tensors.items() if index in nodes and name in program.paths)
    return min(paths, key=lambda path: path.count("."), default=program.nodes[index].module)


def _axis(bound: Bound, index: int, length: int) -> int | None:
    """The axis of positions; None for a value that has fewer than two of them."""
    shape = tuple(getattr(bound.run.values[index], "shape", ()))
    axis = token_axis(shape, bound.run.shape(bound.program.output)[0], length) if len(shape) > 2 else None
    return axis if axis is not None and shape[axis] > 1 else None


def _is_vector(bound: Bound, index: int, length: int) -> bool:
    return hasattr(bound.run.values[index], "shape") and _axis(bound, index, length) is None


def _state(
    bound: Bound, role: StateRole, name: str, module: str, place: Place, length: int | None = None
) -> tuple[State, Place]:
    node, axis = place
    shape = bound.run.shape(node)
    return State(name, role, module, tuple(shape), length or (1 if axis is None else shape[axis])), place


def _rows(bound: Bound, place: Place) -> Rows:
    node, axis = place
    if bound.program.nodes[node].kind is NodeKind.INPUT:
        return bound.tokens(node)
    if axis is not None:
        return bound.rows(node, axis)
    rows = bound.run.shape(bound.program.output)[0]
    return (((0,) if bound.reached(node) else ()),) * rows
