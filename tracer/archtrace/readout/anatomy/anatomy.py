"""anatomy: all that a drawing of an analysis needs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from archtrace.answer.drawing import Anatomy
from archtrace.answer.result import Readout
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.readout.analysis import Analysis
from archtrace.readout.anatomy.excerpts import excerpt
from archtrace.readout.anatomy.module_tree import blocks
from archtrace.readout.anatomy.route import route
from archtrace.readout.anatomy.states import cone


def anatomy(
    module: torch.nn.Module, analysis: Analysis, readouts: Sequence[Readout], vocabulary: Vocabulary
) -> Anatomy:
    """Cone, path, modules and source of a built model whose readouts are known."""
    states, slices = cone(analysis, vocabulary)
    return Anatomy(
        states=states,
        slices=slices,
        path=route(module, analysis),
        root=blocks(module, list(analysis.bounds.values())),
        excerpts=tuple(excerpt(readout.source, analysis.program) for readout in readouts),
    )
