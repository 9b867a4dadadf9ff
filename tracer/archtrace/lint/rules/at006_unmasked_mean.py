"""AT006: a mean over hidden states that takes the pads in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace.lint.events import Divide, Mean, Module
from archtrace.lint.facts import NO_TEXT
from archtrace.lint.rule import Finding, Rule
from archtrace.lint.rules.readouts import short
from archtrace.lint.values import Count, Hidden, MaskedSum, only

#: An attention mask says that there is a text; it is no attention.
_MASKS = re.compile(r"\w*mask\w*")


def check(module: Module) -> Iterator[Finding]:
    """A mean without the mask that is at hand, and a masked mean that is divided by the tokens of the whole batch."""
    yield from _means(module)
    yield from _divisors(module)


def _means(module: Module) -> Iterator[Finding]:
    for mean in module.each(Mean):
        unmasked = [h for h in only(mean.target, Hidden) if not (h.masked or h.several) and h.what == "hidden"]
        encodings = [h.encoding for h in unmasked if h.encoding]
        padded = any(e.padded for e in encodings) if encodings else mean.padded
        if unmasked and padded and not mean.scope.without_mask and not _no_text(mean):
            yield Finding(
                mean.node,
                mean.scope.function,
                f"`{short(mean.node)}` counts padding in; weight the mean by the attention mask",
            )


def _no_text(mean: Mean) -> bool:
    owner = mean.scope.owner.name if mean.scope.owner else ""
    written = _MASKS.sub("", ast.unparse(mean.node))
    return bool(NO_TEXT.search(owner) or NO_TEXT.search(written))


def _divisors(module: Module) -> Iterator[Finding]:
    for divide in module.each(Divide):
        padded = all(m.encoding is None or m.encoding.padded for m in only(divide.above, MaskedSum))
        if padded and any(c.whole for c in only(divide.below, Count)):
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
    },
    check=check,
)
