"""AT019: a maximum or an attention over hidden states that includes the pads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import Hidden, only
from archtrace_lint.dataflow.events import Pool, SourceModule
from archtrace_lint.dataflow.filling import FILLS
from archtrace_lint.dataflow.spellings import BACKBONES, NO_TEXT, PARTS, meaning, word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import FunctionNodes, backward_slice, scope_of
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.source.syntax import last_word

#: Functions without (large) negative results, after which a pad of 0 wins over no token.
_NOT_NEGATIVE = re.compile(
    r"\w*(relu|gelu|silu|swish|sigmoid|softplus|softmax|activation)\w*|act\w*|log1p|abs_?|square|pow|exp_?"
)

_TRANSPOSES = word_set("permute transpose swapaxes movedim T mT")

#: Functions that hide positions other than by a product.
_HIDING = FILLS | word_set("where masked_scatter masked_select")

#: Heads that pool by attention; other classes with such names are layers of a model.
_HEADS = re.compile(r"attention_?(pool|head)\w*|\w*pool\w*", re.IGNORECASE)

_SUMS = word_set("mul bmm matmul einsum multiply")


def check(module: SourceModule) -> Iterator[Match]:
    """`hidden.max(1)`, and softmax weights over the tokens, that ignore an available mask."""
    for pool in module.events_of(Pool):
        states = [h for h in only(pool.target, Hidden) if h.kind == "hidden" and not h.several_layers]
        encodings = [h.encoding for h in states if h.encoding]
        # As in AT006: the arguments of a tokenizer count more than a name.
        padded = any(e.padded for e in encodings) if encodings else pool.padded
        if states and padded and not pool.scope.without_mask and not _is_no_text(pool):
            message = _message(pool, scope_of(pool.node, module.tree))
            if message:
                yield Match(pool.node, pool.scope.function, message)


def _is_no_text(pool: Pool) -> bool:
    owner = _HEADS.sub("", pool.scope.owner.name) if pool.scope.owner else ""
    return any(names.search(owner) for names in (NO_TEXT, PARTS))


def _message(pool: Pool, scope: FunctionNodes) -> str | None:
    """The message for a wrong pooling; None if it is right."""
    operands = [n for n in ast.iter_child_nodes(pool.node) if not isinstance(n, ast.keyword)]
    nodes = [n for part in operands for n in backward_slice(part, scope, _is_model)]
    is_transposed = any(last_word(n) in _TRANSPOSES for n in nodes)
    # (batch, tokens, features), or (batch, features, tokens) after a transpose.
    if pool.operation == "max":
        return None if pool.dim not in ((-1, 2) if is_transposed else (1, -2)) else _message_for_maximum(pool, nodes)
    # One score per token: after its last dim of 1 is squeezed, -1 are the tokens.
    squeezed = any(last_word(n) in ("squeeze", "view", "reshape", "flatten") or _selects_column(n) for n in nodes)
    is_over_tokens = pool.dim in (1, -2) or (pool.dim == -1 and squeezed)
    if not is_over_tokens or is_transposed or any(map(_names_mask, nodes)) or not _weights_states(pool.node, scope):
        return None
    return f"`{abbreviated(pool.node, 30)}` gives weight to padding; fill its scores with -inf first"


def _message_for_maximum(pool: Pool, nodes: list[ast.AST]) -> str | None:
    if not any(map(_names_mask, nodes)):
        return f"`{abbreviated(pool.node, 34)}` includes padding; fill it with -inf by the mask first"
    # The pads are 0 after a product, and below any token after a sum: `h + (1 - mask) * -1e4`.
    products = any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult) and _by_mask(n) for n in nodes)
    sums = any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add | ast.Sub) for n in nodes)
    words = (last_word(n) for n in nodes)
    if not products or sums or any(w in _HIDING or _NOT_NEGATIVE.fullmatch(w.lower()) for w in words):
        return None
    return f"in `{abbreviated(pool.node, 34)}` a pad's 0 wins over negatives; fill pads with -inf"


def _by_mask(node: ast.BinOp) -> bool:
    return any(map(_names_mask, ast.walk(node)))


def _is_model(node: ast.AST) -> bool:
    """A call of a model with ids or a mask, whose arguments are no part of the pooling."""
    if not isinstance(node, ast.Call):
        return False
    has_model_inputs = any("mask" in (k.arg or "") or k.arg in ("input_ids", None) for k in node.keywords)
    return has_model_inputs or BACKBONES.fullmatch(last_word(node.func)) is not None


def _names_mask(node: ast.AST) -> bool:
    """A name, an attribute or a key of a mask; or a comparison."""
    word = str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else last_word(node)
    return "mask" in word.lower() or meaning(word) in ("padded", "attended", "pad") or isinstance(node, ast.Compare)


def _selects_column(node: ast.AST) -> bool:
    """`scores[..., 0]`, `scores[:, :, 0]`."""
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and "0" in ast.unparse(node.slice)


def _weights_states(softmax: ast.Call, scope: FunctionNodes) -> bool:
    """The result of the softmax is multiplied with states somewhere."""
    for node in scope.nodes:
        product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult)
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) and product else _factors(node)
        has_softmax = [any(n is softmax for n in backward_slice(side, scope)) for side in sides]
        # `weights * weights` involves no states.
        if any(has_softmax) and not all(has_softmax):
            return True
    return False


def _factors(node: ast.AST) -> list[ast.expr]:
    """The factors of `torch.bmm(w, h)` and of `w.mul(h)`."""
    if not isinstance(node, ast.Call) or last_word(node.func) not in _SUMS:
        return []
    method = isinstance(node.func, ast.Attribute) and last_word(node.func.value) not in ("torch", "F")
    return [*([node.func.value] if method and isinstance(node.func, ast.Attribute) else []), *node.args]


RULE = Rule(
    code="AT019",
    name="pool-over-padding",
    summary="A maximum or attention pooling over hidden states includes pads, or the zeros of pads win over negative "
    "numbers.",
    why="""The hidden states of pads are not zeros. A maximum takes some of its numbers from them, and a softmax
