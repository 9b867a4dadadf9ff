"""The first lines of real models: what is read, what the modules do with it, what training reaches, what to watch."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

import archtrace
from archtrace.answer.result import Padding, Result
from archtrace_reports.text.account import account
from archtrace_reports.text.cautions import cautions
from archtrace_reports.text.wording import headline

from .samples import FNET

#: A model type to the whole of its first lines, as someone who knows the model would put them.
TOLD = {
    "roberta": "RobertaForSequenceClassification reads only the final hidden state of the first token (<s>). "
    "RobertaClassificationHead takes index 0; dense, tanh and out_proj follow.",
    "albert": "AlbertForSequenceClassification reads only the final hidden state of the first token ([CLS]). "
    "AlbertModel takes index 0; pooler, tanh and classifier follow.",
    "deberta": "DebertaForSequenceClassification reads only the final hidden state of the first token ([CLS]). "
    "ContextPooler does not pool: it takes index 0; dense, gelu and classifier follow.",
    "xlnet": "XLNetForSequenceClassification reads only the final hidden state of the last token (<cls>), even where "
    "that is padding. XLNetSequenceSummary takes the last index; summary, tanh and logits_proj follow.",
    "gpt2": "GPT2ForSequenceClassification reads only the final hidden state of the last token that is not padding. "
    "score runs on every position; GPT2ForSequenceClassification finds the position from input_ids, ignoring "
    "attention_mask.",
    "eurobert": "EuroBertForSequenceClassification reads only the mean of the final hidden states over all tokens that "
    "are not padding. dense, gelu and classifier run on every position; EuroBertForSequenceClassification averages "
    "them, leaving out the padding.",
    "big_bird": "BigBirdForSequenceClassification reads only the final hidden state of the first token ([CLS]). "
    "BigBirdClassificationHead takes index 0; dense and out_proj follow.",
}
SMALL = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}


@cache
def traced(kind: str) -> Result:
    sizes = {} if kind in ("gpt2", "xlnet", "fnet", "flaubert") else SMALL
    return archtrace.trace(kind, overrides=sizes).result


@pytest.mark.parametrize("kind", TOLD)
def test_the_first_lines(kind: str) -> None:
    assert f"{headline(traced(kind))} {account(traced(kind))}".startswith(TOLD[kind])


def _small(kind: str) -> Any:
    torch.manual_seed(0)
    sizes = {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48} if kind == "xlnet" else SMALL
    return AutoModelForSequenceClassification.from_config(AutoConfig.for_model(kind, **sizes)).eval()


@pytest.mark.parametrize("kind", ["big_bird", "xlnet", "roberta"])
def test_what_is_said_to_get_a_gradient_gets_one_and_the_rest_gets_none(kind: str) -> None:
    model = _small(kind)
    model(input_ids=torch.randint(10, 90, (2, 12))).logits.square().sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    total = len(list(model.parameters()))
    said = account(archtrace.trace(model).result)
    none = f"{len(without)} of the {total} parameter tensors get no gradient"
    assert (none in said) if without else "gradient" not in said


WATCHED = {
    "roberta": (False, "pad on the right"),
    "xlnet": (False, "pad on the left"),
    "gpt2": (False, "recognised by pad_token_id alone"),
    "fnet": (True, "masked padding on the left or on the right or inside a text reaches the logits"),
    "flaubert": (True, "a state is read that is the same for every text"),
}


@pytest.mark.parametrize("kind", WATCHED)
def test_what_to_watch_out_for_comes_with_the_worst_first(kind: str) -> None:
    found = cautions(traced(kind))
    assert [c.grave for c in found] == sorted((c.grave for c in found), reverse=True)
    grave, words = WATCHED[kind]
    assert any(words in c.text and c.grave == grave for c in found)


def test_a_masked_mean_needs_no_caution() -> None:
    assert cautions(traced("eurobert")) == []


LEAKS = replace(FNET, padding=Padding(True, ()))


def _in(*names: str, refused: str = "") -> Result:
    """An answer in which masked padding reaches the logits in these layouts, and no layout else was tried but one that
    was refused."""
    (leaking,) = [layout for layout in LEAKS.layouts if layout.name == "left_padded"]
    layouts = [replace(leaking, name=name) for name in names]
    layouts += [replace(leaking, name=refused, refused="too long a row")] if refused else []
    return replace(LEAKS, layouts=tuple(layouts))


PLACES = {
    ("given",): "masked padding reaches the logits: ",
    ("left_padded",): "masked padding on the left reaches the logits: ",
    ("masked_tail",): "what only the mask hides reaches the logits: ",
}


@pytest.mark.parametrize("names", PLACES)
def test_where_padding_reaches_is_told_of_what_was_tried_alone(names: tuple[str, ...]) -> None:
    assert cautions(_in(*names, refused="right_padded"))[0].text.startswith(PLACES[names])
