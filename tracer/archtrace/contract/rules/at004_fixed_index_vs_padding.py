"""AT004 in a model: its readout falls on a pad on a side where the contract says that it must not."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.traced_model import ContractViolation, TracedModel, in_words


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """One finding a readout and side."""
    for number, readout in enumerate(model.result.readouts):
        for side in model.contract.sides:
            layout = f"{side}_padded"
            read = next((r for r in model.reads(readout) if r.layout == layout and not r.attended), None)
            if read is not None:
                message = (
                    f'{model.contract.name} says padding = "{model.contract.padding}", and {readout.slice} falls on '
                    f"padding ({in_words(read)}); {_advice(side, model)}"
                )
                yield ContractViolation("AT004", message, "padding", number)


def _advice(side: str, model: TracedModel) -> str:
    if model.contract.padding == "either":
        return "read by the mask, which is right on either side, or declare the side that the tokenizer pads on"
    return f"pad on the {'left' if side == 'right' else 'right'}, or read by the mask"


_FIRST = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.mix = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 8)
                    self.score = torch.nn.Linear(8, 2)

                def forward(self, input_ids, attention_mask):
                    hidden = self.embed(input_ids)
                    mask = attention_mask[:, None, :].bool()
                    hidden = torch.nn.functional.scaled_dot_product_attention(hidden, hidden, hidden, attn_mask=mask)
                    return self.score(self.mix(hidden)[:, 0])


            CONTRACT = {"padding": "%s"}
            """

RULE = GraphRule(
    code="AT004",
    name="fixed-index-vs-padding",
    seen='With padding on a side that the contract\'s `padding` allows ("left", "right", "either"), the model reads a '
    "pad.",
    unseen="A contract without `padding`: an index alone is not a mistake.",
    wrong={"index 0 under padding on the left": _FIRST % "left", "on either side": _FIRST % "either"},
    right={"index 0 under padding on the right": _FIRST % "right"},
    check=check,
)
