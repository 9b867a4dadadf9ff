"""Wrappers of torch and accelerate, live: the hidden state of the model inside is read, and it stays as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed._composable.replicate import replicate
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.utils import parametrizations, prune
from wrapper_truth import assert_true, at_hidden, at_output, bert, llama, traced_untouched

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A group of this one process."""
    store = tmp_path_factory.mktemp("group") / "store"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def compiled(model: Any) -> Any:
    return torch.compile(model, backend="eager")


def compiled_in_place(model: Any) -> Any:
    model.compile(backend="eager")
    return model


def flat(model: Any) -> Any:
    """All parameters in one, of which those of the modules are views."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FSDP is switching to use `NO_SHARD`")
        warnings.filterwarnings("ignore", ".*FullyShardedDataParallel.*deprecated", FutureWarning)
        return FullyShardedDataParallel(model, device_id=CPU)


def sharded(model: Any) -> Any:
    """Parameters in shards, gathered by hooks: layer by layer, then the rest."""
    mesh = init_device_mesh("cpu", (1,))
    for layer in getattr(model.base_model, "layers", None) or model.base_model.encoder.layer:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def parametrised(model: Any, how: Callable[[Any], Any]) -> Any:
    """A model whose first and last linear layers compute their weights."""
    first, *_, last = [m for m in model.modules() if isinstance(m, nn.Linear)]
    how(first)
    how(last)
    return model


def pruned(model: Any) -> Any:
    return parametrised(model, lambda part: prune.l1_unstructured(part, "weight", 0.3))


WRAPPERS: dict[str, Callable[[Any, Path], Any]] = {
    "compiled": lambda model, _: compiled(model),
    "compiled in place": lambda model, _: compiled_in_place(model),
    "data parallel": lambda model, _: nn.DataParallel(model),
    "distributed": lambda model, _: nn.parallel.DistributedDataParallel(model),
    "compiled and distributed": lambda model, _: compiled(nn.parallel.DistributedDataParallel(model)),
    "replicated": lambda model, _: replicate(model),
    "flat": lambda model, _: flat(model),
    "sharded": lambda model, _: sharded(model),
    "dispatched": lambda model, _: accelerate.dispatch_model(model, {"": "cpu"}, force_hooks=True),
    "offloaded": lambda model, _: accelerate.cpu_offload(model, execution_device=CPU),
    "offloaded, buffers too": lambda model, _: accelerate.cpu_offload(model, CPU, offload_buffers=True),
    "on disk": lambda model, folder: accelerate.disk_offload(model, str(folder), execution_device=CPU),
    "weight norm": lambda model, _: parametrised(model, parametrizations.weight_norm),
    "spectral norm": lambda model, _: parametrised(model, parametrizations.spectral_norm),
    "pruned": lambda model, _: pruned(model),
}


@pytest.mark.parametrize("make", [bert, llama])
@pytest.mark.parametrize("name", WRAPPERS)
def test_each_wrapper_reads_what_the_gradient_says(name: str, make: Callable[[], Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    inside = make()
    backbone = inside.base_model
    model = WRAPPERS[name](inside, tmp_path)
    found = traced_untouched(model)
    # Compiling is not what is asked about here.
    run = getattr(model, "_orig_mod", model).eval()
    with torch.compiler.set_stance("force_eager"):
        assert_true(found, run, at_hidden(backbone), at_output(backbone.get_input_embeddings()))
    assert found.result.findings == ()
    (readout,) = found.readouts
    assert readout.tensor == "last_hidden_state"
    assert model.get_submodule(readout.module) is backbone
    assert readout.kind == {bert: "first", llama: "last_non_pad"}[make]


class Own(nn.Module):
    """A module of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.classifier = nn.Embedding(90, 8), nn.Linear(8, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.table(tokens)[:, 2])
        return logits


@pytest.mark.parametrize("name", ["compiled", "data parallel", "distributed", "flat"])
def test_a_wrapped_module_says_its_inputs(name: str, tmp_path: Path) -> None:
    """Their forwards take whatever they are given."""
    torch.manual_seed(0)
    inside = Own()
    model = WRAPPERS[name](inside, tmp_path)
    found = traced_untouched(model)
    with torch.compiler.set_stance("force_eager"):
        assert_true(found, model, at_output(inside.table), at_output(inside.table))


