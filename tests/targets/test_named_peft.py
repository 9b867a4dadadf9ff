"""The real PEFT: the weights that it saves of a head are those that are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForSequenceClassification

import archtrace
from archtrace.targets.adapters import read

#: PEFT asks transformers by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")

SIZES = {"num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50, "pad_token_id": 0}
SMALL: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 16, "intermediate_size": 16},
    "roberta": {"hidden_size": 16, "intermediate_size": 16},
    "distilbert": {"dim": 16, "hidden_dim": 16, "n_layers": 1, "n_heads": 2},
    "llama": {"hidden_size": 16, "intermediate_size": 16, "num_key_value_heads": 2},
}
HEADS = {
    "bert": ["bert.pooler.dense", "classifier"],
    "roberta": ["classifier.dense", "classifier.out_proj"],
    "distilbert": ["pre_classifier", "classifier"],
    "llama": ["score"],
}


@pytest.mark.parametrize("model_type", SMALL)
@pytest.mark.parametrize(
    "options",
    [{}, {"task_type": "SEQ_CLS"}, {"task_type": "SEQ_CLS", "modules_to_save": ["pooler"]},
     {"modules_to_save": ["classifier"]}],
    ids=["plain", "task", "task-and-pooler", "classifier"],
)  # fmt: skip
def test_what_is_held_of_the_head_is_what_was_saved(offline: Path, model_type: str, options: dict[str, Any]) -> None:
    base, saved = offline / "base", offline / "saved"
    config = AutoConfig.for_model(model_type, **SIZES, **SMALL[model_type])
    AutoModelForSequenceClassification.from_config(config).save_pretrained(base)
    model = AutoModelForSequenceClassification.from_pretrained(base)
    targets = ["q_lin"] if model_type == "distilbert" else ["q_proj" if model_type == "llama" else "query"]
    peft.get_peft_model(model, peft.LoraConfig(target_modules=targets, **options)).save_pretrained(saved)
    with safe_open(saved / "adapter_model.safetensors", "pt") as weights:
        keys = list(weights.keys())
    adapter = read(saved / "adapter_config.json")
    for path in HEADS[model_type]:
        assert (adapter.covers(path) is not None) == any(f".{path}." in key for key in keys), (path, keys)


def test_a_folder_that_it_saved_is_answered_in_one_step(offline: Path) -> None:
    base, saved = offline / "base", offline / "saved"
    config = AutoConfig.for_model("bert", **SIZES, **SMALL["bert"])
    AutoModelForSequenceClassification.from_config(config).save_pretrained(base)
    model = AutoModelForSequenceClassification.from_pretrained(base)
    peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS")).save_pretrained(saved)
    result = archtrace.trace(saved).result
    assert ([r.kind for r in result.readouts], result.status) == (["first"], "exact")
    assert [f.code for f in result.findings] == ["adapter", "head-not-saved"]
