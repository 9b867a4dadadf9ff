"""AT008 in a model: its head holds modules that the adapter does not save."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.contract.graph_rule import GraphRule
from archtrace.contract.traced_model import ContractViolation, TracedModel

#: What PEFT saves of a sequence classifier without being asked.
SAVED = frozenset({"classifier", "score"})


def check(model: TracedModel) -> Iterator[ContractViolation]:
    """Modules between readout and logits, outside of the pretrained model, that no saved module holds."""
    declared = model.contract.modules_to_save
    if declared is None:
        return
    saved = SAVED | {part for name in declared for part in name.split(".")[-1:]}
    missing = [path for path in model.head if not saved & set(path.split("."))]
    if missing:
        tops = ", ".join(f'"{name}"' for name in dict.fromkeys(path.split(".")[0] for path in missing))
        message = (
            f"the adapter of {model.contract.name} does not save all modules between the readout and the logits: "
            f"{', '.join(missing)} will be random after loading; add {tops} to modules_to_save in the PEFT config "
            "and in the contract"
        )
        yield ContractViolation("AT008", message, "modules_to_save")


_HEAD = """
            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed, self.classifier = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)
                    self.dense = torch.nn.Linear(8, 8)

                def forward(self, input_ids):
                    return self.classifier(torch.tanh(self.dense(self.embed(input_ids)[:, -1])))


            CONTRACT = {"modules_to_save": [%s]}
            """

RULE = GraphRule(
    code="AT008",
    name="head-not-saved",
    seen="The contract has `modules_to_save` (an empty list if PEFT's defaults are all), and a module with "
    "parameters between the readout and the logits is neither in it nor part of the pretrained model.",
    unseen="What the adapter really saves: the rule goes by the contract.",
    wrong={"a layer before the classifier": _HEAD % ""},
    right={"all of the head is saved": _HEAD % '"dense"'},
    check=check,
)
