"""A live module comes back untouched, whatever it is made of and whatever its forward does."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import transformers
from live_fields import fields
from torch import nn
from torch.nn.utils import parametrizations, prune

import archtrace
from archtrace.errors import ArchtraceError, BuildError
from archtrace.targets import prepare, resolve

SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 90}


class Head(nn.Module):
    """Reads the first token; the base of what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(90, 8)
        self.classifier = nn.Linear(8, 2)
        self.register_buffer("positions", torch.arange(64), persistent=False)
        self.seen: list[int] = []
        self.facts = {"calls": 0}

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.embed(input_ids)
        logits: torch.Tensor = self.classifier(hidden[:, 0])
        return logits


def library(name: str, **fields: Any) -> nn.Module:
    config = getattr(transformers, f"{name}Config")(**SIZES, pad_token_id=0, **fields)
    model: nn.Module = getattr(transformers, f"{name}ForSequenceClassification")(config)
    return model


def pruned() -> nn.Module:
    model = library("Bert")
    prune.l1_unstructured(model.classifier, "weight", 0.3)
    model(torch.tensor([[5, 6]]))
    return model


def non_leaf() -> nn.Module:
    model = library("Llama", num_key_value_heads=1)
    model.cached = model.score.weight * 1.0
    return model


def experts() -> nn.Module:
    model = library("Mixtral", num_key_value_heads=1, num_local_experts=2)
    model.cached = model.score.weight * 1.0
    return model


def locked() -> nn.Module:
    model = Head()
    model.lock = threading.Lock()
    return model


def generating() -> nn.Module:
    model = Head()
    model.tokens = (i for i in range(3))
    return model


def weight_normed() -> nn.Module:
    model = Head()
    parametrizations.weight_norm(model.classifier)
    return model


def spectral() -> nn.Module:
    model = Head()
    parametrizations.spectral_norm(model.classifier)
    return model


class Wrapper(nn.Module):
    """Hands everything to a module inside it, as the wrappers of distributed training do, and cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.module = Head()
        self.group = threading.Lock()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.module(input_ids, attention_mask)


def replaced_forward() -> nn.Module:
    """The forward is a function whose closure holds the module: a copy would call the original."""
    model = Head()
    old = model.forward

    @functools.wraps(old)
    def forward(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return old(input_ids, attention_mask)

    model.forward = forward  # type: ignore[method-assign]
    return model


class Remembering(Head):
    """Its forward changes whatever it can, and then may raise."""

    raises = False

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.register_buffer("count", torch.tensor(3), persistent=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        self.last = self.embed(input_ids)
        self.seen.append(1)
        self.facts["calls"] += 1
        self.positions = self.positions[:8]
        self.count += 1
        self.classifier.register_forward_hook(lambda *_: None)
        if self.raises:
            raise ValueError("no more")
        return super().forward(input_ids, attention_mask)


class Raising(Remembering):
    raises = True


KINDS: tuple[Callable[[], nn.Module], ...] = (
    pruned, non_leaf, experts, locked, generating, weight_normed, spectral, Wrapper, replaced_forward, Remembering,
    Raising, Head, functools.partial(library, "Bert"),
)  # fmt: skip


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_it_comes_back_as_it_was(make: Callable[[], nn.Module], training: bool) -> None:
    model = make().train(training)
    next(model.parameters()).requires_grad_(False)
    before = dict(fields(model))
    if make is Raising:
        with pytest.raises(ArchtraceError, match="no more"):
            archtrace.trace(model)
    else:
        found = archtrace.trace(model)
        assert found.readouts
        found.at(input_ids=[[5, 6, 7]], attention_mask=[[1, 1, 1]])
    assert dict(fields(model)) == before


@pytest.mark.parametrize("make", [pruned, locked, Wrapper, replaced_forward, Remembering, weight_normed, spectral])
def test_it_is_answered_as_any_other(make: Callable[[], nn.Module]) -> None:
    (readout,) = archtrace.trace(make().train()).readouts
    assert readout.kind == "first"


def test_it_still_learns() -> None:
    """After a trace that borrowed it, gradients reach the very parameters that its optimiser holds."""
    model = locked().train()
    held = list(model.parameters())
    archtrace.trace(model)
    model(torch.tensor([[5, 6]]), torch.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in held)


class Stored(nn.Module):
    """Buffers of every sort, multiplied into the logits: a zero that is believed cuts the tokens off."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.classifier, self.norm = nn.Embedding(90, 8), nn.Linear(8, 2), nn.BatchNorm1d(8)
        self.register_buffer("learned", torch.zeros(8))
        self.register_buffer("gate", torch.zeros(1))
        self.register_buffer("ema", torch.full((8,), 0.5))
        self.register_buffer("closed", torch.zeros(8), persistent=False)
        self.register_buffer("order", torch.arange(8.0))
        self.register_buffer("triangle", torch.ones(8, 8).tril())

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.norm(self.embed(input_ids)[:, 0])
        logits: torch.Tensor = self.classifier(hidden * self.learned * self.gate)
        return logits + self.classifier(self.embed(input_ids)[:, 1] * self.closed)


