"""The library's heads: what is read, and which tokens, pixels or samples reach the output, equals the Jacobian.

Each model is real and tiny, and its forward runs in float64. `-m sweep` looks at more of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
import transformers
from slopes import heard, shown

import archtrace

WIDTHS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
TEXT = {**WIDTHS, "vocab_size": 60}
DISTILLED = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "vocab_size": 60}
GPT = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 60, "bos_token_id": 1, "eos_token_id": 2}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": 60}
LLAMA = {**TEXT, "num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
PIXELS = {**WIDTHS, "image_size": 16, "patch_size": 8}
SOUND = {
    **WIDTHS,
    "conv_dim": (8, 8),
    "conv_kernel": (5, 3),
    "conv_stride": (3, 2),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 20,
    "classifier_proj_size": 8,
    "tdnn_dim": (8,) * 5,
    "xvector_output_dim": 8,
}
IMAGES = {"hidden_sizes": [8, 16], "depths": [1, 1], "embedding_size": 8, "layer_type": "basic"}


class Case(NamedTuple):
    """A class of the library, the fields of its config, and the output that is asked about."""

    name: str
    fields: dict[str, Any]
    output: str = ""


CASES = (
    Case("BertForTokenClassification", TEXT, "logits[:, 3]"),
    Case(
        "DistilBertForQuestionAnswering",
        {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "vocab_size": 60},
        "end_logits[:, 4]",
    ),
    Case("AlbertForMultipleChoice", {**TEXT, "embedding_size": 8}),
    Case("GPT2LMHeadModel", GPT, "logits[:, 5]"),
    Case("T5EncoderModel", T5, "last_hidden_state[:, 1]"),
    Case("ViTForImageClassification", PIXELS),
    Case("Wav2Vec2ForSequenceClassification", SOUND),
)
MORE = (
    Case("RobertaForTokenClassification", {**TEXT, "pad_token_id": 1}, "logits[:, 0]"),
    Case("BertForNextSentencePrediction", TEXT),
    Case("BertForMaskedLM", TEXT, "logits[:, 7]"),
    Case("ElectraForQuestionAnswering", {**TEXT, "embedding_size": 8}, "start_logits[:, 2]"),
    Case("LlamaForCausalLM", LLAMA, "logits[:, 5]"),
    Case("MistralForTokenClassification", {**LLAMA, "sliding_window": 3}, "logits[:, 6]"),
    Case("BertForMultipleChoice", TEXT),
    Case("DeiTForImageClassification", PIXELS),
    Case("BeitForImageClassification", PIXELS),
    Case("Dinov2ForImageClassification", PIXELS),
    Case("ResNetForImageClassification", IMAGES),
    Case("Wav2Vec2ForAudioFrameClassification", SOUND, "logits[:, 2]"),
    Case("WavLMForXVector", SOUND),
    Case("TimesformerForVideoClassification", {**PIXELS, "num_frames": 2}),
)


def names(cases: tuple[Case, ...]) -> list[str]:
    """What pytest calls them."""
    return [case.name for case in cases]


def tables(model: Any) -> list[torch.nn.Module]:
    """The modules that look words up."""
    weight = model.get_input_embeddings().weight
    return [m for m in model.modules() if isinstance(m, torch.nn.Embedding) and m.weight is weight]


def asked(result: Any, output: str) -> torch.Tensor:
    """The output that a case asks about: a field, or one position of it."""
    field, _, index = output.partition("[:, ")
    whole: torch.Tensor = result[field] if field else result.logits
    return whole[:, int(index.removesuffix("]"))] if index else whole


def equals_the_jacobian(case: Case) -> None:
    """Trace the class as it is, and look at the layout that its own inputs make."""
    torch.manual_seed(0)
    kind = getattr(transformers, case.name)
    model = kind(kind.config_class(**case.fields)).eval().double()
    trace = archtrace.trace(model, output=case.output)
    assert trace.result.status == "exact", trace.result.findings
    (layout, *_), (readout, *_) = trace.result.layouts, trace.result.readouts
    inputs = {name: torch.as_tensor(value) for name, value in layout.inputs.items()}
    (main, *_) = inputs
    parts = {"states": model.get_submodule(readout.module)} if readout.module else {}
    if inputs[main].is_floating_point():
        inputs[main] = torch.randn(inputs[main].shape, dtype=torch.float64).requires_grad_()
    else:
        parts["embedded"] = tables(model)[-1]  # tied tables are several modules, of which the last is called
    with heard(parts) as kept:
        output = asked(model(**inputs), case.output)
    assert layout.bound.tokens == shown(kept.get("embedded", inputs[main]), output)
    assert ("states" in kept) is bool(readout.module)
    if "states" in kept:
        assert layout.bound.reads[readout.tensor] == shown(kept["states"], output)


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_a_head_equals_the_jacobian(case: Case) -> None:
    """One of each kind."""
    equals_the_jacobian(case)


@pytest.mark.sweep
@pytest.mark.parametrize("case", MORE, ids=names(MORE))
def test_more_heads_equal_the_jacobian(case: Case) -> None:
    """A dozen more."""
    equals_the_jacobian(case)


def test_features_without_ids_have_a_small_model_and_zeros_will_do() -> None:
    """A model of pixels too large to be run is run in small; of zeros the witness draws others."""
    wide = {"hidden_size": 320, "num_attention_heads": 4, "intermediate_size": 1280, "num_hidden_layers": 2}
    overrides = {**wide, "image_size": 32, "patch_size": 8}
    inputs = {"pixel_values": torch.zeros(2, 3, 32, 32)}
    trace = archtrace.trace("transformers:ViTForImageClassification", overrides=overrides, inputs=inputs)
    assert sum(p.numel() for p in trace.module.parameters()) > 2_000_000
    assert trace.result.status == "exact"
    assert [r.slice for r in trace.readouts] == ["last_hidden_state[:, 0]"]


def test_features_have_the_type_of_the_model() -> None:
    """Half-precision pixels for a half-precision model."""
    kind = transformers.TimesformerForVideoClassification
    model = kind(kind.config_class(**PIXELS, num_frames=2)).eval().bfloat16()
    assert [r.slice for r in archtrace.trace(model).readouts] == ["last_hidden_state[:, 0]"]
