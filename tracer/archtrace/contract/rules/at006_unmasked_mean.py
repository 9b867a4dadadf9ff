"""AT006 in a model: a mean over all positions, pads among them, or one that is divided by the tokens of the batch."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.answer.result import Readout
from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.traced_model import ContractViolation, TracedModel

#: What is wrong, and what to do, after the readout's own words.
_PADS_IN_MEAN = (
    "pads are in the mean, so the score of a text depends on how long the others in its batch are; sum where the mask "
    "is 1, and divide by the mask's sum in each row"
)
_DIVIDED_BY_BATCH_COUNT = (
    "the sum is divided by the tokens of the whole batch, so the score of a text depends on its neighbours; divide by "
    "the mask's sum in each row, sum(1)"
)
_DIVIDED_BY_PADDED_LENGTH = (
    "the sum over tokens is divided by the padded length, so the score of a text depends on how long the others in its "
    "batch are; divide by the mask's sum in each row"
)


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """A mean that takes pads in though something tells them, and a divisor that is not the row's own."""
    for number, readout in enumerate(model.result.readouts):
        mistake = _mistake(model, readout)
        if mistake:
            yield ContractViolation("AT006", f"{model.contract.name} reads {readout.slice}: {mistake}", "reads", number)


def _mistake(model: TracedModel, readout: Readout) -> str:
    """What is wrong with a readout that is a mean; empty for a right mean, and for any other readout."""
    if readout.tensor in model.divided_by_batch_count:
        return _DIVIDED_BY_BATCH_COUNT
    if readout.kind == "masked_mean":
        return _DIVIDED_BY_PADDED_LENGTH if readout.tensor in model.divided_by_padded_length else ""
    flags = (flags for texts in model.attended_tokens.values() for ways in texts.values() for flags in ways.values())
    has_padding = any(not all(map(all, rows)) for rows in flags)
    return _PADS_IN_MEAN if readout.kind == "mean" and has_padding else ""


_MEAN = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
                    return self.score(%s)
            """

RULE = GraphRule(
    code="AT006",
    name="unmasked-mean",
    seen="The model reads the mean of all positions in every layout, also of pads; or a sum over positions, divided "
    "by one number for the whole batch or by the padded length.",
    unseen="A maximum or attention pooling over pads; a model that has no input to recognise padding by.",
    wrong={
        "the mean of all positions": _MEAN % "hidden.mean(1)",
        "a divisor for the whole batch": _MEAN % "(hidden * mask).sum(1) / mask.sum()",
        "pads are zeros, but are counted": _MEAN % "(hidden * mask).mean(1)",
        "the padded length": _MEAN % "(hidden * mask).sum(1) / hidden.shape[1]",
    },
    right={"the mean where the mask is 1": _MEAN % "(hidden * mask).sum(1) / mask.sum(1)"},
    check=check,
)
