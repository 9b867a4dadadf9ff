"""AT020: the text is masked out, and the padding is kept."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow import events
from archtrace_lint.dataflow.abstract_values import AbstractValues, Hidden, Tokens, only
from archtrace_lint.dataflow.events import Called, Fill, SourceModule
from archtrace_lint.dataflow.filling import is_low
from archtrace_lint.dataflow.operations import OPERATIONS
from archtrace_lint.dataflow.spellings import NO_TEXT, PARTS, word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import FunctionNodes, backward_slice, scope_of
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.source.syntax import last_word

#: Keywords whose mask is true at the positions to ignore (torch 2.13, nn/modules/activation.py and transformer.py).
IGNORED = word_set("key_padding_mask src_key_padding_mask")


def check(module: SourceModule) -> Iterator[Match]:
    """Minus infinity where the attention mask is 1; an attention mask where torch expects one of the pads."""
    for fill in module.events_of(Fill):
        if _is_true_at_tokens(fill.mask) and _is_low(fill.value, fill, module) and _is_certain(fill, module):
            message = f"`{abbreviated(fill.node, 30)}` is true at tokens, and fills those; fill where it is 0"
            yield Match(fill.node, fill.scope.function, message)
    for call in module.events_of(Called):
        for key, values in call.keywords:
            if key in IGNORED and _is_true_at_tokens(values):
                node = next(k.value for k in call.node.keywords if k.arg == key)
                if any(t.sure for t in only(values, Tokens)) or _goes_to_model(node, scope_of(node, module.tree)):
                    message = f"`{key}` is true at what is ignored; give it `{abbreviated(node, 22)} == 0`"
                    yield Match(node, call.scope.function, message)


def _is_true_at_tokens(mask: AbstractValues) -> bool:
    """A mask that is 1 at tokens, on every path."""
    masks = only(mask, Tokens)
    # On one of two paths the mask may have been inverted.
    return bool(masks) and len(masks) == len(mask) and all(m.attended for m in masks)


def _is_low(value: ast.expr, fill: Fill, module: SourceModule) -> bool:
    """Minus infinity, or a name for it."""
    if is_low(value) or not isinstance(value, ast.Name):
        return is_low(value)
    scope = scope_of(fill.node, module.tree)
    return any(bound is not None and is_low(bound) for bound in scope.assigned(value.id))


def _is_certain(fill: Fill, module: SourceModule) -> bool:
    """The direction of the mask is certain: it comes from a tokenizer, a model takes it, or it masks states as it is.

    Hand-written attention has masks of either direction under the same names, so there the name is not enough.
    """
    if any(t.sure for t in only(fill.mask, Tokens)):
        return True
    scope = scope_of(fill.node, module.tree)
    if _goes_to_model(fill.node, scope):
        return True
    states = [h for h in only(fill.target, Hidden) if h.kind == "hidden"]
    return bool(states) and not _is_attention(fill.scope) and _is_uncomputed(fill.node, scope)


def _is_attention(scope: events.Scope) -> bool:
    """The class is a layer inside a model, and does not pool its states."""
    owner = scope.owner.name if scope.owner else ""
    return any(names.search(owner) for names in (NO_TEXT, PARTS)) and "Pool" not in owner


def _goes_to_model(mask: ast.expr, scope: FunctionNodes) -> bool:
    """A model takes the same name, or one that the mask was made of, as its attention mask."""
    # The attention mask of transformers is 1 at tokens, whatever its name is.
    names = {n.id for n in backward_slice(mask, scope) if isinstance(n, ast.Name)}
    attention_masks = (n.value for n in scope.nodes if isinstance(n, ast.keyword) and n.arg == "attention_mask")
    return any(isinstance(value, ast.Name) and value.id in names for value in attention_masks)


def _is_uncomputed(mask: ast.expr, scope: FunctionNodes) -> bool:
    """No unknown function, which may have inverted it, was involved in making the mask."""
    return all(last_word(n.func) in OPERATIONS for n in backward_slice(mask, scope) if isinstance(n, ast.Call))


RULE = Rule(
    code="AT020",
    name="inverted-mask",
    summary="A mask that is 1 at tokens is used where 1 means to ignore: the padding stays, and the text is dropped.",
    why="""`masked_fill` fills where its mask is true, and an attention mask is true at tokens. So every vector of
