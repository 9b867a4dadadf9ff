"""AT007: parameters that reach no logit, though the contract does not say so."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from archtrace.contract.graph_rule import GraphRule, Words
from archtrace.contract.traced_model import ContractViolation, TracedModel

#: A longer list says how many it leaves out.
LISTED = 4


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """One finding for all, named by the outermost modules that are dead as a whole."""
    allowed = model.contract.dead_parameters
    dead = [n for n in model.result.dead_parameters if not any(fnmatchcase(n, pattern) for pattern in allowed)]
    if dead:
        names = model.dead_names(dead)
        shown = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
        many = f"{len(dead)} parameters reach" if len(dead) > 1 else "1 parameter reaches"
        message = (
            f"{many} no logit of {model.contract.name}: {shown}; take them out (add_pooling_layer=False and the like), "
            "or allow them in dead_parameters"
        )
        yield ContractViolation("AT007", message, "dead_parameters")


_POOLER = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)
                    self.pooler = torch.nn.Linear(8, 8)

                def forward(self, input_ids):
                    hidden = self.embed(input_ids)[:, -1]
                    pooled = self.pooler(hidden)
                    return self.score(%s)
            """

RULE = GraphRule(
    code="AT007",
    name="dead-parameters",
    seen="Parameters that have no path to the logits in any layout.",
    unseen="Parameters that reach the logits only in training (an auxiliary loss).",
    wrong={"a pooler that is computed and not used": _POOLER % "hidden"},
    right={
        "the pooler is used": _POOLER % "pooled",
        "the contract allows it": _POOLER % "hidden" + '\n\n            CONTRACT = {"dead_parameters": ["pooler.*"]}\n',
    },
    check=check,
    words=Words(
        summary="Parameters that have no influence on the logits.",
        why="""They cost memory and time, and are never trained. Often they show that the head is not the one that
you meant. With DistributedDataParallel, the backward pass raises or hangs unless `find_unused_parameters=True`.""",
        real=(
            "transformers 5.23.0: the pooler of BigBird's classifier, `final_char_encoder` and `projection` of "
            "CANINE's, the contact head of ESM's",
        ),
        instead="""Build the backbone without what the head does not read:

```python
self.bert = BertModel(config, add_pooling_layer=False)
```

or allow them in the contract: `dead_parameters = ["bert.pooler.*"]`.""",
    ),
)
