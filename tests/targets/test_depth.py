"""Depth: few layers, frames and patches, and a config that can still be built."""

from __future__ import annotations

import pytest
from transformers import ASTConfig, BertConfig, CLIPConfig, SwinConfig, VideoMAEConfig, ViTConfig, WhisperConfig

from archtrace.targets import resolve
from archtrace.targets.depth import shallow


@pytest.mark.parametrize(
    ("config", "cuts"),
    [
        (BertConfig(), {"num_hidden_layers": 2}),
        (BertConfig(num_hidden_layers=1), {}),
        (ViTConfig(), {"num_hidden_layers": 2, "image_size": 64}),
        (SwinConfig(), {}),
        (VideoMAEConfig(), {"num_hidden_layers": 2, "image_size": 64, "num_frames": 4}),
        (
            CLIPConfig(),
            {"text_config.num_hidden_layers": 2, "vision_config.num_hidden_layers": 2, "vision_config.image_size": 128},
        ),
    ],
)
def test_what_is_cut(config: object, cuts: dict[str, int]) -> None:
    """By the names of fields; windows and stages hang on the size of an image with small patches, which stays."""
    found = shallow(config)
    assert cuts.items() <= found.items()
    assert not {name for name in found if "image_size" in name} - cuts.keys()


def test_the_frames_of_sound_are_few() -> None:
    """A field that means something else elsewhere is cut where there is a mel spectrum."""
    assert shallow(WhisperConfig())["max_source_positions"] == 32
    assert shallow(ASTConfig())["max_length"] == 64


def test_overrides_that_cut_can_be_given() -> None:
    """They are fields of the config that they come from."""
    cuts = shallow(resolve("clip", head="zero-shot-image-classification").config)
    config = resolve("clip", head="zero-shot-image-classification", overrides=cuts).config
    assert (config.vision_config.image_size, config.text_config.num_hidden_layers) == (128, 2)
