"""Position shift: whether padding moves a text to positions at which a model gives it other logits.

That the same token is read is not enough: behind padding, a text stands at other positions of its row. Rotary and
relative positions do not change the logits then; learned ones do, and rotary ones behind a learned prompt, from which
the text moves away. So a small model of the same architecture runs with drawn parameters, on a text with padding and
without: what differs there differs in the model, whose program is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.model import forward_of, is_library_model, parameter_count
from archtrace.readout.analysis import Inputs, Model
from archtrace.readout.text_inputs import layout_of
from archtrace.setup.id_rows import picked_positions
from archtrace.targets import prepare
from archtrace.targets.target import Make, Target
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace
from archtrace.witness.pad_invariance import differ
from archtrace.witness.replay import outputs
from archtrace.witness.shrink import ENOUGH, LARGEST
from archtrace.witness.small_model import bundled, reduced, remembered

#: How many tokens of a text are run, from its front and its end, and how many pads: a small model has few positions.
FRONT, END, PADS = 3, 4, 5


def padding_shifts_logits(traced: Trace, batch: Encoded, special: Collection[int] = ()) -> bool | None:
    """Whether the padding of a batch changes the logits of a text; None where no model can be run to show it.

    The shortest text is run. `special`: ids that no other id may replace where the small model has no row for them.
    """
    row = min(range(len(batch.spans)), key=lambda n: batch.spans[n][1] - batch.spans[n][0])
    for make in _models_to_run(traced):
        try:
            model = make()
            layouts = [_layout(traced, model[0], _shortened(batch, row, pads), special) for pads in (0, PADS)]
            return differ(*outputs(model, layouts, traced.analysis.programs.output_name))
        except Exception:  # a stranger's class may refuse its config, and its model so short a row, as they like
            continue
    return None


def _models_to_run(traced: Trace) -> Iterator[Callable[[], Model]]:
    """Makers of models that can run in place of the traced one: small ones first where it is large, then itself."""
    own, target = traced.analysis.programs.model, traced.target
    size = parameter_count(own[0])
    if size > ENOUGH and target.config is not None:
        make = _maker_from_config(target)
        for overrides in (remembered(target), bundled().get(target.model_type or "")):
            if make and overrides:
                config = reduced(target.config, overrides)
                yield partial(prepare, replace(target, module=None, make=make, config=config))
    if size <= LARGEST:
        yield lambda: own


def _maker_from_config(target: Target) -> Make | None:
    """What builds the model from a config; for a live one its class, if it is one of transformers."""
    if target.module is None:
        return target.make
    return type(target.module) if is_library_model(target.module) else None


def _shortened(batch: Encoded, row: int, pads: int) -> Encoded:
    """The front and the end of a row's text, with `pads` pads on each side that has padding."""
    (start, stop), length = batch.spans[row], len(batch.inputs[batch.ids][row])
    text = [*range(start, stop)]
    text = text if len(text) <= FRONT + END else [*text[:FRONT], *text[-END:]]
    positions = [0] * pads * (start > 0) + text + [length - 1] * pads * (stop < length)
    first = pads * (start > 0)
    inputs = picked_positions(batch.inputs, batch.ids, {row: positions})
    return replace(batch, inputs=inputs, spans=((first, first + len(text)),))


def _layout(traced: Trace, model: object, batch: Encoded, special: Collection[int]) -> Inputs:
    (row,), (start, stop) = batch.inputs[batch.ids], batch.spans[0]
    inputs = {**batch.inputs, batch.ids: [_within_vocabulary(row, range(start, stop), model, special)]}
    return layout_of(replace(batch, inputs=inputs).fitting(forward_of(traced.module)), traced.analysis)


def _within_vocabulary(ids: list[int], text: range, model: object, special: Collection[int]) -> list[int]:
    """The ids, with another one for each that is beyond a small model's vocabulary; ValueError if that is padding."""
    rows = lay.vocabulary_size(getattr(model, "config", None) or model)
    if rows is None:
        return ids
    if any(i >= rows for p, i in enumerate(ids) if p not in text):
        raise ValueError("the small model has no row for padding")
    spare = next((i for i in range(rows) if i not in {*special, *ids}), 0)
    return [i if i < rows else spare for i in ids]
