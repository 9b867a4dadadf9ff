"""AT005: the logits depend on one token alone, because index 0 of a causal model has seen nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule, Words
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """In the full layout one token reaches the logits, and it is the one at the index that is read."""
    full = model.full_layout
    for number, readout in model.readouts("first", "fixed"):
        read = set(full.bound.reads.get(readout.tensor, ())) if full else set()
        if full and len(read) == 1 and set(full.bound.tokens) == read and len(next(iter(read))) == 1:
            (position,) = next(iter(read))
            message = (
                f"{model.contract.name} reads {readout.slice}, and of all tokens only the one at {position} reaches "
                "the logits, so texts with the same first token get the same score; read the last token that is not "
                "a pad"
            )
            yield ContractViolation("AT005", message, "reads", number)


_CAUSAL = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids):
                    hidden = self.embed(input_ids)
                    hidden = torch.nn.functional.scaled_dot_product_attention(hidden, hidden, hidden, is_causal=%s)
                    return self.score(hidden[:, %s])
            """

RULE = GraphRule(
    code="AT005",
    name="first-token-of-causal",
    sees="The model reads a constant index, and only the token at that index reaches the logits.",
    unseen="A causal model that reads index 1 or 2 depends on two or three tokens, which is hardly better: "
    "`archtrace TARGET` shows that.",
    wrong={"index 0 under a causal mask": _CAUSAL % (True, 0)},
    right={"index 0 where tokens see each other": _CAUSAL % (False, 0), "the last index": _CAUSAL % (True, -1)},
    check=check,
    words=Words(
        summary="The logits depend on a single token, because a causal model is read at index 0.",
        why="""In a causal model, a position sees only itself and the positions before it. So index 0 sees only the
first token, which is the same in most texts. The score is the same for all of them; training lowers the loss to
that of the class frequencies, and nothing fails.""",
        real=(
            "the classifier of progen, issue 8",
            "vllm-project/vllm issue 35412",
            "a fix in sglang, before which two different documents both scored 2.6113",
        ),
        instead="""Read the last token that is not a pad:

```python
positions = torch.arange(input_ids.shape[-1], device=input_ids.device)
last = (positions * attention_mask).argmax(-1)
logits = self.score(hidden_states[torch.arange(len(hidden_states)), last])
```""",
    ),
)
