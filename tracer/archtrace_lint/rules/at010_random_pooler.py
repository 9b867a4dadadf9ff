"""AT010: the output of a pooler whose weights the checkpoint does not contain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import ModelOutput, only
from archtrace_lint.dataflow.architectures import lacks_pooler
from archtrace_lint.dataflow.events import AttributeRead, SourceModule
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import SHAPE_ONLY
from archtrace_lint.source.syntax import last_word

#: Classes without heads; those with several (`AutoAdapterModel`) return one output per head.
_HEADLESS = re.compile(r"(?!\w*(Adapter|Heads))\w*Model")

#: Words that keep a pooler from being trained.
_FROZEN = word_set("no_grad inference_mode requires_grad requires_grad_ detach")


def check(module: SourceModule) -> Iterator[Match]:
    """`.pooler_output` of a model whose checkpoint has none, or `[1]`, which is the same for a model without a head."""
    for read in module.events_of(AttributeRead):
        for outputs in only(read.base, ModelOutput):
            model = outputs.model
            # For a model with a head, item 1 is layers or attentions, or the logits after a loss.
            headless = model is not None and (read.name != "1" or _HEADLESS.fullmatch(model.class_name))
            if (
                headless
                and model
                and lacks_pooler(model)
                and not _learns_with_head(read)
                and not _only_shape_is_read(read, module)
            ):
                yield Match(
                    read.node,
                    read.scope.function,
                    "the checkpoint has no pooler, so a random layer makes this; use `last_hidden_state`",
                )


def _learns_with_head(read: AttributeRead) -> bool:
    """The read is in a module that is trained as a whole, pooler included; false if no gradient flows through it."""
    owner = read.scope.owner
    # A script that only reads vectors trains nothing.
    if owner is None or not any("Module" in last_word(base) or "PreTrained" in last_word(base) for base in owner.bases):
        return False
    name = read.scope.function.rpartition(".")[-1]
    methods = [n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == name]
    nodes = (n for method in methods for n in ast.walk(method) if isinstance(n, ast.Attribute | ast.Name))
    return not any(last_word(node) in _FROZEN for node in nodes)


def _only_shape_is_read(read: AttributeRead, module: SourceModule) -> bool:
    """Only the shape of the output is read."""
    return any(
        isinstance(n, ast.Attribute) and n.value is read.node and n.attr in SHAPE_ONLY for n in ast.walk(module.tree)
    )


RULE = Rule(
    code="AT010",
    name="random-pooler",
    summary="`.pooler_output` of a model whose checkpoint has no pooler.",
    why="""RoBERTa and similar models were trained without a next-sentence task. Their classes have a pooler, but
their checkpoints do not; so `from_pretrained` makes a random one, and warns once. Embeddings made with it cannot be
compared between runs.""",
    real=("huggingface/transformers issue 16210; also 8219", "Tiiiger/bert_score issue 201 asks whether it is safe"),
    instead="""The mean of `last_hidden_state` over the mask, or its first token, and
`AutoModel.from_pretrained(name, add_pooling_layer=False)`, so that nobody reads the pooler later.""",
    unseen="""A checkpoint whose name is not written in the module, or is not in `architectures.toml`; a pooler that
the script trains before it reads it (in a method of a `torch.nn.Module` without `no_grad`, the rule assumes that it
learns with the head); outputs that are unpacked (`_, pooled = model(...)`).""",
    valid={
        "BERT has a pooler": """
            from transformers import AutoModel

            model = AutoModel.from_pretrained("bert-base-uncased")


            def embed(batch):
                return model(input_ids=batch["input_ids"]).pooler_output
            """,
        "the first token": """
            from transformers import RobertaModel

            model = RobertaModel.from_pretrained("roberta-base", add_pooling_layer=False)


            def embed(batch):
                return model(input_ids=batch["input_ids"]).last_hidden_state[:, 0]
            """,
        "the model is built without a pooler": """
            from transformers import AutoModel

            model = AutoModel.from_pretrained("roberta-base", add_pooling_layer=False)


            def embed(batch):
                return model(input_ids=batch["input_ids"], output_hidden_states=True)[1]
            """,
        "the second output of a head": """
            from transformers import AutoModelForMaskedLM

            model = AutoModelForMaskedLM.from_pretrained("roberta-base")


            def layers(batch):
                return model(input_ids=batch["input_ids"], output_hidden_states=True)[1]
            """,
        "a pooler that learns with its head": """
            import torch
            from transformers import RobertaModel


            class Regressor(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.roberta = RobertaModel.from_pretrained("roberta-base")
                    self.head = torch.nn.Linear(768, 1)

                def forward(self, input_ids, attention_mask):
                    return self.head(self.roberta(input_ids, attention_mask=attention_mask).pooler_output)
            """,
        "only its shape is read": """
            from transformers import AutoModel

            model = AutoModel.from_pretrained("roberta-base")


            def width(batch):
                outputs = model(input_ids=batch["input_ids"])
                return outputs[1].shape[-1]
            """,
        "the second of several heads": """
            from adapters import AutoAdapterModel

            model = AutoAdapterModel.from_pretrained("roberta-base")
            model.set_active_adapters(["topics", "sentiment"])


            def both(input_ids):
                outputs = model(input_ids)
                return outputs[0].logits, outputs[1].logits
            """,
    },
    invalid={
        "in a script": """
            from transformers import AutoModel, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("roberta-base")
            model = AutoModel.from_pretrained("roberta-base")
            outputs = model(**tokenizer("a text", return_tensors="pt"))
            vector = outputs.pooler_output
            """,
        "by key": """
            from transformers import AutoModel

            model = AutoModel.from_pretrained("xlm-roberta-large").to("cuda").eval()


            def embed(input_ids, attention_mask):
                return model(input_ids, attention_mask=attention_mask)["pooler_output"]
            """,
        "by index": """
            from transformers import RobertaModel

            model = RobertaModel.from_pretrained("roberta-base")


            def embed(input_ids, attention_mask):
                outputs = model(input_ids, attention_mask=attention_mask)
                return outputs[1]
            """,
        "in a class": """
            import torch
            from transformers import XLMRobertaModel


            class Embedder(torch.nn.Module):
                def __init__(self, name="xlm-roberta-base"):
                    super().__init__()
                    self.encoder = XLMRobertaModel.from_pretrained(name)

                @torch.no_grad()
                def forward(self, input_ids, attention_mask):
                    outputs = self.encoder(input_ids, attention_mask=attention_mask)
                    return outputs.pooler_output
            """,
    },
    check=check,
)
