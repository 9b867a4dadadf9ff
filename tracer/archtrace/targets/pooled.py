"""The module that a sentence encoder's files describe: a model without head, its pooling, and what follows.

The formulas are those of sentence-transformers 6.2 (`sentence_transformer/modules/pooling.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archtrace.targets.sentence import Encoder, EncoderPart


class SentenceEncoder(nn.Module):
    """A text model with what sentence-transformers puts behind it; its one output is the sentence's embedding."""

    def __init__(self, transformer: Any, encoder: Encoder) -> None:
        super().__init__()
        self.transformer = transformer
        self.config = transformer.config
        width: int = self.config.get_text_config().hidden_size
        for part in encoder.parts:
            module, width = _PARTS[part.kind](part, width)
            self.add_module(part.kind.lower(), module)
        self.order = tuple(part.kind.lower() for part in encoder.parts)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> dict[str, Tensor]:
        states: Tensor = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        for name in self.order:
            module: nn.Module = getattr(self, name)
            states = module(states, mask) if isinstance(module, PoolingModule) else module(states)
        return {"sentence_embedding": states}


class PoolingModule(nn.Module):
    """The modes' results, concatenated."""

    def __init__(self, modes: tuple[str, ...]) -> None:
        super().__init__()
        self.modes = modes

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        return torch.cat([_MODES[mode](states, mask) for mode in self.modes], dim=-1)


def _cls(states: Tensor, mask: Tensor) -> Tensor:
    """The first position that is attended to."""
    return states[torch.arange(len(states)), mask.to(torch.int).argmax(dim=1)]


def _last(states: Tensor, mask: Tensor) -> Tensor:
    """The last position that is attended to; zero where there is none."""
    values, indices = mask.flip(1).max(1)
    indices = torch.where(values == 0, states.shape[1] - 1, indices)
    return (states * mask.unsqueeze(-1))[torch.arange(len(states)), states.shape[1] - indices - 1]


def _max(states: Tensor, mask: Tensor) -> Tensor:
    return states.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).max(dim=1).values


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)


def _mean_sqrt(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9).sqrt()


def _weighted_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Position i, counted from the first that is attended to, weighs i + 1."""
    positions = torch.arange(1, states.shape[1] + 1, dtype=states.dtype).unsqueeze(0)
    weights = mask * (positions - mask.to(torch.int32).argmax(dim=1, keepdim=True))
    return (states * weights.unsqueeze(-1)).sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(min=1e-9)


_MODES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": _cls,
    "lasttoken": _last,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _weighted_mean,
}


class Normalize(nn.Module):
    """Length one."""

    def forward(self, vectors: Tensor) -> Tensor:
        return nn.functional.normalize(vectors, p=2, dim=-1)


class Dense(nn.Module):
    """Linear, activation, and where the config says so the input added."""

    def __init__(self, width: int, part: EncoderPart) -> None:
        super().__init__()
        out, fields = part.width, part.fields
        self.linear = nn.Linear(width, out, bias=bool(fields.get("bias", True)))
        kind: type[nn.Module] = getattr(nn, str(fields["activation_function"]))
        self.activation = kind()
        self.residual: nn.Module | None = None
        if fields.get("use_residual"):
            self.residual = nn.Identity() if width == out else nn.Linear(width, out, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        out: Tensor = self.activation(self.linear(vectors))
        return out if self.residual is None else out + self.residual(vectors)


#: Part -> its module, for vectors of a width, and the width of what it gives.
_PARTS: Mapping[str, Callable[[EncoderPart, int], tuple[nn.Module, int]]] = {
    "Pooling": lambda part, width: (PoolingModule(part.modes), width * len(part.modes)),
    "Dense": lambda part, width: (Dense(width, part), part.width),
    "Normalize": lambda _, width: (Normalize(), width),
    "LayerNorm": lambda _, width: (nn.LayerNorm(width), width),
    "Dropout": lambda _, width: (nn.Identity(), width),
}