@pytest.mark.parametrize("target", [Stored, Stored()], ids=["class", "live"])
def test_what_a_checkpoint_fills_is_unknown(target: Any) -> None:
    """Zeros that are saved may be anything later; zeros that are never saved stay zeros."""
    found = archtrace.trace(target)
    assert found.result.layouts[0].bound.tokens == ((0,), (0,))


class Gated(nn.Module):
    """Reads the positions that a saved gate lets through; `gate` is what the constructor puts there."""

    def __init__(self, gate: torch.Tensor, persistent: bool = True) -> None:
        super().__init__()
        self.embed, self.classifier = nn.Embedding(90, 8), nn.Linear(8, 2)
        self.register_buffer("gate", gate, persistent)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier((self.embed(input_ids) * self.gate[: input_ids.shape[1], None]).sum(1))
        return logits


LEARNED = torch.tensor([0.0, 0.3, -1.2] + [0.0] * 16)
#: What a live module holds, and what is read: learned numbers are those of one checkpoint, what is computed stays.
GATES: dict[str, tuple[torch.Tensor, bool, tuple[int, ...]]] = {
    "learned": (LEARNED, True, tuple(range(19))),
    "never saved": (LEARNED, False, (1, 2)),
    "whole numbers": (torch.arange(19.0) % 4, True, tuple(p for p in range(19) if p % 4)),
    "a mask": ((torch.arange(19) < 3).float() / 3, True, (0, 1, 2)),
    "allowed or not": (torch.arange(19) < 3, True, (0, 1, 2)),
}


@pytest.mark.parametrize("name", GATES)
def test_a_gate_that_another_checkpoint_fills_is_unknown(name: str) -> None:
    """A state dict may hold any gate that is saved: what it opens is read."""
    gate, persistent, read = GATES[name]
    module = Gated(gate.clone(), persistent).eval()
    state = {n: torch.ones_like(v) if n == "gate" and name == "learned" else v for n, v in module.state_dict().items()}
    other = Gated(gate.clone(), persistent).eval()
    other.load_state_dict(state)
    ids = torch.arange(3, 22)[None]
    moved = {p for p in range(19) if not torch.equal(other(torch.where(torch.arange(19) == p, 50, ids)), other(ids))}
    assert moved == set(read)
    assert archtrace.trace(module).result.layouts[0].bound.tokens == (read, read)


class Drawn(Gated):
    """A gate that is drawn where the model is made."""

    def __init__(self) -> None:
        super().__init__((torch.randint(0, 9, (19,)) % 2 > 0).float())


class Shuffled(Gated):
    """A gate that is drawn in place, and is never saved."""

    def __init__(self) -> None:
        super().__init__(torch.zeros(19).bernoulli_(0.5), persistent=False)


@pytest.mark.parametrize("made", [Drawn, Shuffled])
def test_a_gate_that_a_constructor_draws_is_no_one_draw(made: type[Gated]) -> None:
    ids, moved = torch.arange(3, 22)[None], set()
    for seed in range(12):
        torch.manual_seed(seed)
        module = made().eval()
        moved |= {p for p in range(19) if not torch.equal(module(ids), module(torch.where(ids == 3 + p, 50, ids)))}
    assert moved == set(range(19))
    assert archtrace.trace(made).result.layouts[0].bound.tokens == (tuple(range(19)),) * 2


def test_which_buffers_are_known() -> None:
    from archtrace.capture.build import fake_mode, weightless

    model, _ = prepare(resolve(Stored))
    with weightless(model, fake_mode()) as empty:
        assert set(empty.values) == {"closed", "order", "triangle"}


def test_what_is_computed_from_parameters_is_unknown() -> None:
    """An attribute that holds a product of parameters has no value of its own."""
    from archtrace.capture.build import fake_mode, weightless

    model = non_leaf()
    with weightless(model, fake_mode()) as empty:
        assert "cached" not in empty.values
        assert "model.rotary_emb.inv_freq" in empty.values


def test_traces_from_several_threads_agree() -> None:
    """One waits for the other; initialisers of models that are built elsewhere meanwhile still draw."""
    makers = [Head, locked, Remembering, Wrapper] * 2

    def drawn(_: int) -> bool:
        return all(nn.init.ones_(torch.zeros(4)).sum().item() == 4 for _ in range(2000))

    with ThreadPoolExecutor(4) as pool:
        draws = pool.map(drawn, range(4))
        kinds = list(pool.map(lambda make: archtrace.trace(make()).readouts[0].kind, makers))
    assert kinds == ["first"] * 8
    assert all(draws)


class Unbuildable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.width = int("eight")


def test_a_constructor_that_raises_is_told_with_its_line() -> None:
    with pytest.raises(BuildError) as caught:
        archtrace.trace(Unbuildable)
    what, where, why, do = str(caught.value).splitlines()
    assert what == "the model cannot be built: ValueError: invalid literal for int() with base 10: 'eight'"
    assert where.startswith("  where: test_live.py:")
    assert where.endswith('__init__: self.width = int("eight")')
    assert why == "  why: its constructor raises"
    assert do == "  do: make the constructor run on this config, or trace a live module"
