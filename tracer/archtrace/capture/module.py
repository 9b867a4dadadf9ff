"""A program as a torch.fx.GraphModule: for whoever wants to run, print or rewrite the graph with torch's own tools."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import fx
from torch.fx.node import Argument as FxArgument

from archtrace.capture.decisions import Decision
from archtrace.capture.program import Node, NodeKind, Operation, Program


def graph_module(program: Program, model: torch.nn.Module) -> fx.GraphModule:
    """The program as a module that takes the inputs by position and returns the logits.

    Parameters and buffers stand under their names in `model`, with its values where it has memory for them and zeros
    where it has none, so that a state dict of the model loads. Each node's meta holds `module` (the path of the module
    that called it) and `frames` (its Python stack).
    """
    graph = fx.Graph()
    root = torch.nn.Module()
    nodes: dict[int, fx.Node] = {
        n.index: graph.placeholder(n.tensor_name) for n in program.nodes if n.kind is NodeKind.INPUT
    }
    for node in program.nodes:
        if node.kind in (NodeKind.PARAMETER, NodeKind.BUFFER):
            name = node.tensor_name
            _place(root, name, _value_of(model, program, node))
            nodes[node.index] = graph.get_attr(name)
        elif node.kind is NodeKind.OP and not isinstance(node.target, Decision):
            nodes[node.index] = _add_call(graph, node, nodes.__getitem__)
    graph.output(nodes[program.output])
    # What only decisions of Python use leads to no output.
    graph.eliminate_dead_code()
    return fx.GraphModule(root, graph, class_name=f"{type(model).__name__}Graph")


def _add_call(graph: fx.Graph, node: Node, value: Callable[[int], FxArgument]) -> fx.Node:
    args, kwargs = node.arguments_with(value)
    op = node.operation
    called = graph.call_function(op if isinstance(op, torch._ops.OpOverload) else _function(op), tuple(args), kwargs)
    called.meta |= {"module": node.module, "frames": node.frames}
    return called


def _function(target: Operation) -> Operation:
    """fx prints a function by its name and module: an op of our own is called through one."""
    if not hasattr(target, "__name__") or "::" not in target.__name__:
        return target

    def call(*args: object, **kwargs: object) -> object:
        return target(*args, **kwargs)

    call.__name__ = call.__qualname__ = target.__name__.partition("::")[2]
    call.__module__ = __name__
    return call


def _value_of(model: torch.nn.Module, program: Program, node: Node) -> torch.Tensor:
    """The value of a parameter or buffer; zeros of its shape where the model has no memory for it."""
    tensors = {n: t for find in (model.named_buffers, model.named_parameters) for n, t in find(remove_duplicate=False)}
    value = program.values.get(node.tensor_name, tensors.get(node.tensor_name))
    if value is None or value.is_meta:
        assert node.results is not None
        shape, dtype = node.results[0]
        value = torch.zeros(shape, dtype=dtype)
    return torch.nn.Parameter(value, requires_grad=False) if node.kind is NodeKind.PARAMETER else value


def _place(root: torch.nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Put a tensor under a dotted name, with modules on the way."""
    *path, last = name.split(".")
    for part in path:
        if not hasattr(root, part):
            root.add_module(part, torch.nn.Module())
        root = getattr(root, part)
    if isinstance(tensor, torch.nn.Parameter):
        root.register_parameter(last, tensor)
    else:
        root.register_buffer(last, tensor)