def quantised(model: nn.Module) -> Any:
    """The model with linear layers of eight bits."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.ao.quantization is deprecated", DeprecationWarning)
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor.* deprecated", UserWarning)
        return torch.ao.quantization.quantize_dynamic(model.eval(), {nn.Linear}, torch.qint8)


def test_a_quantised_model_mixes_rows() -> None:
    """Dynamic quantisation takes one scale from a whole batch: the tokens of one row move another."""
    torch.manual_seed(0)
    model = quantised(bert())
    found = traced_untouched(model)
    model.eval()
    assert "rows-mix" in {finding.code for finding in found.result.findings}
    (layout,) = (each for each in found.result.layouts if each.name == "right_padded")
    inputs = {name: torch.tensor(value) for name, value in layout.inputs.items()}
    before, moved = model(**inputs).logits, set()
    for row, position in inputs["attention_mask"].nonzero().tolist():
        for other in range(40, 45):
            ids = inputs["input_ids"].clone()
            ids[row, position] = other
            rows = (model(**{**inputs, "input_ids": ids}).logits != before).any(1).nonzero()
            moved |= {(int(to), row, position) for to in rows}
    assert {(to, row) for to, row, _ in moved} >= {(0, 1), (1, 0)}
    assert {(to, position) for to, row, position in moved if row == to} <= {
        (to, position) for to, positions in enumerate(layout.bound.tokens) for position in positions
    }
    assert found.readouts[0].tensor == "last_hidden_state"


class Gated(Own):
    """Weighs each position by a layer that sees nothing but where it stands."""

    def __init__(self, turned: float) -> None:
        super().__init__()
        self.gate = nn.Linear(1, 1)
        self.gate.load_state_dict({"weight": torch.tensor([[turned]]), "bias": torch.tensor([-3.5 * turned])})

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        at = torch.arange(tokens.shape[1]).float()[:, None]
        logits: torch.Tensor = self.classifier((self.table(tokens) * self.gate(at).relu()).sum(1))
        return logits


def test_packed_weights_are_those_of_one_checkpoint() -> None:
    """What one closes another one opens: both are told to read all that either of them reads."""
    read: set[int] = set()
    for turned in (1.0, -1.0):
        model = quantised(Gated(turned))
        found = traced_untouched(model).result.layouts[0]
        ids = torch.tensor(found.inputs["tokens"])[:1]
        positions = range(ids.shape[1])
        changed = (torch.where(torch.arange(ids.shape[1]) == p, 80, ids) for p in positions)
        read |= {p for p, other in zip(positions, changed, strict=True) if not torch.equal(model(other), model(ids))}
        assert found.bound.tokens[0] == tuple(positions)
    assert read == set(positions)


class Beside(Own):
    """Weighs each position by zeros that others may be, and may keep them beside their parameter."""

    def __init__(self, keep: bool) -> None:
        super().__init__()
        self.weigh = nn.Embedding(90, 1)
        nn.init.zeros_(self.weigh.weight)
        self.kept = self.weigh.weight.detach() if keep else None

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        weights = self.weigh.weight if self.kept is None else self.kept
        logits: torch.Tensor = self.classifier((self.table(tokens) * weights[: tokens.shape[1]]).sum(1))
        return logits


@pytest.mark.parametrize("wrap", ["none", "flat"])
def test_a_view_of_a_parameter_is_a_parameter(wrap: str) -> None:
    """The zeros that it holds are those of one checkpoint, also where nothing is to be trained."""
    model: Any = Beside(keep=wrap == "none").requires_grad_(False)
    if wrap == "flat":
        model = flat(model)
    found = traced_untouched(model).result.layouts[0]
    assert found.bound.tokens[0] == tuple(range(len(found.inputs["tokens"][0])))
    with torch.no_grad():
        model.weigh.weight += 1
    ids = torch.tensor(found.inputs["tokens"])[:1]
    assert all(not torch.equal(model(ids), model(torch.where(ids == token, 80, ids))) for token in ids[0])


class Mixed(Own):
    """Computes in half the precision, but for its head."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.classifier(self.table(tokens))
            pooled = torch.cat([hidden, hidden.float()], dim=-1)[:, 2]
        logits: torch.Tensor = self.classifier(nn.functional.pad(pooled.float(), (0, 4)))
        return logits


def test_a_model_of_mixed_precision_is_replayed_in_it() -> None:
    """torch converts inside its kernels, unseen: the graph must do so too, or it gives other numbers."""
    torch.manual_seed(0)
    model = Mixed()
    found = traced_untouched(model)
    ids = torch.tensor(found.result.layouts[0].inputs["tokens"])
    assert_true(found, model.eval(), at_output(model.table), at_output(model.table))
    assert torch.equal(found.fx(ids), model(ids))


class Turning(accelerate.hooks.ModelHook):  # type: ignore[misc]
    """A hook that computes something: it takes the positions from behind."""

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return args, {name: value.flip(1) for name, value in kwargs.items()}


def test_a_hook_that_computes_is_part_of_the_model() -> None:
    torch.manual_seed(0)
    model = Own()
    accelerate.hooks.add_hook_to_module(model, Turning())
    found = traced_untouched(model)
    (layout, *_) = found.result.layouts
    length = len(layout.inputs["tokens"][0])
    assert layout.bound.tokens == ((length - 3,),) * 2
    assert found.result.status == "exact"
