"""Alone: whether a text gives the same logits alone and among padding, in numbers.

That no padding reaches the logits is not enough: learned positions that are counted from the start of a row move with
padding on the left, and pooling in windows of a fixed size falls otherwise on a longer row.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.capture.model import parameter_count
from archtrace.readout.analysis import Analysis
from archtrace.witness.replay import outputs
from archtrace.witness.shrink import LARGEST

#: Of the largest value of an output, what a difference must exceed.
PART = 1e-2


def differs_alone(analysis: Analysis, layout: str, vocabulary: Vocabulary) -> bool:
    """Whether a row with padding of a layout gives other logits than its text alone does.

    The analysis is of a model that runs numerically, with drawn parameters. False too where that cannot be told: an
    output with positions, a layout without padding, a model that refuses one text or one of another length.
    """
    inputs, model = analysis.layouts[layout], analysis.programs.model
    kept = lay.attended(inputs, vocabulary, analysis.ids)
    # A folded batch (choices, chunks) has rows of its own.
    plain = kept is not None and kept.ndim == 2 and kept.shape == inputs[analysis.ids].shape
    if kept is None or not plain or analysis.each(layout) or parameter_count(model[0]) > LARGEST:
        return False
    padded = [row for row, there in enumerate(kept) if there.any() and not there.all()]
    texts = [_alone(inputs, row, kept[row]) for row in padded]
    try:
        batch, *alone = outputs(model, [inputs, *texts], analysis.programs.asked)
    except Exception:  # a stranger's model may refuse one row, or another length, as it likes
        return False
    if len(batch) != len(kept):
        return False
    rows = zip(padded, alone, strict=True)
    return any(apart(batch[row : row + 1], text) for row, text in rows)


def apart(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether outputs of one shape differ by more than rounding: models compute positions in float32, whatever the
    type of their parameters, and drawn parameters amplify what that rounds."""
    if left.shape != right.shape:
        return False
    return bool((left - right).abs().max() > PART * torch.maximum(left.abs(), right.abs()).max())


def _alone(inputs: Mapping[str, torch.Tensor], row: int, kept: torch.Tensor) -> dict[str, torch.Tensor]:
    """The text of a row without its padding: of each input its row, and along the axis of the tokens what is kept."""
    return {name: _cut(value[row : row + 1], kept) for name, value in inputs.items()}


def _cut(value: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    axis = next((a for a in range(1, value.ndim) if value.shape[a] == len(kept)), None)
    return value if axis is None else value.index_select(axis, torch.where(kept)[0])
