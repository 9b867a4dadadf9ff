"""AT001: the number of tokens minus 1, taken for the index of the last."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import Const, Count, only
from archtrace_lint.dataflow.events import AttributeStore, Event, Gather, SourceModule
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import FunctionNodes, scope_of
from archtrace_lint.rules.readouts import abbreviated, index_reads
from archtrace_lint.rules.right_index import right_index
from archtrace_lint.source.project import padding_sides
from archtrace_lint.source.syntax import last_word


def check(module: SourceModule) -> Iterator[Match]:
    """A count of tokens minus 1 as an index of hidden states, where nothing checks the side of padding."""
    for index, scope, gather in index_reads(module, Count):
        if not scope.side_checked and not right_padding_is_set(module, gather) and not _batches_of_one(module):
            yield Match(
                index,
                scope.function,
                f"`{abbreviated(index)}` is the last token only if padded right; find the last non-pad",
                right_index(index, gather, module),
                gather.node,
            )


def _batches_of_one(module: SourceModule) -> bool:
    """Every batch size in the module is 1, and nothing pads to a fixed length, so that there are no pads."""
    keywords = [n for n in ast.walk(module.tree) if isinstance(n, ast.keyword) and isinstance(n.arg, str)]
    sizes = [k.value for k in keywords if k.arg and k.arg.endswith("batch_size")]
    paddings = [k.value.value for k in keywords if k.arg == "padding" and isinstance(k.value, ast.Constant)]
    all_sizes_are_1 = all(isinstance(size, ast.Constant) and size.value == 1 for size in sizes)
    # A single text has pads too if it is padded to a fixed length.
    return bool(sizes) and all_sizes_are_1 and "max_length" not in paddings


def right_padding_is_set(module: SourceModule, gather: Gather) -> bool:
    """The module says that padding is on the right: there alone, by a condition, or in the function before it reads.

    A function that sets the side and then calls the one that reads has set it for that one.
    """
    stores = [s for s in module.events_of(AttributeStore) if s.name == "padding_side"]
    sides_by_place: dict[tuple[str, str], set[object]] = {}
    for store in stores:
        sides_by_place.setdefault((store.scope.function, store.owner), set()).update(_sides(store))
    # Last, as it reads the whole project: only for a file that sets no side of its own.
    if not stores:
        return _right_in_project(module, gather)
    if not any("right" in sides for sides in sides_by_place.values()):
        return False
    # Both sides set in one place: the code handles either.
    only_right = {side for sides in sides_by_place.values() for side in sides} == {"right"}
    return (
        only_right
        or any({"left", "right"} <= sides for sides in sides_by_place.values())
        or _is_set_before_read(stores, module, gather)
    )


def _right_in_project(module: SourceModule, gather: Gather) -> bool:
    """The files that name the class, or the function, set the right side alone; or those nearest to it do."""
    # A method is used through its class, and `forward` is a name that every file has.
    owner, function = gather.scope.owner, gather.scope.function.rpartition(".")[-1]
    return padding_sides(module.resolver, owner.name if owner else function) == {"right"}


def _sides(store: AttributeStore) -> set[object]:
    """The sides that are stored; an unknown one is `...`."""
    return {v.value for v in only(store.value, Const)} or {...}


def _is_set_before_read(stores: list[AttributeStore], module: SourceModule, gather: Gather) -> bool:
    name = gather.scope.function.rpartition(".")[-1]
    for store in stores:
        if _sides(store) == {"right"}:
            is_same_function = store.scope.function == gather.scope.function and _line(store) < _line(gather)
            # The call may be of another function of this name: rather a finding too few than one too many.
            if is_same_function or (name and _calls(name, scope_of(store.node, module.tree), _line(store))):
                return True
    return False


def _calls(name: str, scope: FunctionNodes, line: int) -> bool:
    """A call of a function of this name after a line."""
    return any(isinstance(n, ast.Call) and last_word(n.func) == name and n.lineno > line for n in scope.nodes)


def _line(event: Event) -> int:
    return getattr(event.node, "lineno", 0)


RULE = Rule(
    code="AT001",
    name="pad-count-index",
    summary="The number of tokens minus one is used as the index of the last token.",
    why="""With padding on the left, the last token is at the end of the row, however many tokens there are. The
number of tokens minus one is a position somewhere inside the text, or on a pad. Nothing fails: the classifier
learns from the wrong token, and its answers change with the length of the other texts in the batch.""",
    real=(
        "transformers up to 4.31: the sequence classifiers of GPT-2, GPT-J, GPT Neo, LLaMA and others "
        "(huggingface/transformers issue 24265)",
        "BioGPT, up to transformers 5.12.1 (pull request 46782)",
        "adapters 1.3.0: the heads of GPT-2, GPT-J, LLaMA and Mistral",
    ),
    instead="""Find the position of the last token that is not a pad. This is right with padding on either side:

```python
positions = torch.arange(input_ids.shape[-1], device=input_ids.device)
last = (positions * (input_ids != pad_token_id)).argmax(-1)
```

`--fix` writes this, unless the number has another use (it is returned, compared or summed as a length), passes through
an unknown function, or comes from a mask that may have another shape. In a row that consists only of pads, the new
index is 0, the first position; the old one was -1, the last.""",
    unseen="""Counts that the data loader made (`lengths - 1`, where `lengths` is a parameter). Counts made in an
