"""AT002: the token before the first pad id, taken for the last."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import FirstPad, constant, only
from archtrace_lint.dataflow.events import AttributeStore, Gather, SourceModule
from archtrace_lint.dataflow.spellings import meaning
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.at001_pad_count_index import right_padding_is_set
from archtrace_lint.rules.readouts import abbreviated, index_reads
from archtrace_lint.rules.right_index import right_index
from archtrace_lint.source.syntax import last_word


def check(module: SourceModule) -> Iterator[Match]:
    """The first pad minus 1 as an index of hidden states, where nothing in the module makes it right.

    Padding on the right makes an index by the mask right. An index by the ids is right if no text contains the pad id,
    as it does where pad is eos: with pads on the left, or with none, the index is -1, the last token.
    """
    for index, scope, gather in index_reads(module, FirstPad):
        by_id = any(i.by_id for i in only(gather.index, FirstPad) if i.index_expression is index)
        # Where pad is eos, the first pad id may be an eos inside the text, on whichever side the padding stands: the
        # side fixes an index by the mask alone.
        if _has_own_pad(module, gather) if by_id else scope.side_checked or right_padding_is_set(module, gather):
            continue
        yield Match(
            index,
            scope.function,
            f"`{abbreviated(index)}` is the token before the first pad{' id' if by_id else ''}; find the last non-pad",
            right_index(index, gather, module),
            gather.node,
        )


def _has_own_pad(module: SourceModule, gather: Gather) -> bool:
    """The module sets the pad token, or the class its pad id, to a literal, which then is no token of a text."""
    has_literal_pad_token = any(
        s.name == "pad_token" and isinstance(constant(s.value), str) for s in module.events_of(AttributeStore)
    )
    return has_literal_pad_token or any(map(_writes_pad_id, ast.walk(gather.scope.owner) if gather.scope.owner else ()))


def _writes_pad_id(node: ast.AST) -> bool:
    """`self.PAD_ID = 0`."""
    if not isinstance(node, ast.Assign) or meaning(last_word(node.targets[0])) != "pad":
        return False
    # `self.PAD_ID = tokenizer.pad_token_id` may be eos still; a number was chosen.
    return isinstance(node.value, ast.Constant) and type(node.value.value) is int


RULE = Rule(
    code="AT002",
    name="first-pad-argmax",
    summary="The token before the first pad id is taken for the last token.",
    why="""`argmax` finds the first pad id. With padding on the left that is position 0, so the index becomes -1,
which is right by luck; if some rows have less padding, it is wrong by the number of pads. And if the pad token also
occurs in the text (pad = eos is common), the index stops at the first one, inside the text.""",
    real=(
        "transformers 4.32 to 4.48: the sequence classifiers of LLaMA, Mistral, GPT-2 and others "
        "(huggingface/transformers issue 35352)",
        "TRL 1.16.0: `get_reward`, through its helper `first_true_indices`",
    ),
    instead="""Find the position of the last token that is not a pad. This also works in a row without pads:

```python
positions = torch.arange(input_ids.shape[-1], device=input_ids.device)
last = (positions * (input_ids != pad_token_id)).argmax(-1)
```

`--fix` writes this, unless the number has another use (it is returned, compared or summed as a length), passes through
an unknown function, or comes from a mask that may have another shape. In a row that consists only of pads, the new
index is 0, the first position; the old one was -1, the last.

