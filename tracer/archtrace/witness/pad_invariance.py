"""Whether padding changes the logits of a text, by numeric runs of the text with padding and without.

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

#: The part of an output's largest value that a difference must exceed.
LEAST_DIFFERENCE = 1e-2


def padding_changes_logits(analysis: Analysis, layout: str, vocabulary: Vocabulary) -> bool:
    """Whether a padded row of a layout gives other logits than its text gives without padding.

    The analysis is of a model that runs numerically, with drawn parameters. False also where this cannot be decided: an
    output with positions, a layout without padding, a model that refuses a single text or one of another length.
    """
    inputs, model = analysis.layouts[layout], analysis.programs.model
    attended = lay.attended(inputs, vocabulary, analysis.ids)
    # A folded batch (choices, chunks) has rows of its own.
    is_plain = attended is not None and attended.ndim == 2 and attended.shape == inputs[analysis.ids].shape
    if attended is None or not is_plain or analysis.each(layout) or parameter_count(model[0]) > LARGEST:
        return False
    padded = [row for row, is_token in enumerate(attended) if is_token.any() and not is_token.all()]
    texts = [_without_padding(inputs, row, attended[row]) for row in padded]
    try:
        batch, *singles = outputs(model, [inputs, *texts], analysis.programs.output_name)
    except Exception:  # a stranger's model may refuse one row, or another length, as it likes
        return False
    if len(batch) != len(attended):
        return False
    return any(differ(batch[row : row + 1], single) for row, single in zip(padded, singles, strict=True))


def differ(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether outputs of one shape differ by more than rounding: models compute positions in float32, whatever the
    type of their parameters, and drawn parameters amplify what that rounds."""
    if left.shape != right.shape:
        return False
    return bool((left - right).abs().max() > LEAST_DIFFERENCE * torch.maximum(left.abs(), right.abs()).max())


def _without_padding(inputs: Mapping[str, torch.Tensor], row: int, attended: torch.Tensor) -> dict[str, torch.Tensor]:
    """The inputs of one row, and of those with an axis of tokens only the attended ones."""
    return {name: _attended_part(value[row : row + 1], attended) for name, value in inputs.items()}


def _attended_part(value: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
    axis = next((a for a in range(1, value.ndim) if value.shape[a] == len(attended)), None)
    return value if axis is None else value.index_select(axis, torch.where(attended)[0])
