"""Each rule holds its own cases; the registry is the folder."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from lint_cases import code

import archtrace_lint
from archtrace_lint import RESERVED, RETIRED, check_source, rules
from archtrace_lint import rules as registry
from archtrace_lint.dataflow.spellings import ADAPTERS, MASK_METHODS
from archtrace_lint.rules.at009_virtual_token_shift import PREPENDING
from archtrace_lint.source.prefilter import PREFILTERS, contains_each

PACKAGE = Path(archtrace_lint.__file__).parent
CASES = [(rule.code, kind, name) for rule in rules() for kind in ("valid", "invalid") for name in getattr(rule, kind)]


@pytest.mark.parametrize(("number", "kind", "name"), CASES, ids=[" ".join(case) for case in CASES])
def test_cases(number: str, kind: str, name: str) -> None:
    """A wrong case is found once, a right one not at all, by its own rule; and no rule mistakes a right one."""
    rule = next(r for r in rules() if r.code == number)
    source = code(getattr(rule, kind)[name])
    compile(source, name, "exec")
    found = [v.code for v in check_source("example.py", source)]
    assert found.count(number) == (kind == "invalid"), found
    assert kind == "invalid" or found == []


def test_no_rule_is_forgotten() -> None:
    """Files, codes, rows of words, and names agree."""
    files = sorted(path.stem for path in (PACKAGE / "rules").glob("at*.py"))
    assert [f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in rules()] == files
    assert list(PREFILTERS) == [rule.code for rule in rules()]
    assert registry is rules


def test_codes_are_used_once() -> None:
    """No code of a rule that is no more, or is to come, is given to another."""
    numbers = [*(rule.code for rule in rules()), *RESERVED, *RETIRED]
    assert len(numbers) == len(set(numbers))
    assert all(re.fullmatch(r"AT\d{3}", number) for number in numbers)
    assert len({rule.name for rule in rules()}) == len(rules())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_rules_say_all_there_is_to_say(rule: object) -> None:
    """Why, a real instance, what to write instead, what is not seen; two cases of each kind."""
    for field in ("summary", "why", "real", "instead", "unseen"):
        assert getattr(rule, field)
    assert len(getattr(rule, "valid")) >= 2  # noqa: B009
    assert len(getattr(rule, "invalid")) >= 2  # noqa: B009


def test_the_words_of_a_rule_fit_its_tables() -> None:
    """The search passes over nothing that the tables name."""
    table = tomllib.loads((PACKAGE / "dataflow" / "architectures.toml").read_text())
    for prefix in table["without_pooler"]:
        assert contains_each(prefix.encode(), PREFILTERS["AT010"].groups[2:3]), prefix
    for method in MASK_METHODS:
        assert contains_each(f"def {method}".encode(), PREFILTERS["AT015"].groups[:1]), method
    for config in PREPENDING:
        assert ADAPTERS.fullmatch(config)
        assert contains_each(config.encode(), PREFILTERS["AT009"].groups[2:]), config


def test_messages_are_one_line_and_say_what_to_do() -> None:
    """What and why, a semicolon, what to do; 90 characters, so that a line with a usual path has at most 120.

    None names a line: a line of a notebook is one of its cell, and only what knows the cell can tell it.
    """
    for rule in rules():
        for text in rule.invalid.values():
            for violation in check_source("example.py", code(text), [rule.code]):
                assert "\n" not in violation.message
                assert "; " in violation.message
                assert len(violation.message) <= 90, violation.message
                assert not re.search(r"\bline \d", violation.message)
