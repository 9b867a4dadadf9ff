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
        f"{', '.join(map(str, positions))}): what a text scores depends on how much is padded; hand the mask on to "
        "what mixes positions, or allow it with pad_leak = true"
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
    sees="A masked token that reaches the logits in some layout, otherwise than by one index that falls on it (AT004) "
    "or a mean that takes it in (AT006).",
    unseen="A leak that values of weights cancel; where the answer is a bound, a leak that is none is possible, and "
    "the finding says `may`.",
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
        summary="Masked positions reach the logits.",
        why="""What a text scores then depends on the longest text of its batch: evaluation with another batch size, or
serving one text at a time, gives other answers than training saw.""",
        real=(
            "transformers 5.23.0: the classifiers of FNet, YOSO, ConvBERT, MobileBERT and Nystromformer, whose mixing "
            "takes no mask or takes it in part",
        ),
        instead="""Hand the mask on to what mixes positions:

```python
attended = scaled_dot_product_attention(query, key, value, attn_mask=attention_mask[:, None, None, :].bool())
```

Where the architecture takes no mask (FNet), pad every batch to one length and say so: `pad_leak = true`.""",
    ),
)
