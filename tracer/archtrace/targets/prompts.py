"""Prompts: a base model in the wrapper of PEFT that puts learned vectors in front of its text."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from archtrace.targets.adapters import Adapter, no_wrapper
from archtrace.targets.target import Make, ModelConfig

if TYPE_CHECKING:
    import torch

#: The wrapper, as PEFT names it for a sequence classifier.
WRAPPER = "PeftModelForSequenceClassification"
#: The fields that PEFT takes from the base where its config lacks them (`_prepare_prompt_learning_config`, PEFT
#: 0.21.2). A saved config has the sizes of its base, which do not fit a small model of it.
_OF_BASE = ("token_dim", "num_layers", "num_attention_heads", "encoder_hidden_size", "base_model_name_or_path")


def in_wrapper(make: Make, adapter: Adapter) -> Make:
    """What makes the base model inside the wrapper of an adapter with a prompt. TargetError where PEFT is missing."""
    try:
        import peft
    except ImportError as error:
        raise no_wrapper(adapter.kind, adapter.where, "PEFT is not installed (pip install peft)") from error

    def wrapped(config: ModelConfig | None) -> torch.nn.Module:
        fields = {n: None if n in _OF_BASE else v for n, v in (adapter.prompt or {}).items()}
        config_class: Any = peft.PeftConfig  # without types
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fields that the two libraries call otherwise by now
            peft_config = config_class.from_peft_type(**{**fields, "inference_mode": True})
            model: torch.nn.Module = peft.get_peft_model(_valueless(make(config)), peft_config)
        return model

    return wrapped


def _valueless(model: torch.nn.Module) -> torch.nn.Module:
    """The model with every parameter on the meta device: PEFT moves the prompt to where the base's first one lies, and
    a few bases make theirs with legacy constructors, which have values."""
    import torch

    for part in model.modules():
        for name, own in part.named_parameters(recurse=False):
            part.register_parameter(name, torch.nn.Parameter(torch.empty_like(own, device="meta")))
    return model
