"""AT002 in a model: it reads the token before the first pad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.rules.last_token import violations_at
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """A readout that no kind explains, and one before the first pad does."""
    return violations_at(model, "AT002", before_first_pad, "the token before the first pad")


def before_first_pad(attended: Sequence[bool]) -> int:
    """One before the first pad, wrapped: without a pad, and with one at the beginning, that is the last position."""
    first = attended.index(False) if False in attended else 0
    return (first - 1) % len(attended)


_LAST = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pad_token_id = 1
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids):
                    hidden = self.embed(input_ids)
                    last = %s
                    return self.score(hidden[torch.arange(len(hidden)), last])
            """

RULE = GraphRule(
    code="AT002",
    name="first-pad-argmax",
    seen="In every layout, also with padding inside, the position that is read is the one before the first pad.",
    unseen="An index that does not become -1 if there is no pad.",
    wrong={"by the pad id": _LAST % "input_ids.eq(self.pad_token_id).int().argmax(-1) - 1"},
    right={
        "the last id that is not a pad": _LAST
        % "(torch.arange(input_ids.shape[1]) * input_ids.ne(self.pad_token_id)).argmax(-1)",
    },
    check=check,
)
