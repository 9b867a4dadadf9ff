"""explain: each code has a page that says why, where it happened, and what to write instead."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from archtrace_lint import RESERVED
from archtrace_reports.check.meaning import Meaning, meanings
from archtrace_reports.check.problem import OWN, SUMMARIES

Ask = Callable[..., Any]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("told", meanings().values(), ids=lambda told: told.code)
def test_a_page_says_what_people_ask(ask: Ask, told: Meaning) -> None:
    answer = ask("explain", told.code.lower())
    assert (answer.code, answer.err) == (0, "")
    title, _, rest = answer.out.partition("\n\n")
    assert title == f"{told.code} {told.name}"
    assert words(rest).startswith(words(f"{told.summary} {told.why} Where it happened * {told.real[0]}"))
    assert words(f"What to write instead {told.instead}") in words(rest)
    source, graph = told.source, told.graph
    for rule in filter(None, (source, graph)):
        assert words(rule.unseen) in words(rest)


def words(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("told", meanings().values(), ids=lambda told: told.code)
def test_prose_is_as_wide_as_the_terminal_and_code_is_as_it_is(
    ask: Ask, told: Meaning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    page = ask("explain", told.code).out
    code = FENCED.findall(told.instead)
    assert all(block in page for block in code)
    prose = FENCED.sub("", page).splitlines()
    # A word that is longer, an address say, is not cut.
    assert [line for line in prose if len(line) > 60 and " " in line.strip("* ")] == []


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
    assert words(answer.out).startswith(f"AT099 unused-noqa {SUMMARIES['AT099']} AT000 does-not-parse ")


def test_without_a_code_all_are_listed(ask: Ask) -> None:
    listed = [line.split()[0] for line in ask("explain").out.splitlines()]
    assert listed == sorted({*meanings(), *OWN})


def test_a_code_that_is_none(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("explain", "AT0010") == (2, "", "archtrace: there is no rule AT0010; did you mean AT010?\n")
    monkeypatch.setitem(RESERVED, "AT098", "one to come")
    assert ask("explain", "AT098").err == "archtrace: AT098 is no rule now: one to come\n"
