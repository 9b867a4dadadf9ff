"""AT001: the number of tokens, less one, taken for the index of the last."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.lint.events import Module, Store
from archtrace.lint.rule import Finding, Rule
from archtrace.lint.rules.readouts import read_with, short
from archtrace.lint.rules.right_index import right_index
from archtrace.lint.values import Count, constant


def check(module: Module) -> Iterator[Finding]:
    """A count of tokens less one that reads hidden states, where nobody asked for the side of padding."""
    if right_padding_is_set(module):
        return
    for made, scope, gather in read_with(module, Count):
        if not scope.side_asked:
            yield Finding(
                made,
                scope.function,
                f"`{short(made)}` is the last token only if padded right; find the last non-pad",
                right_index(made, gather, module),
                gather.node,
            )


def right_padding_is_set(module: Module) -> bool:
    """The module itself says that padding is on the right, and nowhere that it is on the left."""
    return {constant(s.value) for s in module.each(Store) if s.name == "padding_side"} == {"right"}


RULE = Rule(
    code="AT001",
    name="pad-count-index",
    summary="The number of tokens, less one, is taken for the index of the last token.",
    why="""With padding on the left the last token stands at the end, whatever their number; the count less one is
somewhere inside the text, or on a pad. Nothing fails: the classifier trains on another token than it was meant to,
and its answers change with the length of the other texts in the batch.""",
    real=(
        "transformers up to 4.31: the sequence classifiers of GPT-2, GPT-J, GPT Neo, LLaMA and others "
        "(huggingface/transformers issue 24265)",
        "BioGPT, up to transformers 5.12.1 (pull request 46782)",
        "adapters 1.3.0: the heads of GPT-2, GPT-J, LLaMA and Mistral",
    ),
    instead="""The position of the last token that is no pad, which is right on either side:

```python
positions = torch.arange(input_ids.shape[-1], device=input_ids.device)
last = (positions * (input_ids != pad_token_id)).argmax(-1)
```

`--fix` writes this. It is held back where the number has another use (a length that is returned, compared or summed),
where it passes through a function that is not known, and where the mask may have another shape. In a row of pads
alone it is 0, the first position, where the old index was -1, the last.""",
    unseen="""A count that another function, another module or the data loader made (`lengths - 1`, where `lengths`
is a parameter); hidden states whose names say nothing and that come from a parameter. The rule is silent where a
function asks for the side of padding before (`attention_mask[:, -1]`, `padding_side`), and where the module sets
`padding_side = "right"` and never the left.""",
    valid={
        "the position of the last token": """
            import torch


            def forward(self, input_ids, logits):
                positions = torch.arange(input_ids.shape[-1], device=logits.device)
                last = (positions * (input_ids != self.config.pad_token_id)).argmax(-1)
                return logits[torch.arange(len(logits)), last]
            """,
        "a shift of labels reads ids, not hidden states": """
            def shift_tokens_right(input_ids, pad_token_id):
                last = (input_ids.ne(pad_token_id).sum(dim=1) - 1).unsqueeze(-1)
                return input_ids.gather(1, last)
            """,
        "both sides of padding have their branch": """
            import torch


            def last_token_pool(last_hidden_states, attention_mask):
                left_padding = attention_mask[:, -1].sum() == attention_mask.shape[0]
                if left_padding:
                    return last_hidden_states[:, -1]
                lengths = attention_mask.sum(dim=1) - 1
                return last_hidden_states[torch.arange(len(lengths)), lengths]
            """,
        "a length that cuts a slice": """
            def trimmed(hidden_states, attention_mask):
                return hidden_states[:, : attention_mask.sum(1).max() - 1]
            """,
        "the module pads on the right": """
            tokenizer.padding_side = "right"


            def last(hidden_states, attention_mask):
                return hidden_states[range(8), attention_mask.sum(1) - 1]
            """,
    },
    invalid={
        "function spelling, a subscript": """
            import torch


            def forward(self, input_ids, logits):
                if self.config.pad_token_id is None:
                    sequence_lengths = -1
                else:
                    sequence_lengths = (torch.ne(input_ids, self.config.pad_token_id).sum(-1) - 1).to(logits.device)
                return logits[torch.arange(len(logits)), sequence_lengths]
            """,
        "method spelling, a gather": """
            def pool(hidden_states, attention_mask):
                last = attention_mask.long().sum(dim=1, keepdim=True) - 1
                index = last.unsqueeze(-1).expand(-1, -1, hidden_states.size(-1))
                return hidden_states.gather(1, index).squeeze(1)
            """,
        "through a helper of the module": """
            import torch


            def last_index(mask):
                return torch.clamp(mask.sum(1) - 1, min=0)


            class Reward(torch.nn.Module):
                def forward(self, input_ids, attention_mask):
                    outputs = self.model(input_ids, attention_mask=attention_mask)
                    values = self.value_head(outputs[0])
                    return values[torch.arange(len(input_ids)), last_index(attention_mask)]
            """,
        "row by row": """
            import torch


            def pool(hidden_states, attention_mask):
                return torch.stack([h[m.sum() - 1] for h, m in zip(hidden_states, attention_mask)])
            """,
    },
    check=check,
    fixes=True,
)
