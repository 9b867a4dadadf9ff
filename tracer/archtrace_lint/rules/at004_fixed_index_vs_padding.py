"""AT004: a fixed index reads a pad, because the padding is on that side."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import Hidden, Tokenizer, constant, only
from archtrace_lint.dataflow.events import AttributeStore, Built, Gather, SourceModule
from archtrace_lint.rule import Match, Rule

#: Side of padding -> the index that reads a pad then.
PADDED_INDEX = {"left": 0, "right": -1}


def check(module: SourceModule) -> Iterator[Match]:
    """`[:, 0]` with padding on the left, `[:, -1]` with padding on the right."""
    common = side_of(module)
    for gather in module.events_of(Gather):
        for hidden in only(gather.target, Hidden):
            sure = hidden.sure and hidden.encoding is not None
            side = hidden.encoding.side if hidden.encoding and hidden.encoding.side else common
            # `logits[:, -1]` is for the next token of a generator, which pads on the left so that this is right.
            if (
                hidden.kind != "hidden"
                or hidden.several_layers
                or gather.scope.side_checked
                or not (sure or hidden.sure)
            ):
                continue
            if side in PADDED_INDEX and gather.fixed == PADDED_INDEX[side]:
                yield Match(gather.node, gather.scope.function, _message(gather.fixed, side))


def _message(index: int, side: str) -> str:
    other = "right" if side == "left" else "left"
    return f"`[:, {index}]` reads a pad, since padding is on the {side}; pad on the {other}, or read by the mask"


def side_of(module: SourceModule) -> str:
    """The side of padding that the module sets, if it sets one and never the other, and has no second tokenizer."""
    # Which of two tokenizers made a batch is seldom visible.
    if len({b.value.checkpoint_expression for b in module.events_of(Built) if isinstance(b.value, Tokenizer)}) > 1:
        return ""
    stored = {constant(s.value) for s in module.events_of(AttributeStore) if s.name == "padding_side"}
    side = next(iter(stored)) if len(stored) == 1 else ""
    return side if isinstance(side, str) else ""


RULE = Rule(
    code="AT004",
    name="fixed-index-vs-padding",
    summary="`[:, 0]` with padding on the left, or `[:, -1]` with padding on the right.",
    why="""An index is a position, not a token. With padding on the left, position 0 is a pad in every row except
the longest; with padding on the right, position -1 is. So the head reads a vector that depends on how long the
other texts are.""",
    real=(
        "UKPLab/sentence-transformers issue 3208",
        "CarperAI/trlx issue 341",
        "XLNet's sequence classifier reads a pad when its batch is padded on the right",
    ),
    instead="""Set the side that the index needs, where you make the tokenizer:

```python
tokenizer = AutoTokenizer.from_pretrained(name, padding_side="right")  # for [:, 0]
```

or find the position by the mask, which is right on either side: the first token is at `attention_mask.argmax(-1)`, the
last is at `(torch.arange(attention_mask.shape[-1]) * attention_mask).argmax(-1)`.""",
    unseen="""The side on which a tokenizer pads by default: the rule only knows a side that the module itself sets,
and only if it sets no other. Hidden states that come in as a parameter. Logits, since `logits[:, -1]` is the next
token of a generator.""",
    valid={
        "padding on the right side for the index": """
            from transformers import AutoModel, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("gpt2", padding_side="left")
            model = AutoModel.from_pretrained("gpt2")


            def embed(texts):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                return model(**batch).last_hidden_state[:, -1]
            """,
        "no side is set": """
            def embed(texts):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                return model(**batch).last_hidden_state[:, 0]
            """,
        "the code checks the side": """
            def embed(texts, tokenizer, model):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                hidden = model(**batch).last_hidden_state
                return hidden[:, -1] if tokenizer.padding_side == "left" else hidden[:, 0]


            tokenizer.padding_side = "left"
            """,
    },
    invalid={
        "first position, padding on the left": """
            from transformers import AutoModel, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased", padding_side="left")
            model = AutoModel.from_pretrained("bert-base-uncased")


            def embed(texts):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                return model(**batch).last_hidden_state[:, 0]
            """,
        "last position, padding on the right": """
            def embed(texts, tokenizer, model):
                tokenizer.padding_side = "right"
                batch = tokenizer(texts, padding=True, return_tensors="pt").to(model.device)
                hidden = model(**batch, output_hidden_states=True).hidden_states[-1]
                return hidden[:, -1, :]
            """,
    },
    check=check,
)
