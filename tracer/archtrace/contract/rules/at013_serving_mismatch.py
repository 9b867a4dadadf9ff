"""AT013: a server that the contract names pools something else than the model reads."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.answer.kinds import called
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
    pooled = called(served.pooling.kind or "none")
    return f"{name} pools {pooled}, by {served.pooling.by}, which is not what the model reads{note}"


def _advice(served: Served) -> str:
    return (
        f"start it with {served.change}" if served.change else "serve it by another server, or by transformers' class"
    )


RULE = GraphRule(
    code=MISMATCH,
    name="serving-mismatch",
    sees="What each server in `served_by` pools by its own rules ([serving](../serving.md)), beside the readout.",
    unseen="A pooler config that the server is started with: put `# noqa: AT013` there. A server that does not take "
    "the model is no mismatch. Whether a server leaves a layer of the head out is not looked at.",
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
        why="""A server runs a program of its own, and looks up in tables of its own which hidden state the classifier
gets. For an architecture that it has no class for it takes a default: vLLM's Transformers backend the first token,
SGLang's the last. Nothing fails; the scores are those of another token than the model was trained on.""",
        real=(
            "vllm-project/vllm issues 15929, 35412 and 45995",
            "vLLM 0.33.0: 18 classifiers of transformers that read the last token are pooled at the first",
            "SGLang 0.5.23: its BertModel pools the first token of sentence encoders whose files say the mean",
        ),
        instead="""Say the pooling when the server is started; `archtrace serving TARGET` prints the option:

```sh
vllm serve ./checkpoint --runner pooling --pooler-config '{"pooling_type": "LAST"}'
```""",
    ),
)
