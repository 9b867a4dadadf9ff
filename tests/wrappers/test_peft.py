"""PEFT's wrappers, each tuner on an encoder and on a decoder: what is read is the hidden state of the model inside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForSequenceClassification
from wrapper_truth import assert_true, at_hidden, at_output, bert, llama, reaching, traced_untouched

import archtrace
from archtrace import Trace

BASES: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "bert": (bert, ["query", "value"]),
    "llama": (llama, ["q_proj", "v_proj"]),
}
#: Virtual tokens of the tuners that have some.
VIRTUAL = 4
_CLASSIFIER = {"task_type": "SEQ_CLS"}
_PROMPT = {**_CLASSIFIER, "num_virtual_tokens": VIRTUAL}
TUNERS: dict[str, Callable[[list[str]], Any]] = {
    "lora": lambda names: peft.LoraConfig(**_CLASSIFIER, r=2, target_modules=names),
    "dora": lambda names: peft.LoraConfig(**_CLASSIFIER, r=2, target_modules=names, use_dora=True),
    "ia3": lambda names: peft.IA3Config(**_CLASSIFIER, target_modules=names, feedforward_modules=[]),
    "prefix": lambda _: peft.PrefixTuningConfig(**_PROMPT),
    "prompt": lambda _: peft.PromptTuningConfig(**_PROMPT),
    "p-tuning": lambda _: peft.PromptEncoderConfig(**_PROMPT, encoder_hidden_size=8),
}
#: Those whose virtual tokens stand in the hidden states, in front of all others.
IN_FRONT = ("prompt", "p-tuning")
every_tuner = pytest.mark.parametrize("tuner", TUNERS)
every_base = pytest.mark.parametrize("base", BASES)


def wrapped(model: Any, config: Any) -> Any:
    """The model in PEFT's wrapper; it asks the library for a field that was renamed, with a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return peft.get_peft_model(model, config)


@cache
def traced(base: str, tuner: str) -> tuple[Any, Trace]:
    """A live model, and its trace."""
    torch.manual_seed(0)
    make, names = BASES[base]
    model = wrapped(make(), TUNERS[tuner](names))
    return model, traced_untouched(model)


def taps(model: Any) -> Iterator[Any]:
    """The backbone's hidden states, and the table of tokens."""
    inside = model.get_base_model()
    backbone = getattr(inside, inside.base_model_prefix)
    yield at_hidden(backbone)
    yield at_output(backbone.get_input_embeddings())


@every_base
@every_tuner
def test_each_tuner_reads_what_the_gradient_says(base: str, tuner: str) -> None:
    model, found = traced(base, tuner)
    assert_true(found, model.eval(), *taps(model))


@every_base
@every_tuner
def test_what_is_read_is_the_hidden_state_of_the_model_inside(base: str, tuner: str) -> None:
    model, found = traced(base, tuner)
    (readout,) = found.readouts
    inside = model.get_base_model()
    assert readout.tensor == "last_hidden_state"
    assert model.get_submodule(readout.module) is getattr(inside, inside.base_model_prefix)


@pytest.mark.parametrize("tuner", IN_FRONT)
def test_virtual_tokens_in_front_of_llama_hide_its_padding(tuner: str) -> None:
    """It sees vectors and no ids, and so reads the last position of all: a pad, if padding is on the right."""
    model, found = traced("llama", tuner)
    model.eval()
    ids, mask = torch.tensor([[5, 6, 7, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]])
    hidden, _ = taps(model)
    assert reaching(model, {"input_ids": ids, "attention_mask": mask}, hidden) == ((VIRTUAL + 4,),)
    view = found.at(input_ids=ids, attention_mask=mask)
    assert view.reads == {"last_hidden_state": ((VIRTUAL + 4,),)}
    assert found.readouts[0].kind == "last"
    assert "right_padded" in found.result.padding.reads_padding
    assert "left_padded" not in found.result.padding.reads_padding


@pytest.mark.parametrize("tuner", IN_FRONT)
def test_the_first_position_of_bert_is_a_virtual_token(tuner: str) -> None:
    """No token stands there, and so no pad, wherever padding is."""
    _, found = traced("bert", tuner)
    assert found.readouts[0].kind == "first"
    assert found.result.padding.reads_padding == ()


@pytest.mark.parametrize("tuner", [t for t in TUNERS if t not in IN_FRONT])
def test_other_tuners_read_what_the_model_read_before(tuner: str) -> None:
    kinds = {base: traced(base, tuner)[1].readouts[0].kind for base in BASES}
    assert kinds == {"bert": "first", "llama": "last_non_pad"}


@every_base
@pytest.mark.parametrize("tuner", IN_FRONT)
def test_the_folder_of_a_prompt_is_answered_as_its_live_model(base: str, tuner: str, tmp_path: Path) -> None:
    make, names = BASES[base]
    make().save_pretrained(tmp_path / "base")
    own = AutoModelForSequenceClassification.from_pretrained(tmp_path / "base")
    wrapped(own, TUNERS[tuner](names)).save_pretrained(tmp_path / "prompt")
    found, (_, live) = archtrace.trace(tmp_path / "prompt"), traced(base, tuner)
    assert [layout.bound for layout in found.result.layouts] == [layout.bound for layout in live.result.layouts]
    assert (found.result.status, found.readouts[0].kind) == ("exact", live.readouts[0].kind)
    assert f"{VIRTUAL} vectors stand in front" in {f.code: f.message for f in found.result.findings}["adapter"]


class Encoder(torch.nn.Module):
    """A module of the user's own, with a head that PEFT trains beside the adapter."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = bert().bert
        self.classifier = torch.nn.Linear(16, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.bert(input_ids, attention_mask).last_hidden_state
        logits: torch.Tensor = self.classifier(hidden[:, 1])
        return logits


def test_a_module_of_the_user_s_own_says_its_inputs() -> None:
    """PEFT's forward takes whatever it is given there: the signature is that of the module inside."""
    torch.manual_seed(0)
    config = peft.LoraConfig(r=2, target_modules=["query"], modules_to_save=["classifier"])
    model = wrapped(Encoder(), config)
    found = traced_untouched(model)
    backbone = model.get_base_model().bert
    assert_true(found, model.eval(), at_hidden(backbone), at_output(backbone.get_input_embeddings()))
    (readout,) = found.readouts
    assert (readout.kind, readout.module) == ("fixed", "base_model.model.bert")
