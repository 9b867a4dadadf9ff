"""Depth: fewer layers for a target whose layers are many and alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archtrace.targets import fills

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


def shallow(config: Any, layers: int = 2) -> dict[str, int]:
    """The overrides that leave so many layers to a config and to the configs in it; {} where none has more."""
    return dict(_cuts(config, layers))


def _cuts(config: Any, layers: int) -> Iterator[tuple[str, int]]:
    for path, part in fills.nested("", config) if hasattr(config, "to_diff_dict") else ():
        # A field under two names is cut once, under the config's own.
        own = vars(part).keys()
        for name in DEPTHS:
            value = vars(part)[name] if name in own else None
            if isinstance(value, int) and not isinstance(value, bool) and value > layers:
                yield f"{path}{name}", layers