If the pad token is eos, only the attention mask knows which eos are padding:
`(positions * attention_mask).argmax(-1)`.""",
    unseen="""Code that looks for the first pad in another module, or in a loop over the ids. `(ids ==
eos_token_id).argmax(-1)`, which looks for the first eos, is not reported: an encoder whose texts have an eos may
read it.""",
    valid={
        "the pad id never occurs inside a text": """
            import torch


            class Scorer(torch.nn.Module):
                def __init__(self, model):
                    super().__init__()
                    self.model, self.head = model, torch.nn.Linear(8, 1)
                    self.PAD_ID = 0

                def forward(self, input_ids):
                    rewards = self.head(self.model(input_ids)[0]).squeeze(-1)
                    scores = []
                    for number, row in enumerate(input_ids):
                        pads = (row == self.PAD_ID).nonzero()
                        end = pads[0].item() if len(pads) > 0 else len(row)
                        scores.append(rewards[number, end - 1])
                    return torch.stack(scores)
            """,
        "the first eos is what is wanted": """
            import torch


            def forward(self, input_ids, last_hidden_state):
                first = (input_ids == self.eos_token_id).int().argmax(dim=-1)
                return last_hidden_state[torch.arange(len(first)), first]
            """,
        "the first position where the mask is 1": """
            def first(hidden_states, attention_mask):
                index = attention_mask.to(torch.int).argmax(dim=1)
                return hidden_states[range(len(index)), index]
            """,
        "cutting a list of ids at the first pad": """
            def trimmed(input_ids, pad_token_id):
                first = input_ids.eq(pad_token_id).int().argmax(-1) - 1
                return input_ids[:, first]
            """,
        "the last position of a token": """
            import torch


            def last(hidden_states, attention_mask):
                return torch.stack([h[m.nonzero()[-1]] for h, m in zip(hidden_states, attention_mask)])
            """,
        "the mask, flipped": """
            def last(hidden_states, attention_mask):
                n = attention_mask.shape[1]
                index = n - 1 - attention_mask.flip(1).argmax(1)
                return hidden_states[range(len(index)), index]
            """,
        "the first zero in the mask, after checking the side": """
            def last(self, hidden_states, attention_mask):
                if self.tokenizer.padding_side == "left":
                    return hidden_states[:, -1]
                index = attention_mask.argmin(dim=1) - 1
                return hidden_states[range(len(index)), index]
            """,
        "a pad token that is added, so that no text contains it": """
            import torch


            def last(self, input_ids, logits):
                self.tokenizer.add_special_tokens({"pad_token": "<pad>"})
                if self.tokenizer.padding_side == "left":
                    return logits[:, -1]
                ends = input_ids.eq(self.tokenizer.pad_token_id).int().argmax(-1) - 1
                return logits[torch.arange(len(logits)), ends]
            """,
    },
    invalid={
        "with `% n`": """
            import torch


            def forward(self, input_ids, logits):
                sequence_lengths = torch.eq(input_ids, self.config.pad_token_id).int().argmax(-1) - 1
                sequence_lengths = sequence_lengths % input_ids.shape[-1]
                sequence_lengths = sequence_lengths.to(logits.device)
                return logits[torch.arange(len(logits)), sequence_lengths]
            """,
        "the first zero in the mask": """
            def pool(hidden_states, attention_mask):
                last = attention_mask.argmin(dim=1) - 1
                return hidden_states[range(len(last)), last]
            """,
        "the first pad of each row, in a loop": """
            import torch


            def end_scores(self, input_ids, attention_mask):
                rewards = self.v_head(self.transformer(input_ids, attention_mask=attention_mask)[0]).squeeze(-1)
                scores = []
                for i in range(len(input_ids)):
                    pads = (input_ids[i] == self.PAD_ID).nonzero()
                    end = pads[0].item() if len(pads) > 0 else input_ids.shape[1]
                    scores.append(rewards[i, end - 1])
                return torch.stack(scores)
            """,
        "in a helper of the module": """
            import torch


            def first_true(bools):
                n = bools.size(-1)
                found = n * (~bools).long() + torch.arange(n, device=bools.device)
                return torch.min(found, dim=-1).values


            def get_reward(model, responses, pad_token_id, start):
                output = model(input_ids=responses, attention_mask=responses != pad_token_id)
                rewards = model.score(output.last_hidden_state)
                lengths = first_true(responses[:, start:] == pad_token_id) - 1 + start
                return rewards[torch.arange(rewards.size(0)), lengths]
            """,
        "setting the padding side is not enough": """
            import torch


            def forward(self, base, input_ids, padding_side="right", **kwargs):
                logits = self.score(base(input_ids=input_ids, **kwargs)["last_hidden_state"])
                if padding_side == "left":
                    return logits[:, -1]
                ends = (input_ids == self.config.pad_token_id).int().argmax(-1) - 1
                return logits[torch.arange(len(logits)), ends % input_ids.shape[-1]]
            """,
        "the first pad after those on the left": """
            import torch


            def end_scores(self, input_ids):
                rewards = self.v_head(self.transformer(input_ids)[0]).squeeze(-1)
                scores = []
                for number, ids in enumerate(input_ids):
                    pads = (ids == self.PAD_ID).nonzero()
                    end = pads[self.leading].item() if len(pads) > self.leading else len(ids)
                    scores.append(rewards[number][end - 1])
                return torch.stack(scores)
            """,
    },
    check=check,
    fixes=True,
)
