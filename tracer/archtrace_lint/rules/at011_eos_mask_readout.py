"""AT011: the hidden states at eos are gathered by a boolean mask and reshaped into rows."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import EosRows, only
from archtrace_lint.dataflow.events import Gather, SourceModule
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.readouts import abbreviated


def check(module: SourceModule) -> Iterator[Match]:
    """`hidden[eos_mask].view(batch, -1, size)[:, -1]`."""
    for gather in module.events_of(Gather):
        for rows in only(gather.target, EosRows):
            # Reshaped and read at one position per row, the rows must have had equal numbers of eos.
            if gather.fixed is not None:
                yield Match(
                    rows.gather,
                    gather.scope.function,
                    f"`{abbreviated(rows.gather)}` mixes rows whose eos counts differ; find each row's last eos",
                )


RULE = Rule(
    code="AT011",
    name="eos-mask-readout",
    summary="A boolean mask selects the eos tokens, and `.view(batch, -1, size)[:, -1]` puts them back into rows.",
    why="""Selecting by a boolean mask loses which row a token came from. Putting the tokens back into rows is right
only if each row has the same number of eos tokens. Otherwise it raises, or, if the numbers happen to divide, a row
reads another row's token. Some code raises a `ValueError` for unequal numbers; then nothing goes wrong silently,
but batches of packed or truncated texts still fail.""",
    real=(
        "pytorch/PiPPy issue 308",
        "adapter-hub/adapters issue 563",
        "The sequence classifiers of BART, mBART, T5 and others in transformers",
    ),
    instead="""```python
positions = torch.arange(input_ids.shape[-1], device=input_ids.device)
last_eos = (positions * (input_ids == eos_token_id)).argmax(-1)
sentence = hidden[torch.arange(len(hidden), device=hidden.device), last_eos]
```""",
    unseen="An eos mask that comes in as a parameter under another name; a `reshape` in a function of another module.",
    valid={
        "the last eos of each row": """
            import torch


            def forward(self, input_ids, hidden_states):
                at = torch.arange(input_ids.shape[-1]) * (input_ids == self.config.eos_token_id)
                return hidden_states[torch.arange(len(hidden_states)), at.argmax(-1)]
            """,
        "the mask only counts": """
            def counted(self, input_ids, hidden_states):
                eos_mask = input_ids.eq(self.config.eos_token_id)
                return hidden_states.view(len(input_ids), -1)[:, -1], eos_mask.sum(1)
            """,
    },
    invalid={
        "as in BART": """
            def forward(self, input_ids, outputs):
                hidden_states = outputs[0]
                eos_mask = input_ids.eq(self.config.eos_token_id).to(hidden_states.device)
                sentence = hidden_states[eos_mask, :].view(hidden_states.size(0), -1, hidden_states.size(-1))[:, -1, :]
                return self.classification_head(sentence)
            """,
        "in several steps": """
            def forward(self, input_ids, hidden_states):
                rows = hidden_states[input_ids == self.eos_token_id]
                rows = rows.reshape(len(input_ids), -1, hidden_states.shape[-1])
                return rows[:, -1]
            """,
    },
    check=check,
)
