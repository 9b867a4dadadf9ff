"""What a fix makes useless goes with it: wraps, bounds, counts with a name, and comments on these. All else stays."""

from __future__ import annotations

import ast
import re
import textwrap

import pytest
import torch
from fix_runs import AROUND, PAD, batches, mend, run
from hypothesis import given, settings
from lint_cases import code

from archtrace_lint import check_source

#: What stands before, and what --fix leaves of it: nothing that it made useless, and all else as it was. The fix itself
#: is written `last(NAME)`.
MENDED = {
    "a wrap in the next statement, and what is said of it": (
        """
        # if no pad token found, use modulo instead of reverse indexing for ONNX compatibility
        last = torch.eq(ids, pad_token_id).int().argmax(-1) - 1
        last = last % ids.shape[-1]  # never below 0
        last = last.to(logits.device)  # moved
        return logits[rows, last]
        """,
        """
        last = last(ids)
        last = last.to(logits.device)  # moved
        return logits[rows, last]
        """,
    ),
    "a wrap behind a move, by %=": (
        """
        # the last token
        last = (ids == pad_token_id).int().argmax(-1) - 1
        last = last.to(logits.device)
        # as some rows have no pad: wrap
        last %= ids.size(1)
        return logits[rows, last]
        """,
        """
        # the last token
        last = last(ids)
        last = last.to(logits.device)
        return logits[rows, last]
        """,
    ),
    "a bound around it": (
        """
        # clamped at 0
        last = (attention_mask.sum(1) - 1).clamp(min=0)
        last = torch.clamp(last, min=0)
        return logits[rows, last]
        """,
        """
        last = last(attention_mask)
        return logits[rows, last]
        """,
    ),
    "a count that has a name, and no other use": (
        """
        lengths = attention_mask.sum(1)
        return logits[rows, lengths - 1]
        """,
        """
        return logits[rows, last(attention_mask)]
        """,
    ),
    "a count that is used": (
        """
        lengths = attention_mask.sum(1)
        last = lengths.to(ids.device) - 1
        return logits[rows, last] + 0 * lengths
        """,
        """
        lengths = attention_mask.sum(1)
        last = last(attention_mask).to(ids.device)
        return logits[rows, last] + 0 * lengths
        """,
    ),
    "one column": (
        """
        last = attention_mask.sum(1, True) - 1
        return logits.gather(1, last)[:, 0]
        """,
        """
        last = last(attention_mask, keepdim=True)
        return logits.gather(1, last)[:, 0]
        """,
    ),
    "one column, put behind": (
        """
        return logits.gather(1, ids.ne(pad_token_id).sum(1).unsqueeze(-1) - 1)[:, 0]
        """,
        """
        return logits.gather(1, last(ids, keepdim=True))[:, 0]
        """,
    ),
    "row by row": (
        """
        return torch.stack([h[m.sum() - 1] for h, m in zip(logits, attention_mask)])
        """,
        """
        return torch.stack([h[last(m)] for h, m in zip(logits, attention_mask)])
        """,
    ),
    "row by row, by number": (
        """
        return torch.stack([logits[i, int(attention_mask[i].sum() - 1)] for i in range(len(ids))])
        """,
        """
        return torch.stack([logits[i, int(last(attention_mask[i]))] for i in range(len(ids))])
        """,
    ),
}


def spelled(match: re.Match[str]) -> str:
    """What `last(NAME)` stands for in these cases: the fix, in full."""
    name, kept = match.groups()
    mask = "(ids != pad_token_id)" if name == "ids" else f"{name}.bool()"
    return f"(torch.arange({name}.shape[-1], device={name}.device) * {mask}).argmax(-1{kept})"


def function(body: str) -> str:
    """`last`, with this body."""
    head = "import torch\n\ndef last(logits, ids, attention_mask, pad_token_id):\n    rows = torch.arange(len(ids))\n"
    text = re.sub(r"\blast\(([\w\[\]]+)((?:, keepdim=True)?)\)", spelled, code(body))
    return head + textwrap.indent(text, "    ")


@pytest.mark.parametrize("name", MENDED)
def test_a_fix_leaves_nothing_useless_behind(name: str) -> None:
    before, after = map(function, MENDED[name])
    assert mend(before) == after
    assert check_source("example.py", after) == []


@pytest.mark.parametrize("name", MENDED)
@settings(max_examples=20, deadline=None)
@given(batch=batches())
def test_what_is_left_is_right_on_both_sides(name: str, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    right, left = batch
    before, after = map(function, MENDED[name])
    assert torch.equal(run(after, right), (right != PAD).sum(1) - 1)
    assert torch.equal(run(after, left), torch.full((len(left),), left.shape[1] - 1))
    assert torch.equal(run(before, right) % right.shape[1], run(after, right))


#: Statements that are no wrap of the index, or that do not stand alone; the index is mended and they are left.
LEFT = [
    "index = {}\n    index = index % 512\n    return logits[rows, index]",
    "index = {}\n    index = index % other.shape[1]\n    return logits[rows, index]",
    "index = {}\n    index = index.clamp(min=1)\n    return logits[rows, index]",
    "index = {}\n    index = index.clamp(0, 5)\n    return logits[rows, index]",
    "index = {}\n    index = index % attention_mask.shape[1]; print(1)\n    return logits[rows, index]",
    "index = {}\n    if rows:\n        index = index % attention_mask.shape[1]\n    return logits[rows, index]",
    "# the last token\n    index = {}\n    return logits[rows, index]",
]


@pytest.mark.parametrize("body", LEFT)
def test_what_may_have_a_use_is_left(body: str) -> None:
    before = AROUND.format(body.format("attention_mask.sum(1) - 1"))
    assert [a for a, b in zip(before.split("\n"), mend(before).split("\n"), strict=True) if a != b] == [
        "    index = attention_mask.sum(1) - 1"
    ]


#: Parentheses around an expression, and what is left of them: `i` stands for the index, old and new.
GROUPED = {
    "x = (i).to(ids.device)": "x = i.to(ids.device)",
    "x = (\n        i\n    ).to(ids.device)": "x = i.to(ids.device)",
    "x = ( i )": "x = i",
    "x = torch.Tensor.long(i)": "x = torch.Tensor.long(i)",
    "x = torch.Tensor.long (i)": "x = torch.Tensor.long (i)",
    "x = torch.Tensor.long(\n        i\n    )": "x = torch.Tensor.long(\n        i\n    )",
    "x = (  # why\n        i\n    )": "x = (  # why\n        i\n    )",
    "x = 0 if not rows else(i)": "x = 0 if not rows else i",
    "x = logits.new_zeros(1) if rows is None else (i)": "x = logits.new_zeros(1) if rows is None else i",
    "x = ((i) % attention_mask.shape[1]).long()": "x = i.long()",
}


@pytest.mark.parametrize("before", GROUPED)
def test_parentheses_that_group_go_and_those_of_a_call_stay(before: str) -> None:
    """Judged by the trees: what is written says what is meant, whatever stood around it."""
    old = "attention_mask.sum(1) - 1"
    new = "(torch.arange(attention_mask.shape[-1], device=attention_mask.device) * attention_mask.bool()).argmax(-1)"
    body = "{}\n    return logits[:, x]"
    source = AROUND.format(body.format(re.sub(r"\bi\b(?![fs(])", old, before)))
    wanted = AROUND.format(body.format(re.sub(r"\bi\b(?![fs(])", new, GROUPED[before])))
    assert ast.dump(ast.parse(mend(source))) == ast.dump(ast.parse(wanted))
    assert mend(source).replace("else(", "else (") == wanted
