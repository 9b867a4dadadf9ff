"""The terms of a contract against real models: what holds is silent, what broke is told in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from archtrace.answer.result import Index, Readout
from archtrace.contract.contract import declared, matches
from archtrace.contract.examine import examine
from archtrace.contract.judge import judge
from archtrace.contract.traced_model import ContractViolation
from archtrace.errors import TargetError
from archtrace.testing import assert_reads

#: Without token types and permutations these are never used.
DEAD_IN_XLNET = ("transformer.mask_emb", "*.r_s_bias", "*.seg_embed")

TWO = {"num_hidden_layers": 2}


@cache
def _broken(target: str, terms: tuple[tuple[str, Any], ...]) -> list[ContractViolation]:
    table = {name: list(value) if isinstance(value, tuple) else value for name, value in terms}
    return judge(
        examine(declared("mine", {"target": target, **table, "config": dict(table.get("config", ()))}, "here"))
    )


def broken(target: str, **terms: Any) -> list[ContractViolation]:
    """What is wrong with a library model under a contract; its config has two layers unless given."""
    config = tuple({**TWO, **terms.pop("config", {})}.items())
    return _broken(target, tuple(sorted({**terms, "config": config}.items())))


def codes(found: list[ContractViolation]) -> list[str]:
    """The codes alone."""
    return [each.code for each in found]


@pytest.mark.parametrize("reads", ["first", "last_hidden_state[:, 0]", "last_hidden_state[:,0]"])
def test_a_contract_that_holds_is_silent(reads: str) -> None:
    """By kind, by slice, spaces aside."""
    assert broken("bert", reads=reads, padding="right") == []


def test_what_was_and_what_is() -> None:
    """Both in words, at the readout that changed."""
    (changed,) = broken(
        "eurobert", reads="last_hidden_state[:, 0]", config={"classifier_pooling": "mean", "pad_token_id": 0}
    )
    assert changed.message == (
        "mine: was `last_hidden_state[:, 0]`, is now the masked mean of last_hidden_state "
        "(`last_hidden_state.mean(1, where=attention_mask)`)"
    )
    assert (changed.code, changed.term, changed.readout) == ("AT100", "reads", 0)


def test_more_and_less_than_declared() -> None:
    """A readout too many on either side."""
    (lost,) = broken("bert", reads=("first", "mean"))
    assert lost.message == "mine: was the mean of the hidden states over all positions, which it no longer reads"
    assert lost.readout is None


@pytest.mark.parametrize(
    ("target", "code", "terms"),
    [
        ("fnet", "AT014", {}),
        ("big_bird", "AT007", {}),
        ("canine", "AT007", {"pad_leak": True}),
        ("xlnet", "AT004", {"padding": "right", "dead_parameters": DEAD_IN_XLNET, "config": {"n_layer": 2}}),
        ("bert", "AT004", {"padding": "either"}),
        ("deberta", "AT008", {"modules_to_save": ()}),
        ("bart", "AT011", {"pad_leak": True, "config": {"encoder_layers": 1, "decoder_layers": 1}}),
        ("gpt2", "AT012", {}),
    ],
)
def test_what_is_wrong_with_models_of_the_library(target: str, code: str, terms: dict[str, Any]) -> None:
    """The real instances of the rules that are alive in the library."""
    assert codes(broken(target, **terms)) == [code]


@pytest.mark.parametrize(
    ("target", "terms"),
    [
        ("fnet", {"pad_leak": True}),
        ("big_bird", {"dead_parameters": ("bert.pooler.*",)}),
        ("deberta", {"modules_to_save": ("pooler",)}),
        ("bert", {"modules_to_save": ()}),
    ],
)
def test_what_a_contract_allows(target: str, terms: dict[str, Any]) -> None:
    """Said, it is no finding; BERT's pooler is a part of the pretrained model, which an adapter need not save."""
    assert broken(target, **terms) == []


def test_what_a_contract_allows_for_nothing() -> None:
    """An allowance that nothing needs any more."""
    found = broken("bert", pad_leak=True, dead_parameters=("bert.pooler.*",))
    assert [(b.code, b.term) for b in found] == [("AT100", "pad_leak"), ("AT100", "dead_parameters")]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("bert", "is no table"),
        ({}, "has no target"),
        ({"target": "bert", "read": "first"}, "did you mean reads?"),
        ({"target": "bert", "reads": "frist"}, "did you mean first?"),
        ({"target": "bert", "reads": 3}, "is no text, and no list of texts: 3"),
        ({"target": "bert", "padding": "top"}, "write one of left, right, either"),
        ({"target": "bert", "pad_leak": "no"}, "neither true nor false"),
        ({"target": "bert", "num_labels": 0}, "no number of labels: 0"),
        ({"target": "bert", "inputs": [1]}, "is no table"),
        ({"target": " "}, "is no text"),
    ],
)
def test_what_no_contract_can_say(table: Any, told: str) -> None:
    """What, where, and what to do."""
    with pytest.raises(TargetError) as raised:
        declared("mine", table, "pyproject.toml:7")
    assert "mine" in str(raised.value)
    assert "where: pyproject.toml:7" in str(raised.value)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("term", "holds"),
    [
        ("encoder.last_hidden_state.mean(1, where=attention_mask)", True),
        ("last_hidden_state.mean(1,where=attention_mask)", True),
        ("masked_mean", True),
        ("state.mean(1, where=attention_mask)", False),
        ("last_hidden_state.mean(1)", False),
        ("last_hidden_state[:, 0]", False),
    ],
)
def test_a_tensor_is_named_from_any_module_on(term: str, holds: bool) -> None:
    """By whole names, and the rest of the slice as it is."""
    readout = Readout(
        tensor="encoder.last_hidden_state",
        module="encoder",
        kind="masked_mean",
        slice="encoder.last_hidden_state.mean(1, where=attention_mask)",
        index=Index("attention_mask", ("attention_mask",)),
        status="exact",
        source=None,
        path=(),
        steps=(),
    )
    assert matches(term, readout) == holds


def test_assert_reads_passes_and_fails_in_words(tiny: Callable[[str], Any]) -> None:
    """Of a live module, a class, or a target by name."""
    first = tiny("first")
    assert_reads(first(), "embedding[:, 0]")
    assert_reads(first, "first", padding="right")
    with pytest.raises(
        AssertionError, match=r"AT100 \w+: was the masked mean of the hidden states, is now index 0 of embedding"
    ):
        assert_reads(first, "masked_mean")
    with pytest.raises(AssertionError, match="AT004"):
        assert_reads(first, "first", padding="left")
