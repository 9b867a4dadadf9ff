"""Positions of images and sounds: what stands at each is what the gradient of the embedding shows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers import ViTConfig, ViTForImageClassification

import archtrace
from archtrace.answer.fields import Fields
from archtrace_reports.text.facts import tokens_words
from archtrace_reports.text.field_lines import fields_words


def shown(states: torch.Tensor, features: torch.Tensor, axes: tuple[int, ...]) -> tuple[Any, ...]:
    """For each position of states start and stop of its gradient along the axes of the features; None without one."""
    found: list[Any] = []
    for i in range(states.shape[1]):
        (slope,) = torch.autograd.grad(states[:, i].sum(), features, retain_graph=True, allow_unused=True)
        places = torch.zeros(0, features.ndim) if slope is None else slope.nonzero()
        spans = [(int(places[:, a].min()), int(places[:, a].max()) + 1) for a in axes] if len(places) else None
        found.append(None if spans is None else tuple(spans))
    return tuple(found)


def test_patches_of_an_image_and_the_class_token() -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = ViTForImageClassification(ViTConfig(**sizes, image_size=32, patch_size=8)).eval()
    result = archtrace.trace(model).result
    (fields,) = result.fields
    pixels = torch.rand(2, 3, 32, 32, requires_grad=True)
    assert fields.of == shown(model.vit.embeddings(pixels), pixels, (2, 3))
    assert (fields.tensor, fields.input, fields.grid, fields.empty) == (
        "last_hidden_state",
        "pixel_values",
        (4, 4),
        (0,),
    )
    assert fields_words(result) == (
        "positions 1 to 16 of last_hidden_state hold patches of 8 × 8 pixels, a grid of 4 × 4; "
        "position 0 holds none (class tokens and the like)"
    )


class Sound(nn.Module):
    """Frames of samples, two convolutions deep, and their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(1, 4, 10, stride=5), nn.Conv1d(4, 8, 3, stride=2)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 2)

    def frames(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.norm(self.two(self.one(input_values[:, None]).relu()).mT)

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.head(self.frames(input_values).mean(1))


def test_frames_of_a_sound_have_their_samples() -> None:
    torch.manual_seed(0)
    model, sound = Sound(), torch.randn(2, 200, requires_grad=True)
    result = archtrace.trace(model, inputs={"input_values": sound.detach()}).result
    (fields,) = result.fields
    everything = shown(model.frames(sound) * torch.rand(8), sound, (1,))
    assert fields.of == everything
    assert "frames of 20 samples, one every 10" in fields_words(result)


def test_positions_of_tokens_have_no_fields() -> None:
    """Nor have features given in place of ids, whose tokens are told as ever."""
    assert archtrace.trace("bert-base-uncased").result.fields == ()
    given = {"inputs_embeds": torch.randn(2, 9, 768), "attention_mask": torch.ones(2, 9, dtype=torch.long)}
    result = archtrace.trace("bert-base-uncased", inputs=given).result
    assert result.fields == ()
    assert "every" in tokens_words(result)


@pytest.mark.parametrize("last", [False, True])
def test_a_grid_may_run_along_either_axis_first(last: bool) -> None:
    places = [((r, r + 2), (c, c + 2)) for r in range(0, 6, 2) for c in range(0, 4, 2)]
    places = sorted(places, key=lambda field: field[::-1]) if last else places
    assert Fields("h", "pixel_values", (2, 3), (None, *places)).grid == (3, 2)
    assert Fields("h", "pixel_values", (2, 3), (None, *places[::-1])).grid is None
