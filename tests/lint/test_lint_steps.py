"""Steps: how a finding came about. Each case numbers by hand, in comments, the lines through which the value goes."""

from __future__ import annotations

import re

import pytest
from lint_cases import code

from archtrace_lint import check_source, rules

CASES = {
    "in one function": """
        def pool(hidden_states, attention_mask):  # 1
            last = attention_mask.sum(1) - 1  # 2
            other = hidden_states.mean(1)
            index = last[:, None]  # 3
            return hidden_states.gather(1, index), other  # 4
        """,
    "the name that is bound last": """
        def pool(hidden_states, mask, attention_mask):
            mask = attention_mask.long()
            mask = attention_mask.int()  # 1
            last = mask.sum(1) - 1  # 2
            last = last % mask.shape[1]  # 3
            last = last.to("cpu")  # 4
            return hidden_states[range(8), last]  # 5
        """,
    "through a helper": """
        def ends(attention_mask):  # 1
            return attention_mask.sum(1) - 1  # 2


        def pool(hidden_states, attention_mask):
            last = ends(attention_mask)  # 3
            return hidden_states[range(8), last]  # 4
        """,
    "a mask that the module makes": """
        batch = tokenizer(texts, padding=True, return_tensors="pt")  # 1
        hidden_states = model(**batch).last_hidden_state
        attention_mask = batch["attention_mask"]  # 2
        last = attention_mask.sum(1) - 1  # 3
        pooled = hidden_states[range(8), last]  # 4
        """,
    "a loop": """
        def pool(hidden_states, attention_mask):  # 1
            for row, attention_mask in zip(hidden_states, attention_mask):  # 2
                end = attention_mask.sum() - 1  # 3
                yield hidden_states[row, end]  # 4
        """,
}


#: Lines that are no step, though the name of one is bound there.
LEFT_OUT = {"the name that is bound last": (2,)}


@pytest.mark.parametrize("name", CASES)
def test_the_steps_are_those_that_one_reads(name: str) -> None:
    source = code(CASES[name])
    numbered = {int(m[1]): n for n, line in enumerate(source.split("\n"), 1) if (m := re.search(r"# (\d)$", line))}
    (violation,) = (v for v in check_source("example.py", source) if v.code == "AT001")
    lines = list(dict.fromkeys(step.line for step in violation.flow))
    told = {line for line in lines if line in numbered.values() or line in LEFT_OUT.get(name, ())}
    assert [line for line in lines if line in told] == [numbered[n] for n in sorted(numbered)]


def test_steps_are_told_in_words() -> None:
    source = code(CASES["through a helper"])
    (violation,) = check_source("example.py", source)
    lines = source.split("\n")
    assert [(lines[s.line - 1][s.col - 1 : s.end_col - 1], s.note) for s in violation.flow] == [
        ("attention_mask", "`attention_mask` comes in"),
        ("attention_mask.sum(1) - 1", "becomes the index"),
        ("ends(attention_mask)", "`ends` returns it"),
        ("hidden_states[range(8), last]", "read at that index"),
    ]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_every_finding_is_among_its_steps(rule: object) -> None:
    """And every other step says what happens there; places lie in the source, steps before the finding come first."""
    for text in getattr(rule, "invalid").values():  # noqa: B009
        source = code(text)
        lines = source.split("\n")
        for violation in check_source("example.py", source, [getattr(rule, "code")]):  # noqa: B009
            at = [step[:4] for step in violation.flow].index(violation.span)
            assert all(step.note for step in violation.flow if step[:4] != violation.span)
            assert len({step[:4] for step in violation.flow}) == len(violation.flow)
            assert all(0 < s.col <= len(lines[s.line - 1]) and s.end_line <= len(lines) for s in violation.flow)
            before = [step[:2] for step in violation.flow[:at]]
            assert before == sorted(before)