the text becomes minus infinity, and the maximum or softmax is over the padding. Likewise, the `key_padding_mask` of
`torch.nn.MultiheadAttention` is true at what to ignore, the opposite of an attention mask. In a batch without
padding you get infinities or NaN and notice; in a padded batch you get numbers that look normal.""",
    real=("EVA-CLIP: `MaxPooler`",),
    instead="""```python
kept = hidden.masked_fill(attention_mask.unsqueeze(-1) == 0, -torch.inf)
pooled = kept.max(1).values

self.attention(x, x, x, key_padding_mask=attention_mask == 0)
```""",
    unseen="""A mask whose name does not say what it contains, and that comes neither from a tokenizer nor from a
comparison with the pad id. In hand-written attention, both kinds of mask have the same names; there the rule
reports only if it sees how the mask is made, or that it goes to a transformers model. Assignments (`h[mask] =
-inf`) are not followed.""",
    valid={
        "where the mask is 0": """
            def pool(last_hidden_state, attention_mask):
                return last_hidden_state.masked_fill(attention_mask.unsqueeze(-1) == 0, -1e9).max(1).values
            """,
        "inverted first": """
            import torch


            def pool(last_hidden_state, attention_mask):
                pads = ~attention_mask.bool()
                return torch.where(pads[..., None], float("-inf"), last_hidden_state).amax(1)
            """,
        "a padding mask": """
            def pool(hidden_states, padding_mask):
                return hidden_states.masked_fill(padding_mask[..., None], -1e4).max(dim=1)[0]
            """,
        "scores of hand-written attention": """
            import torch


            class SelfAttention(torch.nn.Module):
                def forward(self, query, key, attention_mask):
                    scores = query @ key.transpose(-1, -2)
                    return torch.softmax(scores.masked_fill(attention_mask, -1e9), dim=-1)
            """,
        "the padding mask of torch's attention": """
            def forward(self, input_ids, attention_mask):
                hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
                pads = attention_mask == 0
                return self.attention(hidden, hidden, hidden, key_padding_mask=pads)[0][:, 0]
            """,
        "labels": """
            def labels_of(input_ids, pad_token_id):
                return input_ids.masked_fill(input_ids == pad_token_id, -100)
            """,
    },
    invalid={
        "a maximum over the padding": """
            import torch


            class MaxPooling(torch.nn.Module):
                def forward(self, outputs, attention_mask):
                    kept = outputs.last_hidden_state.masked_fill(attention_mask[:, :, None].bool(), -torch.inf)
                    return kept.amax(1)
            """,
        "attention weights with the tokenizer's mask": """
            import torch


            def embed(texts, tokenizer, model, scorer):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                hidden = model(**batch).last_hidden_state
                scores = scorer(hidden).squeeze(-1).masked_fill(batch["attention_mask"].bool(), float("-inf"))
                return (torch.softmax(scores, -1).unsqueeze(-1) * hidden).sum(1)
            """,
        "a mask made from ids": """
            import torch


            def pool(self, input_ids, scores):
                low = torch.finfo(scores.dtype).min
                return torch.where(input_ids != self.pad_token_id, low, scores).softmax(-1)
            """,
        "the mask that the encoder gets": """
            def forward(self, input_ids, mask):
                hidden = self.bert(input_ids, attention_mask=mask)[0]
                attention_mask = mask.bool()
                return self.attention(hidden, hidden, hidden, key_padding_mask=attention_mask)[0].mean(1)
            """,
        "a torch layer": """
            import torch


            def forward(self, batch):
                hidden = self.embed(batch["input_ids"])
                return self.encoder(hidden, src_key_padding_mask=batch["attention_mask"].to(torch.bool))[:, 0]
            """,
    },
    check=check,
)
