"""AT009: index 0 is a soft prompt."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import AdapterConfig, Hidden, Model, Prompts, only
from archtrace_lint.dataflow.architectures import is_encoder
from archtrace_lint.dataflow.events import Called, Gather, SourceModule
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.at008_head_not_saved import classifies

#: Configs that prepend vectors to the embeddings of the text. (Prefix tuning adds them only in the attention.)
PREPENDING = word_set("PromptTuningConfig PromptEncoderConfig MultitaskPromptTuningConfig CPTConfig")


def check(module: SourceModule) -> Iterator[Match]:
    """`[:, 0]` behind custom prompts; a prompt config on a model that reads its first token; a wrapper's forward."""
    yield from _prompt_reads(module)
    for call in module.events_of(Called):
        yield from _adapter_matches(call)
        yield from _wrapper_matches(call, module)


def _prompt_reads(module: SourceModule) -> Iterator[Match]:
    for gather in module.events_of(Gather):
        # Only states: the `logits[:, 0]` of a judge is its only logit, and its prompts are texts.
        if gather.fixed == 0 and any(h.has_prompts and h.kind == "hidden" for h in only(gather.target, Hidden)):
            yield Match(
                gather.node,
                gather.scope.function,
                "`[:, 0]` reads a soft prompt, not the first token; read at the number of prompts",
            )


def _adapter_matches(call: Called) -> Iterator[Match]:
    argument_values = frozenset().union(*call.arguments, *(v for _, v in call.keywords))
    for adapter in only(argument_values, AdapterConfig):
        for model in only(argument_values, Model):
            # A decoder's classifier reads its last token, which prepended prompts do not affect.
            if adapter.class_name in PREPENDING and is_encoder(model) and classifies(dict(adapter.keywords)):
                yield Match(
                    adapter.call,
                    call.scope.function,
                    "the classifier reads index 0, which becomes a soft prompt; use LoRA, which adds no tokens",
                )


def _wrapper_matches(call: Called, module: SourceModule) -> Iterator[Match]:
    """A wrapper around a classifier that returns the classifier's output for prompts and text unchanged."""
    owner = call.scope.owner.name if call.scope.owner else ""
    embeddings = dict(call.keywords).get("inputs_embeds", frozenset())
    is_prompted_classifier = "SequenceClassification" in owner and any(p.prepended for p in only(embeddings, Prompts))
    # PEFT's own wrapper returns the output of the model for prompts and text; a class that reads states itself is
    # judged by its reads.
    if is_prompted_classifier and any(
        isinstance(n, ast.Return) and n.value is call.node for n in ast.walk(module.tree)
    ):
        yield Match(
            call.node,
            call.scope.function,
            "prompts in front move every fixed position: index 0 is a prompt; move the readout as well",
        )


RULE = Rule(
    code="AT009",
    name="virtual-token-shift",
    summary="A soft prompt is in front of the text, and the head reads index 0.",
    why="""Prompt tuning puts vectors in front of the embeddings, so every token moves back by their number. A head
that reads index 0 then reads the first vector of the prompt. It still learns, because attention brings the text
into that vector, but it learns worse.""",
    real=("huggingface/peft issue 764; live in PEFT 0.21.2, `PeftModelForSequenceClassification.forward`",),
    instead="""Read the first position after the prompt, `hidden[:, num_virtual_tokens]`, or use an adapter without a
soft prompt.""",
    unseen="""Prompts whose names do not say so; a model whose checkpoint is not named in the module. Prefix tuning
is fine: it adds keys and values, and no positions.""",
    valid={
        "read after the prompt": """
            import torch


            def forward(self, input_ids, attention_mask):
                embeds = torch.cat((self.prompt_embeddings, self.embed(input_ids)), dim=1)
                outputs = self.encoder(inputs_embeds=embeds)
                return self.classifier(outputs.last_hidden_state[:, self.n])
            """,
        "no soft prompt": """
            def forward(self, input_ids, attention_mask, prompt=None):
                outputs = self.encoder(inputs_embeds=self.embed(input_ids))
                return self.classifier(outputs.last_hidden_state[:, 0])
            """,
        "prompts made of text, and a judge's only logit": """
            import torch


            def score(judge, prompts, completions, inputs_embeds=None):
                ids = torch.cat((prompts, completions), dim=1)
                return judge.model(ids, attention_mask=torch.ones_like(ids)).logits[:, 0]
            """,
        "a decoder reads its last token": """
            from peft import PromptTuningConfig, get_peft_model
            from transformers import AutoModelForSequenceClassification

            model = AutoModelForSequenceClassification.from_pretrained("gpt2")
            model = get_peft_model(model, PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=8))
            """,
        "the prompt is cut off again": """
            import torch


            class PromptedForSequenceClassification(torch.nn.Module):
                def forward(self, input_ids, attention_mask):
                    prompts = self.prompt(self.prompt_ids).expand(len(input_ids), -1, -1)
                    embeds = torch.cat((prompts, self.embed(input_ids)), dim=1)
                    hidden = self.bert(inputs_embeds=embeds, attention_mask=attention_mask)[0]
                    hidden = hidden[:, self.prompt_length :].contiguous()
                    return self.classifier(hidden[:, 0])
            """,
    },
    invalid={
        "your own soft prompt": """
            import torch


            def forward(self, input_ids, attention_mask):
                embeds = torch.cat((self.prompt_embeddings, self.embed(input_ids)), dim=1)
                outputs = self.encoder(inputs_embeds=embeds)
                return self.classifier(outputs.last_hidden_state[:, 0])
            """,
        "a prompt-tuning config on an encoder": """
            from peft import PromptEncoderConfig, TaskType, get_peft_model
            from transformers import AutoModelForSequenceClassification

            model = AutoModelForSequenceClassification.from_pretrained("roberta-large")
            config = PromptEncoderConfig(task_type=TaskType.SEQ_CLS, num_virtual_tokens=20)
            model = get_peft_model(model, config)
            """,
    },
    check=check,
)
