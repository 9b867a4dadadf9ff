"""TRL: the reward model that its trainer makes, before and after a step, and a value head over every position."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from datasets import Dataset
from transformers import AutoTokenizer, LlamaForCausalLM
from trl import RewardConfig, RewardTrainer
from wrapper_truth import assert_true, at_output, llama, traced_untouched

PAIRS = {"chosen": ["w1 w2", "w3"], "rejected": ["w1", "w3 w4"]}


@pytest.fixture(params=[False, True], ids=["single", "mixed"])
def trainer(saved: Callable[[Any], str], tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """A trainer of a tiny reward model with an adapter, for one step, in single or mixed precision."""
    torch.manual_seed(0)
    model = llama(labels=1)
    tokenizer = AutoTokenizer.from_pretrained(saved(model), eos_token="[SEP]")
    options = {"report_to": "none", "use_cpu": True, "max_steps": 1, "save_strategy": "no", "bf16": request.param}
    lora = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["q_proj"], modules_to_save=["score"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
        args = RewardConfig(str(tmp_path), disable_tqdm=True, **options)
        data = Dataset.from_dict(PAIRS)
        return RewardTrainer(model, args, train_dataset=data, processing_class=tokenizer, peft_config=lora)


def test_a_reward_model_reads_what_the_gradient_says(trainer: Any) -> None:
    """As the trainer wraps it, and once it was trained: the last token that is no pad."""
    for step in range(2):
        if step:
            trainer.train()
        model = trainer.model_wrapped
        found = traced_untouched(model)
        inside = model.get_base_model()
        assert_true(found, model.eval(), at_output(inside.model), at_output(inside.get_input_embeddings()))
        (readout,) = found.readouts
        assert (readout.tensor, readout.kind) == ("last_hidden_state", "last_non_pad")


class ValueHead(torch.nn.Module):
    """What TRL's PPO trained until it went (AutoModelForCausalLMWithValueHead of trl 0.x): a value a position."""

    def __init__(self) -> None:
        super().__init__()
        self.pretrained_model = llama(LlamaForCausalLM)
        self.config = self.pretrained_model.config
        self.dropout, self.summary = torch.nn.Dropout(0.1), torch.nn.Linear(16, 1)

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **kwargs: Any) -> Any:
        kwargs["output_hidden_states"] = True
        found = self.pretrained_model(input_ids=input_ids, attention_mask=attention_mask, **kwargs)
        value = self.summary(self.dropout(found.hidden_states[-1])).squeeze(-1)
        return found.logits, found.loss, value


@pytest.mark.parametrize("asked", ["output[2][:, 0]", "output[2][:, -1]", "output[0][:, 2]"])
def test_a_value_head_reads_what_the_gradient_says(asked: str) -> None:
    """The value of a position, or its logits, come of the hidden state of that position."""
    torch.manual_seed(0)
    model = ValueHead()
    found = traced_untouched(model, output=asked)
    inside = model.pretrained_model
    assert_true(found, model.eval(), at_output(inside.model.norm), at_output(inside.get_input_embeddings()))
    (readout,) = found.readouts
    assert (readout.tensor, readout.module) == ("last_hidden_state", "pretrained_model.model")
