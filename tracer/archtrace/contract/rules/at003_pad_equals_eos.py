"""AT003 in a model: the pad id is the eos id, and the last token that is no pad is one before eos."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.traced_model import ContractViolation, TracedModel


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """Without any padding, a text that ends with eos is read before its end."""
    full = model.full_layout
    if full is None or model.pad is None or model.pad != model.eos:
        return
    for number, readout in enumerate(model.result.readouts):
        rows = full.bound.reads.get(readout.tensor, ())
        ids = next((full.inputs[name] for name in readout.index.depends_on if _are_ids(full.inputs[name])), None)
        if ids is not None and all(row == (len(ids[n]) - 2,) for n, row in enumerate(rows)):
            message = (
                f"{model.contract.name} finds its token by the pad id, and the pad id is the eos id ({model.pad}): "
                "if a text ends with eos, it reads the token before; use a separate pad token"
            )
            yield ContractViolation("AT003", message, "target", number)


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list)


_LAST = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pad_token_id, self.eos_token_id = %d, 2
                    self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    is_token = %s
                    last = (torch.arange(input_ids.shape[1]) * is_token).argmax(1)
                    return self.score(hidden[torch.arange(len(hidden)), last])
            """

RULE = GraphRule(
    code="AT003",
    name="pad-equals-eos",
    sees="The config's pad id is its eos id, and in a text without padding that ends with eos, the model reads the "
    "position before it.",
    unseen="A tokenizer that pads with eos although the config has another pad id.",
    wrong={"pad is eos, and the pad id finds the token": _LAST % (2, "input_ids != self.pad_token_id")},
    right={
        "a separate pad token": _LAST % (1, "input_ids != self.pad_token_id"),
        "the mask finds the token": _LAST % (2, "attention_mask"),
    },
    check=check,
)
