"""Features: pixels and sound of the sizes that a config implies, where a forward takes them.

Their values are drawn: they stand for any image and any sound. Only their shapes are facts of a layout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from archtrace.capture.inputs.layouts import ROWS, Layout


@dataclass(frozen=True)
class Axis:
    """The length of an axis: `times` the first of the config fields that exists; else `default`.

    A field with a number for each axis of an image gives the one at `item`. An axis without a default needs its field.
    """

    fields: tuple[str, ...]
    default: int | None = None
    times: int = 1
    item: int = 0

    def length(self, config: object) -> int | None:
        """The length that a config gives to the axis; None where it gives none."""
        value = next((value for name in self.fields if (value := field(config, name)) is not None), None)
        if isinstance(value, list | tuple):
            value = value[self.item % len(value)]
        return int(value) * self.times if isinstance(value, int) else self.default


#: The sub-configs that may have a field which the config itself lacks.
PARTS = ("vision_config", "audio_config", "encoder_config", "backbone_config", "vlm_config")


def field(config: object, name: str) -> object:
    """A field of a config, or of the part of it that is about pixels or sound; None where neither has it."""
    parts: list[object] = [config, *(getattr(config, part, None) for part in PARTS)]
    values: list[object] = [getattr(part, name, None) for part in parts]
    return next((value for value in values if value is not None), None)


_CHANNELS = Axis(("num_channels", "in_chans", "stem_num_channels"), 3)
_HEIGHT, _WIDTH = (Axis(("image_size", "crop_size", "img_size"), 64, item=item) for item in (0, 1))
_FRAMES = Axis(("num_frames", "frames_per_clip"))
_MEL = Axis(("num_mel_bins", "num_mel_features", "feature_size"))

#: An input's axes behind its rows.
Form: TypeAlias = Callable[[object], Sequence[int | None]]


def _of(*axes: Axis) -> Form:
    return lambda config: [axis.length(config) for axis in axes]


def _samples(config: object) -> Sequence[int | None]:
    """So many samples that the convolutions make FRAMES of them."""
    kernels, strides = field(config, "conv_kernel"), field(config, "conv_stride")
    if not isinstance(kernels, list | tuple) or not isinstance(strides, list | tuple):
        return [None]
    frames = FRAMES
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        frames = (frames - 1) * stride + kernel
    return [frames]


def _patches(config: object) -> Sequence[int | None]:
    """Patches that the processor has cut and laid out flat."""
    patch, count = field(config, "patch_size"), field(config, "num_patches")
    channels = _CHANNELS.length(config)
    count = count if isinstance(count, int) else None
    return [count, patch * patch * channels if isinstance(patch, int) and channels else None]


#: Frames of sound: what a head with five layers of convolutions over time makes a few positions of.
FRAMES = 17
_TIME = Axis((), FRAMES)

#: Regions of an image, as another model detects them.
_REGIONS = Axis((), 5)

#: Input name -> its forms; the first one counts for which the config has all lengths.
FORMS: Mapping[str, tuple[Form, ...]] = {
    "pixel_values": (_patches, _of(_CHANNELS, _HEIGHT, _WIDTH)),
    "pixel_values_videos": (_of(_FRAMES, _CHANNELS, _HEIGHT, _WIDTH),),
    "input_values": (_of(Axis(("max_length",)), _MEL), _samples),
    "input_features": (
        _of(_TIME, Axis(("feature_projection_input_dim",))),
        _of(_MEL, Axis(("max_source_positions",), times=2)),
        _of(_TIME, _MEL),
    ),
    "visual_feats": (_of(_REGIONS, Axis(("visual_feat_dim",))),),
    "visual_pos": (_of(_REGIONS, Axis(("visual_pos_dim",))),),
}
#: The forms of inputs whose rows hold several images.
MOVING: Mapping[str, tuple[Form, ...]] = {"pixel_values": (_of(_FRAMES, _CHANNELS, _HEIGHT, _WIDTH),)}

#: Inputs that say which of the features are there, from the features.
BESIDE: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "pixel_attention_mask": lambda patches: torch.ones(patches.shape[:2], dtype=torch.long),
    "spatial_shapes": lambda patches: torch.tensor([[math.isqrt(patches.shape[1])] * 2] * len(patches)),
}


def features(config: object, parameters: Collection[str], *, moving: bool = False) -> Layout:
    """The features for a forward with these parameters, by name; {} where it takes none.

    `moving`: rows hold several images.
    """
    drawn = {name: _random(shape) for name in FORMS if name in parameters and (shape := _shape(config, name, moving))}
    first = next(iter(drawn.values()), None)
    if first is None or first.ndim != 3 or "spatial_shapes" not in parameters:
        return drawn
    return drawn | {name: make(first) for name, make in BESIDE.items() if name in parameters}


def _shape(config: object, name: str, moving: bool) -> tuple[int, ...] | None:
    forms = MOVING.get(name, FORMS[name]) if moving else FORMS[name]
    for form in forms:
        lengths = form(config)
        if None not in lengths:
            return (ROWS, *(int(length or 0) for length in lengths))
    return None


def _random(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
