"""AT023: what is written instead of a truth test is run, with the pad ids that tokenizers have."""

from __future__ import annotations

import pytest
from lint_cases import codes

from archtrace_lint import check_source, fixed

#: What is asked of a pad id, and what it must be for the ids 0, 7 and None when eos is 2.
ASKED = [
    ("pad_token_id or eos", [0, 7, 2]),
    ("(pad_token_id or eos) + 1", [1, 8, 3]),
    ("max(pad_token_id or eos, -1)", [0, 7, 2]),
    ("max(pad_token_id or max(eos, 1), -1)", [0, 7, 2]),
    ("pad_token_id if pad_token_id else eos", [0, 7, 2]),
    ("'none' if not pad_token_id else pad_token_id", [0, 7, "none"]),
    ("[n for n in (1, 2) if pad_token_id and n]", [[1, 2], [1, 2], []]),
    ("1 if pad_token_id and eos else 2", [1, 1, 2]),
    ("1 if eos > 5 or pad_token_id else 2", [1, 1, 2]),
]


@pytest.mark.parametrize(("asked", "right"), ASKED)
def test_what_is_written_instead_is_right_for_every_id(asked: str, right: list[object]) -> None:
    """Before, an id of 0 goes the way of None."""
    source = f"def f(pad_token_id, eos):\n    return {asked}\n"
    before, after = run(source), run(fixed(source, check_source("x.py", source)))
    assert after == right
    assert before != right
    assert before[1:] == right[1:]


def run(source: str) -> list[object]:
    """What a function gives for the ids 0, 7 and None."""
    scope: dict[str, object] = {}
    exec(compile(source, "example", "exec"), scope)
    return [scope["f"](pad, 2) for pad in (0, 7, None)]  # type: ignore[operator]


ASKING = [
    "if tokenizer.pad_token_id:\n        pass",
    "if not self.pad_id:\n        pass",
    "while pad_idx:\n        pass",
    "assert config['pad_token_id'] and rows",
    "x = config.get('pad_token_id') or 3",
    "x = getattr(config, 'pad_token_id', None) or config.eos_token_id or 0",
    "x = [1 for row in rows if tgt_pad_idx and row]",
    "x = model(ids, mask=(ids != pad_token_id) if pad_token_id else None)",
]

SILENT = [
    "if tokenizer.pad_token_id is None:\n        pass",
    "if pad_token_id == 0:\n        pass",
    "if ids.eq(pad_token_id).any():\n        pass",
    "x = tokenizer.pad_token or tokenizer.eos_token",
    "x = pad_id or 0",
    "x = pad_id if pad_id else 0",
    "x = pad_token_id or self.pad_token_id or 0",
    "if not pad_id:\n        pad_id = 0",
    "if use_pad_id:\n        pass",
    "x = model.generate(ids, pad_token_id=pad_token_id or eos)",
    "x = dict(max_new_tokens=3, pad_token_id=pad_token_id or eos)",
    "x = SamplingParams(stop=[pad_token_id or eos])",
    "x = pads or eos",
]


@pytest.mark.parametrize("line", ASKING)
def test_the_truth_of_an_id_is_asked_in_many_ways(line: str) -> None:
    """Statements, operators, items and attributes."""
    assert codes(f"def f(self, rows):\n    {line}\n") == ["AT023"]


@pytest.mark.parametrize("line", SILENT)
def test_what_is_right_for_zero_is_left_alone(line: str) -> None:
    """Comparisons, tokens, what gives 0 for 0, and what follows the end of a text."""
    assert codes(f"def f(self, rows):\n    {line}\n") == []
