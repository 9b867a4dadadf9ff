"""Encoders: a model with the parts that sentence-transformers puts behind it, and the findings about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archtrace.answer.result import Finding
from archtrace.targets.sentence import Encoder

if TYPE_CHECKING:
    import torch


def title(model: str, encoder: Encoder) -> str:
    """What the whole is called: `BertModel with mean pooling`."""
    return f"{model} with {' and '.join(encoder.modes)} pooling"


def build(model: torch.nn.Module, encoder: Encoder) -> torch.nn.Module:
    """The model and its parts as one module."""
    from archtrace.targets.pooled import SentenceEncoder  # late: it brings torch

    return SentenceEncoder(model, encoder)


def findings(encoder: Encoder, where: str) -> tuple[Finding, ...]:
    """Says that the embedding was traced, and no classifier's logits."""
    parts = ", ".join(part.kind for part in encoder.parts)
    what = f"{where} belongs to a sentence encoder: what was traced is its embedding, behind {parts}"
    traced = Finding("sentence-encoder", f"{what}, and no classifier")
    if not encoder.leaves_prompt_out:
        return (traced,)
    prompt = "the tokens of a prompt are not pooled (include_prompt is false): texts were traced without a prompt"
    return traced, Finding("prompt-left-out", prompt)
