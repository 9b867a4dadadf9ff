"""explain: each code has a page that says why, where it happened, and what to write instead."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from archtrace_lint import RESERVED
from archtrace_reports.check.meaning import Meaning, meanings
from archtrace_reports.check.problem import OWN, SUMMARIES

Ask = Callable[..., Any]


@pytest.mark.parametrize("told", meanings().values(), ids=lambda told: told.code)
def test_a_page_says_what_people_ask(ask: Ask, told: Meaning) -> None:
    answer = ask("explain", told.code.lower())
    assert (answer.code, answer.err) == (0, "")
    title, _, rest = answer.out.partition("\n\n")
    assert title == f"{told.code} {told.name}"
    assert rest.startswith(f"{told.summary}\n\n{told.why}\n\nWhere it happened\n* {told.real[0]}\n")
    assert f"\n\nWhat to write instead\n{told.instead}\n" in rest
    source, graph = told.source, told.graph
    for rule in filter(None, (source, graph)):
        assert f"\n{rule.unseen}\n" in rest


@pytest.mark.parametrize("told", meanings().values(), ids=lambda told: told.code)
def test_the_examples_are_those_of_the_tests(ask: Ask, told: Meaning) -> None:
    rest = ask("explain", told.code, "--examples").out
    assert rest.startswith(ask("explain", told.code).out.rpartition("\n\n")[0])
    source, graph = told.source, told.graph
    cases = [*source.invalid.values(), *source.valid.values()] if source else []
    cases += [*graph.wrong.values(), *graph.right.values()] if graph else []
    assert cases
    for code in cases:
        assert textwrap.indent(textwrap.dedent(code).strip("\n"), "    ") in rest


def test_the_codes_of_the_check_itself_are_explained(ask: Ask) -> None:
    assert set(OWN) == set(SUMMARIES)
    answer = ask("explain", "at099", "AT000")
    assert answer.code == 0
    assert answer.out.startswith(f"AT099 unused-noqa\n\n{SUMMARIES['AT099']}\n\nAT000 does-not-parse\n\n")


def test_without_a_code_all_are_listed(ask: Ask) -> None:
    listed = [line.split()[0] for line in ask("explain").out.splitlines()]
    assert listed == sorted({*meanings(), *OWN})


def test_a_code_that_is_none(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("explain", "AT0010") == (2, "", "archtrace: there is no rule AT0010; did you mean AT010?\n")
    monkeypatch.setitem(RESERVED, "AT098", "one to come")
    assert ask("explain", "AT098").err == "archtrace: AT098 is no rule now: one to come\n"
