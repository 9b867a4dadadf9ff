"""AT006: a mean over hidden states that takes the pads in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace.lint.events import Divide, Mean, Module
from archtrace.lint.facts import NO_TEXT, PARTS
from archtrace.lint.models import last_word
from archtrace.lint.rule import Finding, Rule
from archtrace.lint.rules.readouts import short
from archtrace.lint.rules.uses import cast, followers, scope_of
from archtrace.lint.values import Count, Hidden, MaskedSum, only
from archtrace.lint.words import words

#: An attention mask says that there is a text; it is no attention. Several layers' states are no layer.
_OF_TEXT = re.compile(r"\w*mask\w*|\b\w*layers\b")


def check(module: Module) -> Iterator[Finding]:
    """A mean without the mask that is at hand, and a masked mean that is divided by the tokens of the whole batch."""
    yield from _means(module)
    yield from _divisors(module)


def _means(module: Module) -> Iterator[Finding]:
    for mean in module.each(Mean):
        unmasked = [h for h in only(mean.target, Hidden) if not (h.masked or h.several) and _counts(h)]
        encodings = [h.encoding for h in unmasked if h.encoding]
        padded = any(e.padded for e in encodings) if encodings else mean.padded
        silent = mean.scope.without_mask or _no_text(mean, sure=any(h.sure for h in unmasked))
        rows = any(h.axis == 0 for h in unmasked)  # the batch is no longer first: `squeeze(0)` then takes no row
        if unmasked and padded and not silent and (rows or not _one_row(mean.node, module)):
            yield Finding(
                mean.node,
                mean.scope.function,
                f"`{short(mean.node)}` counts padding in; weight the mean by the attention mask",
            )


def _counts(hidden: Hidden) -> bool:
    """Hidden states; numbers a token where a model in sight made them."""
    return hidden.what == "hidden" or (hidden.what == "scores" and hidden.sure)


def _one_row(node: ast.AST, module: Module) -> bool:
    """Of the result the first row alone is used, so the batch is one text, and has no pads."""
    return any(_first_row(*pair) for pair in followers(node, scope_of(node, module.tree)))


def _first_row(node: ast.AST, above: ast.AST) -> bool:
    """`x[0]`, or `x.squeeze(0)`, of a mean x."""
    if isinstance(above, ast.Subscript):
        return isinstance(above.slice, ast.Constant) and above.slice.value == 0 and cast(above.value) is node
    if not isinstance(above, ast.Call) or not isinstance(above.func, ast.Attribute) or above.func.attr != "squeeze":
        return False
    return [ast.unparse(a) for a in above.args] in ([], ["0"]) and cast(above.func.value) is node


#: What takes the length out of a vector: a factor before it makes no difference.
_SCALES = words("normalize cosine_similarity cos_sim pairwise_cos_sim pytorch_cos_sim layer_norm l2_normalize")


def _rescaled(node: ast.AST, module: Module) -> bool:
    """The vector is made as long as 1 later, here or where the function is called."""
    tree = module.tree
    for _, above in followers(node, scope_of(node, tree)):
        if _rescales(above):
            return True
        if isinstance(above, ast.Return):
            name = next((f.name for f in ast.walk(tree) if isinstance(f, _FUNCTIONS) and _within(above, f)), "")
            calls = [c for c in ast.walk(tree) if isinstance(c, ast.Call) and last_word(c.func) == name]
            if any(_rescales(n) for c in calls for _, n in followers(c, scope_of(c, tree))):
                return True
    return False


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _within(node: ast.stmt, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(n is node for n in ast.walk(function))


def _rescales(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return last_word(node.func) in _SCALES
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and "norm" in ast.unparse(node.right)


def _no_text(mean: Mean, *, sure: bool) -> bool:
    """The class or the tensor is named after what is no text; or, where it is not sure what it is, after a layer."""
    owner = mean.scope.owner.name if mean.scope.owner else ""
    names = f"{owner} {_OF_TEXT.sub('', ast.unparse(mean.node))}"
    return bool(NO_TEXT.search(names) or (not sure and PARTS.search(names)))


def _divisors(module: Module) -> Iterator[Finding]:
    for divide in module.each(Divide):
        padded = all(m.encoding is None or m.encoding.padded for m in only(divide.above, MaskedSum))
        whole = any(c.whole for c in only(divide.below, Count))
        if padded and whole and not _rescaled(divide.node, module):
            below = divide.node.right if isinstance(divide.node, ast.BinOp) else divide.node
            yield Finding(
                divide.node,
                divide.scope.function,
                f"`{short(below)}` counts the whole batch's tokens; use `.sum(-1, keepdim=True)`",
            )


RULE = Rule(
    code="AT006",
    name="unmasked-mean",
    summary="A mean over hidden states that takes the pads in, or divides by the tokens of the whole batch.",
    why="""`hidden.mean(1)` divides by the padded length and adds the vectors of pads, which are not zero. The
