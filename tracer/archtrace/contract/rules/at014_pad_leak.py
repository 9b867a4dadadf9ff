"""AT014: masked positions reach the logits, through something that mixes positions."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule, Words
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """One finding, with the first place of it."""
    if not model.leaks or model.contract.pad_leak:
        return
    layout, row, positions = model.leaks[0]
    may = "reaches" if model.result.status == "exact" else "may reach"
    message = (
        f"padding {may} the logits of {model.contract.name} ({layout.replace('_', ' ')}, row {row}: "
        f"{', '.join(map(str, positions))}): the score of a text depends on its padding; pass the mask to the "
        "op that mixes positions, or allow it with pad_leak = true"
    )
    yield ContractViolation("AT014", message, "pad_leak")


_ATTENTION = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    allowed = attention_mask[:, None, :].bool()
                    hidden = torch.nn.functional.scaled_dot_product_attention(hidden, hidden, hidden%s)
                    return self.score(hidden[:, 0])
            """

RULE = GraphRule(
    code="AT014",
    name="pad-leak",
    seen="A masked token reaches the logits in some layout, other than by an index that falls on it (AT004) or a "
    "mean that includes it (AT006).",
    unseen="A leak that the values of the weights cancel. If the answer is a bound, there may be no leak; the "
    "finding then says `may`.",
    wrong={
        "attention without the mask": _ATTENTION % "",
        "a maximum over pads": """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    return self.score(self.embed(input_ids).amax(1))
            """,
    },
    right={
        "attention with the mask": _ATTENTION % ", attn_mask=allowed",
        "the contract allows it": _ATTENTION % "" + '\n\n            CONTRACT = {"pad_leak": True}\n',
    },
    check=check,
    words=Words(
        summary="Positions that the mask marks as padding still change the logits.",
        why="""The score of a text then depends on the longest text in its batch. So evaluation with another batch
size, or serving one text at a time, gives other answers than in training.""",
        real=(
            "transformers 5.23.0: the classifiers of FNet, YOSO, ConvBERT, MobileBERT and Nystromformer, whose mixing "
            "takes no mask or takes it in part",
        ),
        instead="""Pass the mask to the op that mixes positions:

```python
attended = scaled_dot_product_attention(query, key, value, attn_mask=attention_mask[:, None, None, :].bool())
```

If the architecture takes no mask (FNet), pad every batch to the same length and allow the leak in the contract:
`pad_leak = true`.""",
    ),
)
