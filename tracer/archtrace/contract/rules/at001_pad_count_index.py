"""AT001 in a model: it reads at the number of tokens less one, on whichever side padding is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.contract.rule import GraphRule
from archtrace.contract.traced import Broken, Traced, worded


def check(model: Traced) -> Iterator[Broken]:
    """A readout that no kind explains, and the count of tokens less one does."""
    for number, readout in model.readouts("other"):
        read = next((read for read in model.reads(readout) if read.position != read.last), None)
        if read and model.fits(readout, count_less_one):
            told = (
                f"{model.contract.name} reads {readout.slice}, the number of tokens less one, which is the last token "
                f"under right padding alone ({worded(read)}, and the last token is at {read.last}); take the position "
                "of the last token that is no pad"
            )
            yield Broken("AT001", told, "reads", number)


def count_less_one(attended: Sequence[bool]) -> int:
    """The position that the count of tokens less one is; -1 is the last."""
    return (sum(attended) - 1) % len(attended)


RULE = GraphRule(
    code="AT001",
    name="pad-count-index",
    seen="The position that is read is the number of tokens less one in every layout: padded right, left and inside.",
    unseen="An index that is the count in some layouts only.",
    wrong={
        "lengths of a mask": """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    return self.score(hidden[torch.arange(len(hidden)), attention_mask.sum(1) - 1])
            """,
    },
    right={
        "the last token that is no pad": """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    positions = torch.arange(input_ids.shape[1])
                    return self.score(hidden[torch.arange(len(hidden)), (positions * attention_mask).argmax(1)])
            """,
    },
    check=check,
)
