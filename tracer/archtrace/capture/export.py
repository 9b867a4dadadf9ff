"""Capture a model's logits as a Program, through torch.export: the only file that knows its types."""

from __future__ import annotations

import operator
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx.node import map_aggregate

from archtrace.capture.build import fake_mode, first_line, weightless
from archtrace.capture.functional import Aliases, returning, writes
from archtrace.capture.program import Kind, Module, Node, Program, Ref
from archtrace.capture.quiet import quiet
from archtrace.errors import CaptureError, message
from archtrace.paths import short_path

#: The wrapper's name for the model, stripped from every path.
_MODEL = "model"


class _Recorder(torch.nn.Module):
    """Calls the model and returns its logits, with every output of every module beside them.

    As outputs of the graph, they tell which node each of them is, whatever happens to it later.
    """

    def __init__(self, model: torch.nn.Module, options: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        self._options = options

    def forward(self, **inputs: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        seen: dict[str, torch.Tensor] = {}
        with _recording(self.model, seen):
            result = self.model(**inputs, **self._options)
        seen.update(_named_outputs("", result))
        return logits_of(result), seen


@contextmanager
def _recording(model: torch.nn.Module, seen: dict[str, torch.Tensor]) -> Iterator[None]:
    def hook_for(path: str) -> Any:
        def hook(_module: torch.nn.Module, _args: Any, output: Any) -> None:
            for name, tensor in _named_outputs(path, output):
                calls = sum(1 for key in seen if key.split("#")[0] == name) if name in seen else 0
                seen[f"{name}#{calls}" if calls else name] = torch.ops.aten.alias.default(tensor)

        return hook

    handles = [part.register_forward_hook(hook_for(path)) for path, part in model.named_modules() if path]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _named_outputs(path: str, output: Any) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a module's output: the first by the module's path, those with names by path and name."""
    prefix = f"{path}." if path else ""
    found: list[tuple[str, torch.Tensor]] = []
    if isinstance(output, Mapping):
        for name, value in output.items():
            if isinstance(value, torch.Tensor):
                found.append((f"{prefix}{name}", value))
            elif isinstance(value, list | tuple):
                found += [(f"{prefix}{name}[{k}]", v) for k, v in enumerate(value) if isinstance(v, torch.Tensor)]
    first = _first(output)
    return [(path, first), *found] if path and first is not None else found


def _first(output: Any) -> torch.Tensor | None:
    if isinstance(output, torch.Tensor):
        return output
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else ()
    return next((found for value in values if (found := _first(value)) is not None), None)


def logits_of(result: Any) -> torch.Tensor:
    """The logits in a forward's result: its field of that name, else its first tensor. CaptureError without any."""
    logits = result.get("logits") if isinstance(result, Mapping) else getattr(result, "logits", None)
    found = logits if isinstance(logits, torch.Tensor) else _first(result)
    if found is None:
        raise CaptureError(f"forward returns no tensor but {type(result).__name__}")
    return found


def capture(model: torch.nn.Module, options: Mapping[str, Any], inputs: Mapping[str, torch.Tensor]) -> Program:
    """The functional program from inputs of these shapes and types to the model's logits.

    `options` are further keyword arguments of the forward. No parameter needs memory. Raises CaptureError.
    """
    mode = fake_mode()
    with weightless(model, mode) as values:
        with mode:
            fakes = {k: torch.empty(v.shape, dtype=v.dtype, device="cpu") for k, v in inputs.items()}
        try:
            with torch.no_grad(), quiet():
                exported = torch.export.export(_Recorder(model, dict(options)), (), kwargs=fakes, strict=False)
        except Exception as error:
            raise CaptureError(_refusal(model, error)) from error
        try:
            return _Reader(exported, values).program()
        except CaptureError:
            return _Reader(exported.run_decompositions({}), values).program()


def _refusal(model: torch.nn.Module, error: Exception) -> str:
    """What, where, why and what to do when a forward cannot be captured."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/torch/" not in f.filename]
    last = frames[-1] if frames else None
    depends = "data-dependent" in str(error)
    return message(
        f"the forward of {type(model).__name__} cannot be captured",
        where=f"{short_path(last.filename)}:{last.lineno}, {last.name}: {last.line}" if last else "",
        why=f"{type(error).__name__}: {first_line(error)}",
        do="let no branch or size depend on values (torch.where chooses without one)"
        if depends
        else "make the forward run under torch.export; --debug shows the whole error",
    )


_SILENT = {"aten::_assert_tensor_metadata", "aten::sym_constrain_range_for_size", "aten::sym_constrain_range"}


class _Reader:
    """Reads an exported graph into a Program: inlines subgraphs, removes in-place writes."""

    def __init__(self, exported: ExportedProgram, values: dict[str, torch.Tensor]) -> None:
        self._exported = exported
        self._values = values
        self._nodes: list[Node] = []
        self._aliases = Aliases(self._emit)
        self._then: dict[Any, Ref] = {}
        self._tuples: dict[fx.Node, list[fx.Node]] = {}
        self._same: dict[fx.Node, fx.Node] = {}

    def program(self) -> Program:
        constants = self._placeholders()
        self._graph(self._exported.graph)
        logits, tensors = self._outputs()
        return Program(tuple(self._nodes), logits, tensors, constants)

    def _placeholders(self) -> dict[str, torch.Tensor]:
        kinds = {InputKind.PARAMETER: Kind.PARAMETER, InputKind.USER_INPUT: Kind.INPUT}
        constants = {}
        for spec, node in zip(
            self._exported.graph_signature.input_specs, self._exported.graph.find_nodes(op="placeholder"), strict=True
        ):
            kind = kinds.get(spec.kind, Kind.BUFFER)
            name = node.name if kind is Kind.INPUT else _strip(spec.target or node.name)
            if kind is Kind.BUFFER:
                value = self._values.get(name, self._exported.constants.get(spec.target or ""))
                if isinstance(value, torch.Tensor) and type(value) is torch.Tensor and not value.is_meta:
                    constants[name] = value
            self._define(node, self._add(kind, name, (), {}, node))
        return constants

    def _outputs(self) -> tuple[int, dict[str, tuple[int, ...]]]:
        (returned,) = next(iter(self._exported.graph.find_nodes(op="output"))).args
        spec = self._exported.call_spec.out_spec
        logits, seen = torch.utils._pytree.tree_unflatten([self._returned(leaf) for leaf in returned], spec)
        tensors: dict[str, tuple[int, ...]] = {}
        for key, ref in seen.items():
            name = key.split("#")[0]
            tensors[name] = (*tensors.get(name, ()), ref.index)
        return logits.index, tensors

    def _returned(self, leaf: Any) -> Any:
        """What a module put out is what it was then, whatever is written into it later."""
        node = self._resolve(leaf)
        return self._then[node] if node in self._then else self._read(node)

    def _graph(self, graph: fx.Graph) -> None:
        for node in graph.nodes:
            if node.op == "call_function":
                self._call(node)

    def _call(self, node: fx.Node) -> None:
        subgraph = next((a for a in node.args if isinstance(a, fx.Node) and a.op == "get_attr"), None)
        if subgraph is not None:
            self._inline(node, subgraph)
        elif node.target is operator.getitem and self._resolve(node.args[0]) in self._tuples:
            block, item = node.args
            self._same[node] = self._tuples[self._resolve(block)][int(str(item))]
        elif writes(node.target):
            self._write(node)
        elif node.target is torch.ops.aten.alias.default:
            self._then[node] = self._read(node.args[0])
            self._define(node, self._then[node])
        elif getattr(getattr(node.target, "_schema", None), "name", "") not in _SILENT:
            self._define(node, self._emit(node.target, node.args, dict(node.kwargs), node))

    def _inline(self, node: fx.Node, subgraph: fx.Node) -> None:
        """A block run under a context (no_grad, autocast): its nodes as if they stood here."""
        owner = subgraph.graph.owning_module
        module = getattr(owner, str(subgraph.target), None)
        if not isinstance(module, fx.GraphModule):
            raise CaptureError(f"{node.target} has no graph that can be read")
        arguments = list(node.args[node.args.index(subgraph) + 1 :])
        for inner, outer in zip(module.graph.find_nodes(op="placeholder"), arguments, strict=True):
            self._same[inner] = self._resolve(outer)
        self._graph(module.graph)
        (returned,) = next(iter(module.graph.find_nodes(op="output"))).args
        self._tuples[node] = [self._resolve(r) for r in returned]

    def _write(self, node: fx.Node) -> None:
        target = self._resolve(node.args[0])
        value = self._emit(returning(node.target), node.args, dict(node.kwargs), node)
        self._aliases.write(node, target, value)

    def _define(self, node: fx.Node, value: Ref) -> None:
        self._aliases.define(node, value)

    def _resolve(self, node: Any) -> Any:
        while node in self._same:
            node = self._same[node]
        return node

    def _read(self, node: Any) -> Any:
        return self._aliases.read(self._resolve(node)) if isinstance(node, fx.Node) else node

    def _emit(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any], like: fx.Node) -> Ref:
        mapped = map_aggregate((args, kwargs), self._argument)
        return self._add(Kind.OP, op, *mapped, like)

    def _argument(self, value: Any) -> Any:
        return self._read(value) if isinstance(value, fx.Node) else value

    def _add(self, kind: Kind, target: Any, args: Any, kwargs: Any, like: fx.Node) -> Ref:
        value = like.meta.get("val")
        ref = Ref(len(self._nodes))
        stack = (like.meta.get("nn_module_stack") or {}).values()
        self._nodes.append(
            Node(
                index=ref.index,
                name=like.name,
                kind=kind,
                target=target,
                args=tuple(args),
                kwargs=dict(kwargs),
                results=_specs(value),
                many=isinstance(value, list | tuple),
                modules=tuple(Module(_strip(path), str(type_)) for path, type_ in stack if path),
                trace=like.meta.get("stack_trace") or "",
            )
        )
        return ref


def _strip(path: str) -> str:
    return path.removeprefix(_MODEL).removeprefix(".")


def _specs(value: Any) -> tuple[tuple[tuple[int, ...], torch.dtype], ...] | None:
    tensors = [v for v in (value if isinstance(value, list | tuple) else [value]) if isinstance(v, torch.Tensor)]
    if any(not isinstance(size, int) for tensor in tensors for size in tensor.shape):
        return None
    return tuple((tuple(t.shape), t.dtype) for t in tensors)
