"""AT006 in a model: a mean over all positions, pads among them, or one that is divided by the tokens of the batch."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.rule import GraphRule
from archtrace.contract.traced import Broken, Traced


def check(model: Traced) -> Iterator[Broken]:
    """A mean that takes pads in though something tells them, and a divisor that all rows share."""
    padded = any(not all(map(all, flags)) for told in model.told.values() for flags in told.values())
    for number, readout in model.readouts("mean"):
        if padded:
            told = (
                f"{model.contract.name} reads {readout.slice}: pads are in the mean, and what a text scores depends on "
                "how long the others of its batch are; sum what the mask allows and divide by its sum in each row"
            )
            yield Broken("AT006", told, "reads", number)
    for number, readout in enumerate(model.result.readouts):
        if readout.tensor in model.batch_divisor:
            told = (
                f"{model.contract.name} divides the sum over {readout.tensor} by the tokens of the whole batch: what a "
                "text scores depends on its neighbours; divide by the mask's sum in each row, sum(1)"
            )
            yield Broken("AT006", told, "reads", number)


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
    seen="A readout that is the mean of all positions in every layout, padded ones too; a sum over positions that is "
    "divided by one number for the whole batch.",
    unseen="A maximum or an attention over pads; a model that is told of padding by nothing at all.",
    wrong={
        "the mean of all positions": _MEAN % "hidden.mean(1)",
        "a divisor for the whole batch": _MEAN % "(hidden * mask).sum(1) / mask.sum()",
    },
    right={"the mean of what the mask allows": _MEAN % "(hidden * mask).sum(1) / mask.sum(1)"},
    check=check,
)
