"""AT012: with more than one row the model raises, because its config has no pad id."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule, Words
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """The config had no pad id, and without one the model refuses two rows."""
    if model.refusal_without_pad_id is not None:
        message = (
            f"the config of {model.contract.name} has no pad_token_id, and with more than one row the model raises "
            f"({model.refusal_without_pad_id}); set it to the tokenizer's, in the config and in the contract's config"
        )
        yield ContractViolation("AT012", message, "config")


RULE = GraphRule(
    code="AT012",
    name="pad-token-unset",
    seen="The config has no pad id, and the model raises if it gets two rows without one.",
    unseen="A live module; the rule takes it as it is.",
    wrong={
        "a default config": """
            TARGET = "gpt2"
            CONTRACT = {"config": {"num_hidden_layers": 2}}
            """,
    },
    right={
        "a pad id": """
            TARGET = "gpt2"
            CONTRACT = {"config": {"num_hidden_layers": 2, "pad_token_id": 0}}
            """,
        "a model that needs none": """
            TARGET = "bert"
            CONTRACT = {"config": {"num_hidden_layers": 2}}
            """,
    },
    check=check,
    words=Words(
        summary="A batch of more than one row raises, because the config has no pad id.",
        why="""Checkpoints of causal models often name no pad token. Their classifiers need it to find the last
token, and refuse a batch without it. So training with one row per batch works, and evaluation with eight fails
hours later.""",
        real=("huggingface/trl issue 422", "huggingface/transformers issue 34055"),
        instead="""Add a pad token that is not eos (see AT003), and set its id in the config:

```python
tokenizer.add_special_tokens({"pad_token": "<pad>"})
model.resize_token_embeddings(len(tokenizer))
model.config.pad_token_id = tokenizer.pad_token_id
```""",
    ),
)
