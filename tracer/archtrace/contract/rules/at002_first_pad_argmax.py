"""AT002 in a model: it reads the token before the first pad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.contract.rule import GraphRule
from archtrace.contract.traced import Broken, Traced, worded


def check(model: Traced) -> Iterator[Broken]:
    """A readout that no kind explains, and one before the first pad does."""
    for number, readout in model.readouts("other"):
        read = next((read for read in model.reads(readout) if read.position != read.last), None)
        if read and model.fits(readout, before_first_pad):
            told = (
                f"{model.contract.name} reads {readout.slice}, the token before the first pad ({worded(read)}, and the "
                f"last token is at {read.last}); take the position of the last token that is no pad"
            )
            yield Broken("AT002", told, "reads", number)


def before_first_pad(attended: Sequence[bool]) -> int:
    """One before the first pad, wrapped: without a pad, and with one at the beginning, that is the last position."""
    first = attended.index(False) if False in attended else 0
    return (first - 1) % len(attended)


RULE = GraphRule(
    code="AT002",
    name="first-pad-argmax",
    seen="The position that is read is the one before the first pad in every layout, padded inside among them.",
    unseen="An index that does not wrap where there is no pad.",
    wrong={
        "by the pad id": """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pad_token_id = 1
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids):
                    hidden = self.embed(input_ids)
                    last = input_ids.eq(self.pad_token_id).int().argmax(-1) - 1
                    return self.score(hidden[torch.arange(len(hidden)), last % input_ids.shape[1]])
            """,
    },
    right={
        "the last id that is no pad": """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pad_token_id = 1
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids):
                    hidden = self.embed(input_ids)
                    positions = torch.arange(input_ids.shape[1])
                    last = (positions * input_ids.ne(self.pad_token_id)).argmax(-1)
                    return self.score(hidden[torch.arange(len(hidden)), last])
            """,
    },
    check=check,
)
