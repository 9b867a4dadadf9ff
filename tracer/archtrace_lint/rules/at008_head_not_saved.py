"""AT008: PEFT saves only a part of the head, and the rest is random when the adapter is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import (
    AbstractValues,
    AdapterConfig,
    Const,
    Many,
    Model,
    constant,
    items,
    only,
)
from archtrace_lint.dataflow.architectures import head_of
from archtrace_lint.dataflow.events import Called, SourceModule
from archtrace_lint.rule import Match, Rule


def check(module: SourceModule) -> Iterator[Match]:
    """A model and an adapter config that meet in one call."""
    for call in module.events_of(Called):
        argument_values = frozenset().union(*call.arguments, *(v for _, v in call.keywords))
        for adapter in only(argument_values, AdapterConfig):
            for model in only(argument_values, Model):
                missing = unsaved(model, adapter)
                if missing:
                    yield Match(adapter.call, call.scope.function, _message(model, missing))


def _message(model: Model, missing: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in missing)
    return f'PEFT leaves out a part of the head; add modules_to_save=["classifier", {names}]'


def unsaved(model: Model, adapter: AdapterConfig) -> tuple[str, ...]:
    """The modules of the head that this config does not save."""
    keywords = dict(adapter.keywords)
    if "SequenceClassification" not in model.class_name or not classifies(keywords):
        return ()
    saved = _saved(keywords)
    # PEFT 0.21.2 adds "classifier" and "score" itself (peft_model.py, PeftModelForSequenceClassification).
    return () if saved is None else tuple(name for name in head_of(model) if name not in saved)


def classifies(keywords: dict[str, AbstractValues]) -> bool:
    """`task_type` is SEQ_CLS, as a string or as a member of TaskType."""
    return any(isinstance(v, Const) and v.value == "SEQ_CLS" for v in keywords.get("task_type", ()))


def _saved(keywords: dict[str, AbstractValues]) -> set[object] | None:
    """The names in `modules_to_save`; None if they are unknown."""
    if "modules_to_save" not in keywords or constant(keywords["modules_to_save"]) is None:
        return set()
    values = keywords["modules_to_save"]
    modules = {constant(item) for item in items(values) or ()}
    # A list made elsewhere may well name the rest of the head.
    return modules if only(values, Many) and ... not in modules else None


RULE = Rule(
    code="AT008",
    name="head-not-saved",
    summary="A PEFT config for classification that does not save the whole head.",
    why="""The head starts with random weights. For `SEQ_CLS`, PEFT saves the modules called `classifier` or
`score`. If the head has another layer, PEFT does not save it; when you load the adapter, that layer is random
again, and the metric falls to chance.""",
    real=(
        "huggingface/peft issues 310, 321 and 2171",
        "DeBERTa `pooler`, BART and T5 `classification_head`, XLNet `sequence_summary`, ModernBERT `head`, "
        "EuroBERT `dense`",
    ),
    instead="""```python
LoraConfig(task_type=TaskType.SEQ_CLS, modules_to_save=["classifier", "pooler"])
```

`archtrace MODEL` names the modules between the readout and the logits.""",
    unseen="""A model whose name is not written in the module, or whose architecture is not in `architectures.toml`;
a config that is changed after it is made.""",
    valid={
        "the head is only `classifier`": """
            from peft import LoraConfig, get_peft_model
            from transformers import AutoModelForSequenceClassification

            model = AutoModelForSequenceClassification.from_pretrained("roberta-base")
            model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS"))
            """,
        "everything is saved": """
            from peft import LoraConfig, TaskType, get_peft_model
            from transformers import AutoModelForSequenceClassification

            config = LoraConfig(task_type=TaskType.SEQ_CLS, modules_to_save=["classifier", "pooler"])
            model = AutoModelForSequenceClassification.from_pretrained("microsoft/deberta-v3-base")
            model = get_peft_model(model, config)
            """,
    },
    invalid={
        "deberta has a pooler": """
            from peft import LoraConfig, TaskType, get_peft_model
            from transformers import AutoModelForSequenceClassification

            model = AutoModelForSequenceClassification.from_pretrained("microsoft/deberta-v3-base", num_labels=2)
            config = LoraConfig(task_type=TaskType.SEQ_CLS, r=8, target_modules=["query_proj", "value_proj"])
            model = get_peft_model(model, config)
            """,
        "the checkpoint's name is in a variable": """
            from peft import LoraConfig, get_peft_model
            from transformers import AutoModelForSequenceClassification

            NAME = "answerdotai/ModernBERT-base"


            def build():
                model = AutoModelForSequenceClassification.from_pretrained(NAME)
                return get_peft_model(model, LoraConfig(task_type="SEQ_CLS", modules_to_save=["classifier"]))
            """,
    },
    check=check,
)
