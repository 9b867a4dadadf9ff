"""Scans: y[t] depends on x[u] for u up to t."""

from __future__ import annotations

import numpy as np

from archtrace.flows import Contraction, Mask
from archtrace.rules.axes import letters
from archtrace.rules.registry import Call, Operand, Step, rule, several, single


@rule("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
def scan(call: Call) -> Step:
    """y[.., t, ..] = f(x[.., :t + 1, ..]), along `dim`."""
    operand = call.operands[0]
    if not operand.value.shape:
        return several(call, ((operand.slot, Contraction("", "")),))
    inn = letters(len(operand.value.shape))
    axis = call["dim"] % len(inn)
    out = inn[:axis] + "Y" + inn[axis + 1 :]
    before = np.tri(operand.value.shape[axis], dtype=bool)
    return several(call, ((operand.slot, Contraction(inn, out, (Mask("Y" + inn[axis], before),))),))


@rule("lstm", "gru", "rnn_tanh", "rnn_relu")
def recurrent(call: Call) -> Step:
    """Layers of cells over time: one direction reads what came before, two read everything; rows stay apart."""
    if call["input"] is None:
        return _packed(call)
    batch, time = (0, 1) if call["batch_first"] else (1, 0)
    sequence = call["input"]
    inn = "bt" if call["batch_first"] else "tb"
    steps = call.results[0].shape[time]
    before = Mask("Tt", np.ones((1, 1), dtype=bool) if call["bidirectional"] else np.tri(steps, dtype=bool))
    output = "".join("bT"[i] if call["batch_first"] else "Tb"[i] for i in (0, 1)) + "H"
    state = "LbS"
    flows, last = [], []
    for operand in call.operands:
        if operand is sequence:
            flows.append((operand.slot, Contraction(inn + "x", output, (before,))))
            last.append((operand.slot, Contraction(inn + "x", state)))
        elif len(operand.value.shape) == 3 and operand.value.shape[1] == sequence_batch(call, batch):
            flows.append((operand.slot, Contraction("MbR", output)))
            last.append((operand.slot, Contraction("MbR", state)))
        else:
            axes = "xyzw"[: len(operand.value.shape)]
            flows.append((operand.slot, Contraction(axes, output)))
            last.append((operand.slot, Contraction(axes, state)))
    step = several(call, tuple(flows))
    return Step(step.outputs, (step.flows[0], *(tuple(last) for _ in call.results[1:])))


def sequence_batch(call: Call, axis: int) -> int:
    """The number of rows that a recurrent net works on."""
    return call.results[0].shape[axis]


def _packed(call: Call) -> Step:
    from archtrace.rules.registry import everything

    return everything(call)
