"""AT011 in a model: its readout at eos needs as many eos in each row."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """Ask for two rows with one and two eos: each must still be read at its last."""
    for number, readout in model.readouts("last_eos"):
        inputs, last = _one_and_two_eos(model, readout.index.depends_on)
        reads = model.reads_for(inputs) if inputs else None
        if inputs and (reads is None or reads.get(readout.tensor) != last):
            then = "the batch is refused" if reads is None else f"reads {reads.get(readout.tensor)}"
            message = (
                f"{model.contract.name} reads {readout.slice}, and where rows hold one and two eos "
                f"{then}; find the last eos in each row"
            )
            yield ContractViolation("AT011", message, "reads", number)


def _one_and_two_eos(model: TracedModel, ids: tuple[str, ...]) -> tuple[dict[str, object], tuple[tuple[int, ...], ...]]:
    """The full layout with another eos in its second row, and where the last eos of each row is."""
    full = model.full_layout
    name = next((name for name in ids if full and isinstance(full.inputs.get(name), list)), None)
    if full is None or name is None:
        return {}, ()
    rows = [list(row) for row in full.inputs[name]]
    rows[-1][2] = model.eos
    last = tuple((max(p for p, token in enumerate(row) if token == model.eos),) for row in rows)
    return {**full.inputs, name: rows}, last


_EOS = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.eos_token_id = 2
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids):
                    hidden = self.embed(input_ids)
                    eos = input_ids == self.eos_token_id
                    return self.score(%s)
            """

RULE = GraphRule(
    code="AT011",
    name="eos-mask-readout",
    sees="The model reads the last eos; but if one row has one eos and the other has two, it raises or reads another "
    "position.",
    unseen="A model without an eos id.",
    wrong={
        "selected by a boolean mask, put back into rows": _EOS
        % "hidden[eos].view(hidden.shape[0], -1, hidden.shape[-1])[:, -1]"
    },
    right={
        "the last eos of each row": _EOS
        % "hidden[torch.arange(len(hidden)), (torch.arange(eos.shape[1]) * eos).argmax(1)]",
    },
    check=check,
)
