"""The truth about a program: real modules, real numbers, other tokens, and what moves."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import nn

from programs.part import VOCABULARY, WIDTH

Layout: TypeAlias = Mapping[str, torch.Tensor]
#: A token: its row and its position.
Token: TypeAlias = tuple[int, int]

#: How strongly parameters are drawn: where small ones saturate nothing, large ones decide every comparison.
GAINS = (0.5, 1.0, 3.0)


@dataclass(frozen=True)
class Numbers:
    """A module with drawn parameters, and how far its rounding goes."""

    module: nn.Module
    noise: float
    seed: int

    def run(self, layout: Layout) -> torch.Tensor:
        """The logits of every output, (rows, classes), without gradients."""
        with torch.no_grad():
            return self.flow(layout)

    def flow(self, layout: Layout) -> torch.Tensor:
        """The same; random draws of the forward are those of the seed."""
        torch.manual_seed(self.seed)
        out = self.module(**layout)
        return torch.cat(out, -1) if isinstance(out, tuple) else out

    def moved(self, before: torch.Tensor, after: torch.Tensor) -> set[int]:
        """The rows that differ by more than rounding; what is not a number before says nothing."""
        room = self.noise * (1 + before.abs().nan_to_num(0, 0, 0).max())
        gap = (after - before).abs().nan_to_num(0, torch.inf, torch.inf) * ~before.isnan()
        return {row for row, far in enumerate(gap.flatten(1).amax(1) > room) if far}


def numbers(module: nn.Module, single: bool) -> Iterator[Numbers]:
    """The module under several draws of its parameters."""
    for seed, gain in enumerate(GAINS):
        own = copy.deepcopy(module)
        own = own if single else own.double()
        generator = torch.Generator().manual_seed(seed + 1)
        with torch.no_grad():
            for parameter in own.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * gain)
        yield Numbers(own, 1e-4 if single else 1e-9, seed)


def ordinary(layout: Layout, specials: set[int]) -> set[Token]:
    """The tokens for which another ordinary id may stand."""
    ids = layout["input_ids"]
    return {(r, p) for r in range(ids.shape[0]) for p in range(ids.shape[1]) if int(ids[r, p]) not in specials}


def others(
    layout: Layout, tokens: Sequence[Token], specials: set[int], draws: int
) -> Iterator[dict[str, torch.Tensor]]:
    """The layout with other ordinary ids at these tokens, several times."""
    free = torch.tensor([i for i in range(VOCABULARY) if i not in specials])
    generator = torch.Generator().manual_seed(len(tokens))
    for _ in range(draws):
        ids = layout["input_ids"].clone()
        for row, at in tokens:
            ids[row, at] = free[torch.randint(len(free), (), generator=generator)]
        yield {**layout, "input_ids": ids}


def movers(run: Numbers, layout: Layout, tokens: Sequence[Token], specials: set[int], draws: int = 4) -> set[int]:
    """The rows of the logits that move when these tokens are others, all at once."""
    before = run.run(layout)
    return set().union(*(run.moved(before, run.run(o)) for o in others(layout, tokens, specials, draws)))


def gradients(run: Numbers, layout: Layout) -> set[Token]:
    """The tokens at whose embedding, the output of `emb` of (rows, positions, width), the logits have a gradient."""
    kept: list[torch.Tensor] = []
    emb = getattr(run.module, "emb", None)
    if not isinstance(emb, nn.Embedding):
        return set()
    start = layout["input_ids"].data_ptr()

    def keep(_module: nn.Module, given: Any, out: torch.Tensor) -> None:
        # Only the ids themselves: a position that is overwritten with a constant before carries no token.
        if given[0].data_ptr() == start and out.shape[:2] == layout["input_ids"].shape:
            kept.append(out)

    hook = emb.register_forward_hook(keep)
    try:
        out = run.flow(layout)
    except RuntimeError:  # a write into one of several views runs without autograd alone
        return set()
    finally:
        hook.remove()
    return _sloped(out, kept[0]) if len(kept) == 1 and out.requires_grad else set()


def _sloped(out: torch.Tensor, embedded: torch.Tensor) -> set[Token]:
    weights = torch.linspace(0.3, 1.7, out.numel()).reshape(out.shape).to(out)
    (slope,) = torch.autograd.grad((out * weights).sum(), embedded, allow_unused=True)
    if slope is None:
        return set()
    size = slope.abs().nan_to_num(0, 0, 0).amax(-1)
    room = (1e-3 if out.dtype == torch.float32 else 1e-9) * max(1.0, float(size.max()))
    return {(int(r), int(p)) for r, p in (size > room).nonzero().tolist()}


def noisy(run: Numbers, layout: Layout, name: str, kept: Sequence[Sequence[int]]) -> set[int] | None:
    """The rows that move when a module's output is another outside the positions that are kept; None: not testable.

    Testable is a tensor that the module gives once in a run, and whose axes are rows, positions, width: those of a
    convolution, (rows, width, positions), are told by their second axis.
    """
    calls: list[torch.Size] = []

    def other(_module: nn.Module, _given: Any, out: Any) -> Any:
        if not isinstance(out, torch.Tensor) or out.ndim != 3 or out.shape[0] != len(kept) or out.shape[1] == WIDTH:
            return None
        calls.append(out.shape)
        keep = torch.zeros(out.shape[:2], dtype=torch.bool)
        for row, positions in enumerate(kept):
            keep[row, [p for p in positions if p < out.shape[1]]] = True
        generator = torch.Generator().manual_seed(7)
        noise = torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out)
        return torch.where(keep.unsqueeze(-1), out, 2 * noise)

    before = run.run(layout)
    hook = run.module.get_submodule(name).register_forward_hook(other)
    try:
        after = run.run(layout)
    finally:
        hook.remove()
    return run.moved(before, after) if len(calls) == 1 else None
