"""AT013: a server that the contract names pools something else than the model reads."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.answer.kinds import noun_of_kind
from archtrace.answer.serving import MISMATCH, SERVERS, Served
from archtrace.contract.graph_rule import GraphRule, Words
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """Of the servers in `served_by`, those that pool another kind than the one readout's."""
    for served in model.served:
        if served.same is False and served.pooling.kind is not None:
            yield ContractViolation(
                MISMATCH, f"{model.contract.name}: {_describe_pooling(served)}; {_advice(served)}", "served_by"
            )


def _describe_pooling(served: Served) -> str:
    name = f"{SERVERS[served.server]} {served.version}"
    note = f" ({served.note})" if served.note else ""
    pooled = noun_of_kind(served.pooling.kind or "none")
    return f"{name} pools {pooled}, by {served.pooling.by}, which is not what the model reads{note}"


def _advice(served: Served) -> str:
    return (
        f"start it with {served.change}" if served.change else "serve it by another server, or by transformers' class"
    )


RULE = GraphRule(
    code=MISMATCH,
    name="serving-mismatch",
    seen="For each server in `served_by`: what it would pool by its own rules ([serving](../serving.md)), compared "
    "with what the model reads.",
    unseen="A pooler config that you pass when you start the server: put `# noqa: AT013` there. The rule does not "
    "report a server that cannot serve the model, nor one that leaves out a layer of the head.",
    wrong={
        "the last token is read, and vLLM's Transformers backend pools the first": """
            TARGET = "biogpt"
            CONTRACT = {"served_by": "vllm", "config": {"num_hidden_layers": 2}}
            """,
    },
    right={
        "the last token is read, and vLLM's adapter pools it": """
            TARGET = "llama"
            CONTRACT = {"served_by": "vllm", "config": {"num_hidden_layers": 2, "pad_token_id": 0}}
            """,
        "no server is named": """
            TARGET = "biogpt"
            CONTRACT = {"config": {"num_hidden_layers": 2}}
            """,
    },
    check=check,
    words=Words(
        summary="A server pools another token than the model reads.",
        why="""A server runs its own code, and looks up in its own tables which hidden state the classifier gets.
For architectures that it does not know it uses a default: the first token in vLLM's Transformers backend, the last
in SGLang's. Nothing fails; the scores come from another token than the one that the model was trained on.""",
        real=(
            "vllm-project/vllm issues 15929, 35412 and 45995",
            "vLLM 0.33.0: 18 classifiers of transformers that read the last token are pooled at the first",
            "SGLang 0.5.23: its BertModel pools the first token of sentence encoders whose files say the mean",
        ),
        instead="""Set the pooling when you start the server; `archtrace serving TARGET` prints the option:

```sh
vllm serve ./checkpoint --runner pooling --pooler-config '{"pooling_type": "LAST"}'
```""",
    ),
)