gives them a share of the weights, which grows with the padding. If you multiply by the mask first, they are zeros;
that is fine for a sum but not for a maximum, which takes the 0 wherever all tokens of the text are negative. So the
vector of a text depends on the longest text in its batch.""",
    real=(
        "SeanLee97/AnglE, in two places",
        "Taichicchi1221/feedback-prize-english-language-learning: `MaxPooling` and `MeanMaxConcatPooling`",
    ),
    instead="""```python
pads = attention_mask.unsqueeze(-1) == 0
maximum = hidden.masked_fill(pads, -torch.inf).max(1).values

weights = torch.softmax(scores.masked_fill(pads, -torch.inf), dim=1)
pooled = (weights * hidden).sum(1)
```""",
    unseen="""A head that only gets hidden states and sees no mask; a pooling layer (`nn.AdaptiveMaxPool1d`); a mask
that another function applied under a name that does not say so. The rule reports only if there is a mask or a
padded batch in the same function. It says nothing if the mask is None, in attention layers, and about a product
with the mask after an op that leaves nothing negative (relu, sigmoid, log1p, abs).""",
    valid={
        "filled with minus infinity": """
            import torch


            def pool(last_hidden_state, attention_mask):
                pads = attention_mask.unsqueeze(-1) == 0
                return last_hidden_state.masked_fill(pads, -torch.inf).max(1).values
            """,
        "filled in place": """
            import torch


            def pool(token_embeddings, attention_mask):
                mask = attention_mask.unsqueeze(-1).expand(token_embeddings.size()).float()
                token_embeddings[mask == 0] = -1e9
                return torch.max(token_embeddings, 1)[0]
            """,
        "nothing is negative": """
            import torch


            def lexical(logits, hidden_states, attention_mask):
                weights = torch.log1p(torch.relu(hidden_states)) * attention_mask.unsqueeze(-1)
                return torch.max(weights, dim=1).values
            """,
        "scores of masked tokens": """
            import torch


            def forward(self, input_ids, attention_mask):
                hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
                scores = self.score(hidden).squeeze(-1)
                scores = scores + (1 - attention_mask) * -1e4
                return (torch.softmax(scores, dim=1).unsqueeze(-1) * hidden).sum(1)
            """,
        "probabilities of classes": """
            import torch


            def forward(self, input_ids, attention_mask):
                outputs = self.bert(input_ids, attention_mask=attention_mask)
                logits = self.classifier(outputs.last_hidden_state[:, 0])
                return torch.softmax(logits, dim=1), logits.max(1)
            """,
        "no mask in sight": """
            def pool(hidden_states):
                return hidden_states.max(dim=1).values
            """,
        "over layers, not tokens": """
            import torch


            def forward(self, input_ids, attention_mask):
                layers = self.bert(input_ids, attention_mask=attention_mask).hidden_states
                return torch.stack(layers[-4:]).max(0).values[:, 0]
            """,
    },
    invalid={
        "a maximum": """
            def forward(self, input_ids, attention_mask):
                outputs = self.bert(input_ids, attention_mask=attention_mask)
                return self.classifier(outputs.last_hidden_state.max(dim=1).values)
            """,
        "a maximum of a padded batch": """
            import torch


            def embed(texts, tokenizer, model):
                batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
                hidden = model(**batch).last_hidden_state
                return torch.max(hidden, 1)[0]
            """,
        "a maximum of a product": """
            import torch


            def pool(hidden_states, attention_mask):
                mask = attention_mask.unsqueeze(-1).expand(hidden_states.size())
                return torch.max(hidden_states * mask, dim=1)[0]
            """,
        "an attention head": """
            import torch
            from torch import nn


            class Regressor(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.attention = nn.Sequential(nn.Linear(768, 512), nn.Tanh(), nn.Linear(512, 1), nn.Softmax(dim=1))

                def forward(self, input_ids, attention_mask):
                    hidden = self.roberta(input_ids=input_ids, attention_mask=attention_mask).hidden_states[-1]
                    weights = self.attention(hidden)
                    return self.regressor(torch.sum(weights * hidden, dim=1))
            """,
        "softmax weights from a function": """
            import torch
            import torch.nn.functional as F


            def forward(self, input_ids, attention_mask):
                hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
                scores = self.v(torch.tanh(self.w(hidden))).squeeze(-1)
                weights = F.softmax(scores, dim=-1)
                return torch.bmm(weights.unsqueeze(1), hidden).squeeze(1)
            """,
    },
    check=check,
)
