"""What the names of checkpoints and classes tell: a table of facts, read when a rule asks."""

from __future__ import annotations

from functools import cache
from typing import Any

from archtrace_lint.dataflow.abstract_values import Model


@cache
def _table() -> dict[str, Any]:
    import tomllib
    from pathlib import Path

    # Read when a rule first asks: of most files none does.
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def name_pattern(kind: str) -> str:
    """A pattern of the names of a kind of the table ("encoders", "decoders", "others"): one or the other."""
    return "|".join(_table()[kind])


def _names(model: Model) -> str:
    return f"{model.checkpoint} {model.class_name}".lower()


def is_encoder(model: Model) -> bool:
    """Its classifier reads a fixed token, whatever is a pad."""
    # By parts: `microsoft/deberta-v3-base`, `DebertaV2ForSequenceClassification` and `my-deberta` all say it.
    return any(word in _names(model) for word in _table()["encoders"])


def has_pad_token(checkpoint: str) -> bool:
    """Its tokenizer has a pad token of its own."""
    return any(word in checkpoint.lower() for word in _table()["with_pad_token"])


def lacks_pooler(model: Model) -> bool:
    """Its class has a pooler, its checkpoint holds none."""
    # By the beginning: what others made of it, `someone/sup-simcse-roberta-base`, may well hold a pooler that was
    # trained.
    return not model.without_pooler and model.checkpoint.lower().startswith(tuple(_table()["without_pooler"]))


def head_of(model: Model) -> tuple[str, ...]:
    """The modules between its readout and its logits that PEFT does not save by itself."""
    # `xlm-roberta`, `xlm_roberta` and `XLMRoberta` are one word without them.
    names = _names(model).replace("-", "").replace("_", "")
    return next((tuple(modules) for part, modules in _table()["heads"].items() if part in names), ())
