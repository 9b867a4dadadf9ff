"""sentence-transformers: a pipeline of modules that hand on one dict of features, read by name and untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from wrapper_truth import SIZES, Tap, assert_true, at_hidden, at_output, bert, llama, traced_untouched

Save = Callable[[Any], str]
WIDTH = SIZES["hidden_size"]
#: Draws of the hidden states in which each position holds the maximum of some feature.
MANY = 30
MODES = (*Pooling.POOLING_MODES, ("cls", "max", "mean"))
#: What a mode is called; the first that is attended has no name of its own.
KINDS = {"mean": "masked_mean", "mean_sqrt_len_tokens": "masked_mean", "lasttoken": "last_non_pad"}


@pytest.fixture(scope="module")
def encoder(saved: Save) -> str:
    torch.manual_seed(0)
    return saved(bert().bert)


@pytest.fixture(scope="module")
def decoder(saved: Save) -> str:
    torch.manual_seed(0)
    return saved(llama().model)


def pipeline(folder: str, mode: Any, *further: torch.nn.Module) -> Any:
    """A sentence encoder that pools in one way."""
    return SentenceTransformer(modules=[Transformer(folder), Pooling(WIDTH, mode), *further], device="cpu")


def at_features(module: torch.nn.Module, name: str) -> Tap:
    """At a feature that a module is given: its transformer is run past the hooks."""

    def tap(leaf: Callable[[torch.Tensor], torch.Tensor]) -> Any:
        def hook(_module: torch.nn.Module, args: Any) -> Any:
            return ({**args[0], name: leaf(args[0][name])}, *args[1:])

        return module.register_forward_pre_hook(hook)

    return tap


def taps(model: Any) -> Iterator[Tap]:
    """What is pooled, and the table of tokens."""
    yield at_features(model[1], "token_embeddings")
    yield at_output(model[0].model.get_input_embeddings())


def embedded(model: Any) -> Callable[..., torch.Tensor]:
    """Runs the pipeline on inputs by name."""
    model.eval()
    return lambda **inputs: model(inputs)["sentence_embedding"]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_each_pooling_mode_reads_what_the_gradient_says(mode: Any, encoder: str) -> None:
    model = pipeline(encoder, mode)
    found = traced_untouched(model)
    assert_true(found, embedded(model), *taps(model), draws=MANY if "max" in mode else 1)
    assert found.result.output == "sentence_embedding"
    assert {(r.tensor, r.module) for r in found.readouts} == {("last_hidden_state", "0.model")}
    assert mode not in KINDS or [r.kind for r in found.readouts] == [KINDS[mode]]


@pytest.mark.parametrize("mode", ["mean", "lasttoken"])
def test_modules_behind_the_pooling_change_nothing(mode: str, decoder: str) -> None:
    model = pipeline(decoder, mode, Dense(WIDTH, 8), Normalize())
    found = traced_untouched(model)
    assert_true(found, embedded(model), *taps(model))
    assert [r.kind for r in found.readouts] == [KINDS[mode]]


def test_it_is_asked_with_what_its_tokenizer_returns(encoder: str) -> None:
    model = pipeline(encoder, "mean")
    found = traced_untouched(model)
    features = model.preprocess(["w1 w2 w3 w4", "w5 w6"])
    view = found.at(**{name: value for name, value in features.items() if isinstance(value, torch.Tensor)})
    assert view.reads == {"last_hidden_state": ((0, 1, 2, 3), (0, 1))}


@pytest.mark.parametrize("make", [bert, llama])
def test_a_cross_encoder_reads_what_its_classifier_reads(make: Callable[[], Any], saved: Save) -> None:
    torch.manual_seed(0)
    model: Any = CrossEncoder(saved(make()), device="cpu", local_files_only=True)
    found = traced_untouched(model)
    inner = model[0].model
    backbone = getattr(inner, inner.base_model_prefix)
    model.eval()
    assert_true(
        found, lambda **inputs: model(inputs)["scores"], at_hidden(backbone), at_output(inner.get_input_embeddings())
    )
    (readout,) = found.readouts
    assert (readout.tensor, found.result.output) == ("last_hidden_state", "scores")
    assert readout.kind == {bert: "first", llama: "last_non_pad"}[make]
