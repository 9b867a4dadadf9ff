"""Depth: fewer layers, frames and patches, and smaller windows, for a target that has many which are alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from archtrace.errors import ArchtraceError
from archtrace.targets import fills
from archtrace.targets.resolve import resolve
from archtrace.targets.target import is_config

#: Config fields that count layers.
DEPTHS = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_layers",
    "layers",
    "depth",
    "encoder_layers",
    "decoder_layers",
    "num_encoder_layers",
    "num_decoder_layers",
    "num_attention_layers",
    "predictor_num_hidden_layers",
    "qformer_num_hidden_layers",
)


def _four_patches(part: object) -> int | None:
    """The edge of an image of four by four patches, 64 for a model without patches, whose convolutions take any size;
    None where patches are smaller than 8, since such a model may merge them later."""
    patch: object = getattr(part, "patch_size", 16)
    return 4 * patch if isinstance(patch, int) and patch >= 8 else None


def _of_sound(length: int) -> Callable[[object], int | None]:
    return lambda part: length if hasattr(part, "num_mel_bins") else None


#: Config field -> a smaller value that will do, given the config; None where the field means something else there.
LESS: Mapping[str, Callable[[object], int | None]] = {
    **dict.fromkeys(("num_frames", "frames_per_clip"), lambda _: 4),
    **dict.fromkeys(("image_size", "crop_size"), _four_patches),
    # A text is padded to a multiple of the window, and the analysis keeps these positions, too.
    "attention_window": lambda _: 8,
    "max_length": _of_sound(64),
    "max_source_positions": _of_sound(32),
}


def shallow(config: object, layers: int = 2) -> dict[str, int]:
    """The overrides that leave so many layers, and few patches and frames, to a config and to the configs in it; {}
    where it has no more than that."""
    return dict(_cuts(config, layers))


def _cuts(config: object, layers: int) -> Iterator[tuple[str, int]]:
    layer_counts: dict[str, Callable[[object], int | None]] = dict.fromkeys(DEPTHS, lambda _: layers)
    limits = {**layer_counts, **LESS}
    for path, part in fills.nested("", config) if is_config(config) else ():
        # A field under two names is cut once, under the config's own.
        fields: dict[str, object] = vars(part)
        for name, value in list(fields.items()):
            less = limits[name](part) if name in limits else None
            if less is not None and type(value) is int and value > less:
                yield f"{path}{name}", less


def few_layers(target: object, overrides: Mapping[str, object], options: Mapping[str, Any]) -> dict[str, object] | None:
    """The overrides with which a target has two layers where it has more, beside those given; None where it cannot be
    built so. `options` are further keyword arguments of `resolve`."""
    cuts = shallow(resolve(target, overrides=overrides, **options).config)
    for part in ("", "text_config."):  # a text-only class is built from the text part of its type's config
        cut = {**{f"{part}{name}": value for name, value in cuts.items()}, **overrides}
        with contextlib.suppress(ArchtraceError):
            resolve(target, overrides=cut, **options)
            return cut
    return None