vector of a text then depends on the longest text of its batch.""",
    real=(
        "LightRAG pull request 3675: embeddings of short texts",
        "SeanLee97/AnglE pull request 102",
        "ModernBERT's mean pooling in transformers 5.x, when no mask is passed",
    ),
    instead="""```python
mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
```""",
    unseen="""Hidden states of another layout, whose tokens are not dim 1 (a transpose before the mean, a pooling
layer); a mask that another function applied; a sum of unmasked states that is divided by the right number; a mean of
masked states, which divides by the padded length; logits of which only the name is in sight; a batch of one text,
which has no pads. The rule wants a mask, or a batch that is padded (`padding=True`), in the same function, and is
silent where the mask is None, in a mean over a slice of the tokens, and where the name of the class or the tensor
says that these are no tokens of a text (image, patch, audio, attention ...).""",
    valid={
        "masked": """
            def pool(last_hidden_state, attention_mask):
                mask = attention_mask.unsqueeze(-1).float()
                return (last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            """,
        "there is no mask": """
            def pool(self, hidden_states, attention_mask=None):
                if attention_mask is None:
                    return hidden_states.mean(dim=1)
                mask = attention_mask.unsqueeze(-1)
                return (hidden_states * mask).sum(1) / mask.sum(1)
            """,
        "images have no pads": """
            def pool(self, pixel_values):
                last_hidden_state = self.encoder(pixel_values)[0]
                return last_hidden_state.mean(dim=1)
            """,
        "the mask summed in each row": """
            import torch


            def pooled(outputs, inputs):
                mask = inputs["attention_mask"]
                return torch.sum(outputs * mask[:, :, None], dim=1) / torch.sum(mask, dim=1, keepdim=True)
            """,
        "a maximum by einops": """
            import einops


            def pool(last_hidden_state, attention_mask):
                kept = last_hidden_state.masked_fill(attention_mask[..., None] == 0, -1e9)
                return einops.reduce(kept, "b s d -> b d", "max")
            """,
        "a mean over layers": """
            import torch


            def pool(model, input_ids, attention_mask):
                outputs = model(input_ids, attention_mask=attention_mask, output_hidden_states=True)
                hidden_states = torch.stack(outputs.hidden_states[-4:], dim=1)
                return hidden_states.mean(dim=1)
            """,
        "a mean over several heads": """
            import torch


            def forward(self, input_ids, attention_mask):
                first = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state[:, 0]
                logits = torch.stack([self.classifier(self.dropout(first)) for _ in range(5)], dim=1)
                return logits.mean(dim=1)
            """,
        "one text": """
            def embed(text, tokenizer, model):
                batch = tokenizer(text, return_tensors="pt")
                hidden = model(**batch).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1)
                return (hidden * mask).sum(1) / mask.sum()
            """,
        "numbers, not vectors": """
            def share(logits, rewards, attention_mask):
                return (rewards * attention_mask).sum(1) / attention_mask.sum()
            """,
        "pads are left out before": """
            def pool(hidden_states, attention_mask):
                hidden_states = hidden_states.masked_fill(~attention_mask[..., None].bool(), 0.0)
                return hidden_states.mean(1) * attention_mask.shape[1] / attention_mask.sum(1, keepdim=True)
            """,
        "one row is used of the result": """
            def vector(sent, tokenizer, model):
                inputs = tokenizer(sent, return_tensors="pt", padding=True, max_length=64)
                layers = model(**inputs, output_hidden_states=True).hidden_states
                return layers[-1].mean(dim=1).cpu().numpy()[0]
            """,
        "a factor that a normalisation takes out": """
            import torch.nn.functional as F


            def pool(last_hidden_state, attention_mask):
                mask = attention_mask.unsqueeze(-1)
                return (last_hidden_state * mask).sum(1) / mask.sum()


            def embed(model, batch):
                return F.normalize(pool(model(**batch).last_hidden_state, batch["attention_mask"]), dim=-1)
            """,
        "and one by hand": """
            def embed(model, batch):
                mask = batch["attention_mask"].unsqueeze(-1)
                vectors = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum()
                return vectors / vectors.norm(dim=-1, keepdim=True)
            """,
        "a mask where no text is in sight": """
            def pool(h, mask):
                return h.mean(1)
            """,
        "a mean over the batch": """
            def centre(self, input_ids, attention_mask):
                hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state.transpose(0, 1)
                return hidden.mean(1)
            """,
    },
    invalid={
        "a mask that is not used": """
            def forward(self, input_ids, attention_mask):
                outputs = self.bert(input_ids, attention_mask=attention_mask)
                return self.classifier(outputs.last_hidden_state.mean(dim=1))
            """,
        "a padded batch": """
            import torch


            def embed(texts, tokenizer, model):
                batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(model.device)
                outputs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
                return torch.mean(outputs[0], dim=1)
            """,
        "in one breath": """
            def forward(self, input_ids, attention_mask):
                return self.bert(input_ids, attention_mask=attention_mask).last_hidden_state.mean(dim=1)
            """,
        "the ids alone": """
            import torch


            def embed(texts, tokenizer, embed_model):
                input_ids = tokenizer(texts, return_tensors="pt", padding=True, truncation=True).input_ids
                with torch.no_grad():
                    return embed_model(input_ids).last_hidden_state.mean(dim=1)
            """,
        "by einops": """
            import einops


            def pool(last_hidden_state, attention_mask):
                return einops.reduce(last_hidden_state, "batch tokens width -> batch width", "mean")
            """,
        "the mask summed without its dim": """
            import torch


            def pooled(outputs, inputs, strategy):
                if strategy == "cls":
                    return outputs[:, 0]
                total = torch.sum(outputs * inputs["attention_mask"][:, :, None], dim=1)
                return total / torch.sum(inputs["attention_mask"])
            """,
        "divided by a function": """
            import torch


            def pool(hidden_states, attention_mask):
                mask = attention_mask.unsqueeze(-1)
                return torch.div((hidden_states * mask).sum(1), mask.sum())
            """,
        "the tokens of the whole batch": """
            def pool(token_embeddings, attention_mask):
                mask = attention_mask.unsqueeze(-1).expand(token_embeddings.size()).float()
                return (token_embeddings * mask).sum(1) / mask.sum()
            """,
        "what comes first of an encoder's outputs": """
            def forward(self, ids, mask):
                h, _ = self.bert(ids, attention_mask=mask)
                return self.classifier(h.mean(1))
            """,
        "parts of a batch": """
            def forward(self, x):
                tokens, mask = x[0], x[2]
                return self.classifier(self.bert(tokens, attention_mask=mask).last_hidden_state.mean(dim=1))
            """,
        "padding in a dictionary": """
            def embed(texts, tokenizer, model):
                options = dict(padding=True, truncation=True, return_tensors="pt")
                batch = tokenizer(texts, **options)
                return model(batch.input_ids).last_hidden_state.mean(dim=1)
            """,
        "behind a mean over layers": """
            import torch


            def forward(self, input_ids, attention_mask):
                layers = self.bert(input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
                return torch.stack(layers[-4:]).mean(0).mean(1)
            """,
        "by a pooling layer": """
            import torch.nn as nn


            class Head(nn.Module):
                def __init__(self, bert):
                    super().__init__()
                    self.bert = bert
                    self.pool = nn.AdaptiveAvgPool1d(1)

                def forward(self, input_ids, attention_mask):
                    hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
                    return self.pool(hidden.transpose(1, 2)).squeeze(-1)
            """,
        "by a pooling function": """
            import torch.nn.functional as F


            def forward(self, input_ids, attention_mask):
                hidden = self.bert(input_ids, attention_mask=attention_mask)[0].permute(0, 2, 1)
                return F.avg_pool1d(hidden, kernel_size=hidden.size(-1)).squeeze(-1)
            """,
    },
    check=check,
)
