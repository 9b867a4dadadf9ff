"""AT018: the position of the first pad as an index: a row without a pad reads its first token."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import FirstPad, Hidden, has, only
from archtrace_lint.dataflow.events import Gather, SourceModule
from archtrace_lint.dataflow.spellings import meaning, word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import backward_slice, scope_of
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.source.syntax import last_word

#: Functions that check each row for a pad, or append one.
_PAD_CHECKS = word_set("any pad where")

#: Functions that count the pads.
_COUNTS = word_set("sum count_nonzero")


#: Meanings of names (see spellings.NAMES) that concern padding.
_PADDING_MEANINGS = word_set("pad padded attended")


def check(module: SourceModule) -> Iterator[Match]:
    """`argmax(ids == pad)`, without a subtraction, as an index of hidden states or logits."""
    for gather in module.events_of(Gather):
        # The first pad minus 1 is AT002's: there, a row without a pad reads position -1, its last.
        searches = {i.search for i in only(gather.index, FirstPad) if i.search and not i.index_expression}
        for search in searches if has(gather.target, Hidden) else ():
            if not _handles_rows_without_pad(search, gather, module):
                message = f"`{abbreviated(search, 32)}` is 0 in a row without a pad; take the last token there"
                yield Match(search, gather.scope.function, message)


def _handles_rows_without_pad(search: ast.expr, gather: Gather, module: SourceModule) -> bool:
    """The function checks whether a row has a pad, corrects the index if it has none, or appends a pad to each."""
    scope = scope_of(gather.node, module.tree)
    indices = {n.id for n in backward_slice(gather.node, scope, lambda n: n is search) if isinstance(n, ast.Name)}
    checked = any(_checks_for_pad(n) or _corrects_index(n, indices) for n in scope.nodes)
    return checked or any(map(_appends_column, backward_slice(search, scope)))


def _checks_for_pad(node: ast.AST) -> bool:
    """`(ids == pad).any(1)`, `(ids == pad).sum(1)`, `if pad in row`."""
    if isinstance(node, ast.Compare):
        left = last_word(node.left)
        # `if pad_id in row` checks that row.
        return isinstance(node.ops[0], ast.In | ast.NotIn) and meaning(left) in ("pad", "eos")
    if not isinstance(node, ast.Call):
        return False
    meanings = (meaning(last_word(n)) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute))
    return last_word(node.func) in _PAD_CHECKS or (
        last_word(node.func) in _COUNTS and not _PADDING_MEANINGS.isdisjoint(meanings)
    )


def _corrects_index(node: ast.AST, names: set[str]) -> bool:
    """`ends[ends == 0] = n`, and `ends == 0` in a condition."""
    if isinstance(node, ast.Compare):
        return last_word(node.left) in names and isinstance(node.comparators[0], ast.Constant)
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
    )


def _appends_column(node: ast.AST) -> bool:
    """A column of pads is appended to the ids."""
    return isinstance(node, ast.Call) and last_word(node.func) in ("cat", "concat", "concatenate", "hstack")


RULE = Rule(
    code="AT018",
    name="first-pad-itself",
    summary="The position of the first pad is used as an index: in a row without padding, the first token is read.",
    why="""If nothing is true, `argmax` is 0. The longest row of each batch has no pad, nor does a text that was cut
to the maximum length. Their score is that of the first token, which in a decoder has seen nothing else of the text.
With one text per batch, it is always that token.""",
    real=(
        "Dahoas/reward-modeling: `reward_models.py`, and its forks",
        "GanjinZero/RRHF: `scoring_responses.py` looks for eos in the same way",
    ),
    instead="""Find the position of the last token that is not a pad. Every row has one:

```python
positions = torch.arange(input_ids.shape[-1], device=input_ids.device)
last = (positions * (input_ids != pad_token_id)).argmax(-1)
```

If you want the first pad itself, because it marks the end of the text, append one to every row.""",
    unseen="""A search for eos, since an encoder whose tokenizer always adds one may well read it. An index that
goes through another module. The rule says nothing if the function checks whether a row has a pad (`.any(`, `in`),
changes the index where it is 0, or adds a column to the ids.""",
    valid={
        "the last token": """
            import torch


            def forward(self, input_ids, logits):
                positions = torch.arange(input_ids.shape[-1])
                last = (positions * (input_ids != self.pad_token_id)).argmax(-1)
                return logits[torch.arange(len(logits)), last]
            """,
        "the code checks for rows without a pad": """
            import torch


            def forward(self, input_ids, rewards):
                pads = input_ids == self.pad_id
                ends = torch.where(pads.any(1), pads.int().argmax(1), input_ids.shape[1] - 1)
                return rewards.gather(1, ends.unsqueeze(1))
            """,
        "corrected where it is 0": """
            def last(hidden_states, input_ids, pad_token_id):
                ends = (input_ids == pad_token_id).int().argmax(-1)
                ends[ends == 0] = input_ids.shape[1] - 1
                return hidden_states[range(len(ends)), ends]
            """,
        "used as the end of a slice": """
            def text_of(hidden_states, attention_mask):
                return [h[: m.argmin()] for h, m in zip(hidden_states, attention_mask)]
            """,
        "each row gets a pad": """
            import torch


            def forward(self, input_ids):
                input_ids = torch.cat([input_ids, torch.full_like(input_ids[:, :1], self.pad_id)], dim=1)
                values = self.v_head(self.transformer(input_ids)[0]).squeeze(-1)
                first = (input_ids == self.pad_id).float().argmax(1)
                return values[torch.arange(len(first)), first]
            """,
        "eos, which every text has": """
            import torch


            def forward(self, input_ids, last_hidden_state):
                eos = (input_ids == self.eos_token_id).int().argmax(-1)
                return last_hidden_state[torch.arange(len(eos)), eos]
            """,
    },
    invalid={
        "the reward at the first pad": """
            import torch


            def forward(self, input_ids, attention_mask):
                states = self.transformer(input_ids, attention_mask=attention_mask)[0]
                rewards = self.v_head(states).squeeze(-1)
                first = (input_ids == self.PAD_ID).type(torch.float32).argmax(dim=1, keepdim=True)
                return rewards.gather(1, first).squeeze(-1)
            """,
        "the first zero in the mask": """
            def end_states(hidden_states, attention_mask):
                ends = attention_mask.argmin(dim=-1)
                return hidden_states[range(len(ends)), ends]
            """,
        "the indices of `max`": """
            import torch


            def end_logits(logits, input_ids, pad_token_id):
                _, ends = torch.max((input_ids == pad_token_id).int(), dim=1)
                return logits[torch.arange(logits.shape[0]), ends]
            """,
        "one minus the mask": """
            import torch


            def pool(last_hidden_state, attention_mask):
                index = torch.argmax(1 - attention_mask, dim=1).view(-1, 1, 1)
                return torch.gather(last_hidden_state, 1, index.expand(-1, 1, last_hidden_state.size(-1)))
            """,
    },
    check=check,
)
