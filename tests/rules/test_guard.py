"""The guard of the registry: a rule that loses an operand is widened, and says so."""

from __future__ import annotations

import pytest
import torch
from rule_oracle import bound
from rule_samples import floats, make

from archtrace.reach.rules import registry
from archtrace.reach.rules.contractions import reach
from archtrace.reach.rules.registry import Call, Transfer, silent, single

aten = torch.ops.aten


def _by_another_name(call: Call) -> Transfer:
    """Fetches `weight`, where the op says `other`."""
    return single(call, reach("ab", (call["self"], "ab"), (call["weight"], "ab")))


def test_a_rule_that_loses_an_operand_is_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.RULES, "aten::maximum", _by_another_name)
    case = make(aten.maximum.default, floats(2, 3), floats(2, 3) + 1, unknown=(0, 1))
    step = case.step()
    assert not step.narrowed
    assert step.reason == "the rule of aten::maximum overlooks other"
    assert all(claim.all() for claim in bound(case, step).values())


def test_a_known_operand_need_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.RULES, "aten::maximum", _by_another_name)
    assert make(aten.maximum.default, floats(2, 3), floats(2, 3) + 1, unknown=(0,)).step().narrowed


def test_a_rule_may_say_that_an_operand_reaches_nothing() -> None:
    step = make(aten.type_as.default, floats(2, 3), floats(1), unknown=(0, 1)).step()
    assert step.narrowed
    assert [slot for slot, _ in step.flows[0]] == [0]


def test_silence_is_told_of_operands_alone() -> None:
    call = make(aten.addmm.default, floats(2), floats(2, 3), floats(3, 2), unknown=(0, 1), beta=0).call()
    assert silent(single(call, ()), call["self"], call["mat2"], None).silent == {0}
