"""AT001 in a model: it reads at the number of tokens less one, on whichever side padding is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.rules.last_token import violations_at
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """A readout that no kind explains, and the count of tokens less one does."""
    description = "the number of tokens less one, which is the last token under right padding alone"
    return violations_at(model, "AT001", count_less_one, description)


def count_less_one(attended: Sequence[bool]) -> int:
    """The position that the count of tokens less one is; -1 is the last."""
    return (sum(attended) - 1) % len(attended)


_LAST = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    last = %s
                    return self.score(hidden[torch.arange(len(hidden)), last])
            """

RULE = GraphRule(
    code="AT001",
    name="pad-count-index",
    seen="In every layout (padding on the right, left and inside), the position that is read is the number of tokens "
    "minus one.",
    unseen="An index that is this number in some layouts only.",
    wrong={"the sum of the mask": _LAST % "attention_mask.sum(1) - 1"},
    right={"the last token that is not a pad": _LAST % "(torch.arange(input_ids.shape[1]) * attention_mask).argmax(1)"},
    check=check,
)
