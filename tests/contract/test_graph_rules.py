"""Each graph rule holds its own cases, traced for real; the registry is the folder; codes mean one thing."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from archtrace import contract as package
from archtrace.contract.contract import Contract, declared
from archtrace.contract.examine import examine
from archtrace.contract.judge import CODE, judge
from archtrace.contract.rules import rules
from archtrace.contract.traced_model import ContractViolation
from archtrace_lint import RESERVED, RETIRED
from archtrace_lint import rules as source_rules

FOLDER = Path(package.__file__).parent / "rules"
CASES = [(rule.code, kind, name) for rule in rules() for kind in ("right", "wrong") for name in getattr(rule, kind)]
NAMES = {rule.code: rule.name for rule in source_rules()}


def contract_of(case: str) -> Contract:
    """The contract of a case: its class or target, and the terms that it declares."""
    scope: dict[str, Any] = {"torch": torch}
    exec(textwrap.dedent(case), scope)
    contract = declared("mine", {"target": "here", **scope.get("CONTRACT", {})}, "a case")
    return replace(contract, target=scope.get("Classifier") or scope["TARGET"])


def found(case: str) -> list[ContractViolation]:
    """What is wrong with the model of a case."""
    return judge(examine(contract_of(case)))


@pytest.mark.parametrize(("code", "kind", "name"), CASES, ids=[" ".join(case) for case in CASES])
def test_cases(code: str, kind: str, name: str) -> None:
    """A wrong model is told once, under the rule's code and no other; of a right one nothing is told."""
    rule = next(rule for rule in rules() if rule.code == code)
    broken = found(getattr(rule, kind)[name])
    assert [b.code for b in broken] == [code] * (kind == "wrong")
    for each in broken:
        assert "mine" in each.message
        assert "\n" not in each.message
        assert "; " in each.message


def test_no_rule_is_forgotten() -> None:
    """Files, codes and names agree, and each has a case of both kinds."""
    files = sorted(path.stem for path in FOLDER.glob("at*.py"))
    assert [f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in rules()] == files
    assert all(rule.right and rule.wrong for rule in rules())


def test_a_code_means_one_thing() -> None:
    """A code of a source rule has its name here too, and only a code without one brings words of its own."""
    for rule in rules():
        assert NAMES.get(rule.code, rule.name) == rule.name
        assert (rule.words is None) == (rule.code in NAMES)
    assert not {rule.code for rule in rules()} & {*RESERVED, *RETIRED, CODE}


def test_every_rule_of_the_table_is_there() -> None:
    """The rules that the issue of wrong readouts names, as source rules, graph rules or both."""
    graph = {f"AT{n:03}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14)}
    source = {f"AT{n:03}" for n in (1, 2, 3, 4, 6, 8, 9, 10, 11, *range(15, 24))}
    assert {rule.code for rule in rules()} == graph
    assert set(NAMES) == source


_BEHIND_A_VECTOR = """
    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.mix, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 2)

        def forward(self, input_ids, attention_mask):
            front = self.mix.weight[:1].expand(len(input_ids), 1, -1)
            return self.score(self.mix(torch.cat([front, self.embed(input_ids)], 1))[:, %d])


    CONTRACT = {"padding": "left"}
    """


@pytest.mark.parametrize(("index", "codes"), [(0, []), (3, ["AT004"]), (4, [])])
def test_a_pad_is_what_carries_one(index: int, codes: list[str]) -> None:
    """Behind a learned vector in front, which is no pad, position i carries token i - 1; the most pads in front are
    three."""
    broken = found(_BEHIND_A_VECTOR % index)
    assert [b.code for b in broken if b.code == "AT004"] == codes
