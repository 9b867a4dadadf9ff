"""Facts about checkpoints and classes by their names, from a table that is read when a rule first needs it."""

from __future__ import annotations

from functools import cache
from typing import Any

from archtrace_lint.dataflow.abstract_values import Model


@cache
def _table() -> dict[str, Any]:
    import tomllib
    from pathlib import Path

    # Read on first use: for most files no rule needs it.
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def name_pattern(kind: str) -> str:
    """A regular expression that matches any name of a kind of the table ("encoders", "decoders", "others")."""
    return "|".join(_table()[kind])


def _names(model: Model) -> str:
    return f"{model.checkpoint} {model.class_name}".lower()


def is_encoder(model: Model) -> bool:
    """The model is an encoder by its name: its classifier reads a fixed token, whichever tokens are pads."""
    # By parts: `microsoft/deberta-v3-base`, `DebertaV2ForSequenceClassification` and `my-deberta` all say it.
    return any(word in _names(model) for word in _table()["encoders"])


def has_pad_token(checkpoint: str) -> bool:
    """The tokenizer of a checkpoint has its own pad token."""
    return any(word in checkpoint.lower() for word in _table()["with_pad_token"])


def lacks_pooler(model: Model) -> bool:
    """The class of a model has a pooler, but its checkpoint has no weights for it."""
    # By the beginning: a derived checkpoint, `someone/sup-simcse-roberta-base`, may well have a trained pooler.
    return not model.without_pooler and model.checkpoint.lower().startswith(tuple(_table()["without_pooler"]))


def head_of(model: Model) -> tuple[str, ...]:
    """The modules between the readout and the logits of a model that PEFT does not save by default."""
    # Without `-` and `_`, `xlm-roberta`, `xlm_roberta` and `XLMRoberta` are the same word.
    names = _names(model).replace("-", "").replace("_", "")
    return next((tuple(modules) for part, modules in _table()["heads"].items() if part in names), ())