installed function, or in one of more than 60 lines; shorter ones in your own files are followed. Hidden states that
come from a parameter whose name does not say so. The rule also says nothing if the function checks the padding side
first (`attention_mask[:, -1]`, `padding_side`), if the module only ever sets `padding_side = "right"`, or if it
sets the side under a condition, or to the right just before.""",
    valid={
        "one text at a time": """
            import torch


            def pool(hidden_states, attention_mask):
                last = attention_mask.sum(dim=1) - 1
                return hidden_states[torch.arange(len(last)), last]


            loader = torch.utils.data.DataLoader(texts, batch_size=1)
            """,
        "a value is written at the position, not read": """
            def shaped(rewards, kl, attention_mask):
                shaped_rewards = -0.1 * kl
                shaped_rewards[range(len(kl)), attention_mask.sum(1) - 1] += rewards
                return shaped_rewards
            """,
        "one text without padding": """
            def chance(model, tokenizer, prompt):
                batch = tokenizer(prompt, return_tensors="pt")
                logits = model(**batch).logits
                return logits[0, batch["attention_mask"].sum() - 1]
            """,
        "the position of the last token": """
            import torch


            def forward(self, input_ids, logits):
                positions = torch.arange(input_ids.shape[-1], device=logits.device)
                last = (positions * (input_ids != self.config.pad_token_id)).argmax(-1)
                return logits[torch.arange(len(logits)), last]
            """,
        "shifting labels reads ids, not hidden states": """
            def shift_tokens_right(input_ids, pad_token_id):
                last = (input_ids.ne(pad_token_id).sum(dim=1) - 1).unsqueeze(-1)
                return input_ids.gather(1, last)
            """,
        "a branch for each padding side": """
            import torch


            def last_token_pool(last_hidden_states, attention_mask):
                left_padding = attention_mask[:, -1].sum() == attention_mask.shape[0]
                if left_padding:
                    return last_hidden_states[:, -1]
                lengths = attention_mask.sum(dim=1) - 1
                return last_hidden_states[torch.arange(len(lengths)), lengths]
            """,
        "a length used as the end of a slice": """
            def trimmed(hidden_states, attention_mask):
                return hidden_states[:, : attention_mask.sum(1).max() - 1]
            """,
        "the module pads on the right": """
            tokenizer.padding_side = "right"


            def last(hidden_states, attention_mask):
                return hidden_states[range(8), attention_mask.sum(1) - 1]
            """,
        "the padding side is set under a condition": """
            class Scorer:
                def __init__(self, tokenizer, generates):
                    self.tokenizer = tokenizer
                    self.tokenizer.padding_side = "left" if generates else "right"

                def score(self, model, texts):
                    batch = self.tokenizer(texts, padding=True, return_tensors="pt")
                    values = model(**batch, return_dict=True)[-1]
                    return values.gather(1, batch["attention_mask"].sum(-1, keepdim=True) - 1)
            """,
        "the padding side is set just before": """
            def generate(model, tokenizer, texts):
                tokenizer.padding_side = "left"
                return model.generate(**tokenizer(texts, padding=True, return_tensors="pt"))


            def score(model, tokenizer, texts):
                tokenizer.padding_side = "right"
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                logits = model(**batch).logits
                return logits[range(len(logits)), batch["attention_mask"].sum(1) - 1]
            """,
        "a mask over patches of an image": """
            def chosen(x, mask, scale):
                return x[range(len(x)), mask.sum(1) - 1] * scale
            """,
    },
    invalid={
        "torch.sum and a subscript": """
            import torch


            def forward(self, input_ids, logits):
                if self.config.pad_token_id is None:
                    sequence_lengths = -1
                else:
                    sequence_lengths = (torch.ne(input_ids, self.config.pad_token_id).sum(-1) - 1).to(logits.device)
                return logits[torch.arange(len(logits)), sequence_lengths]
            """,
        ".sum() and gather": """
            def pool(hidden_states, attention_mask):
                last = attention_mask.long().sum(dim=1, keepdim=True) - 1
                index = last.unsqueeze(-1).expand(-1, -1, hidden_states.size(-1))
                return hidden_states.gather(1, index).squeeze(1)
            """,
        "in a helper of the module": """
            import torch


            def last_index(mask):
                return torch.clamp(mask.sum(1) - 1, min=0)


            class Reward(torch.nn.Module):
                def forward(self, input_ids, attention_mask):
                    outputs = self.model(input_ids, attention_mask=attention_mask)
                    values = self.value_head(outputs[0])
                    return values[torch.arange(len(input_ids)), last_index(attention_mask)]
            """,
        "in a loop over the rows": """
            import torch


            def pool(hidden_states, attention_mask):
                return torch.stack([h[m.sum() - 1] for h, m in zip(hidden_states, attention_mask)])
            """,
        "common names for mask and outputs": """
            def last_states(encoder_outputs, mask):
                batch, _, width = encoder_outputs.shape
                index = (mask.sum(1) - 1).view(batch, 1, 1).expand(batch, 1, width)
                return encoder_outputs.gather(1, index).squeeze(1)
            """,
        "the call of the model shows which argument is the mask": """
            import torch


            def encode(self, tokens_tensor, m):
                states = self.bert(tokens_tensor, attention_mask=m)[0]
                return states[torch.arange(len(states)), m.sum(1) - 1]
            """,
        "half of the batch": """
            import torch


            def best(model, batch):
                _, _, values = model(**batch, return_dict=True)
                half = len(values) // 2
                good, bad = values.split(half)
                mask, _ = torch.split(batch["attention_mask"], half, dim=0)
                return good.gather(1, mask.sum(1, keepdim=True) - 1)
            """,
        "a function that is called for each row": """
            import jax


            def last(model, params, batch):
                states = model(**batch, params=params)[0]
                ends = batch["attention_mask"].sum(axis=1) - 1

                @jax.vmap
                def at(row, end):
                    return row[end]

                return at(states, ends)
            """,
    },
    check=check,
    fixes=True,
)
