"""Fixes: they change one expression, what they write is right, and they keep still where nothing is certain."""

from __future__ import annotations

import ast

import pytest
import torch
from fix_runs import AROUND, PAD, batches, mend, run
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_cases import code

from archtrace_lint import check_source, fixed
from archtrace_lint.violation import Edit, Violation

#: Wrong indices that have a fix: what stands in the code.
FIXABLE = [
    "torch.ne(ids, pad_token_id).sum(-1) - 1",
    "ids.ne(pad_token_id).sum(dim=1) - 1",
    "(ids != pad_token_id).long().sum(axis=-1) - 1",
    "(attention_mask.sum(1) - 1).clamp(min=0)",
    "attention_mask.long().sum(dim=-1) - 1",
    "attention_mask.ne(0).sum(-1) - 1",
    "torch.eq(ids, pad_token_id).int().argmax(-1) - 1",
    "((ids == pad_token_id).long().argmax(dim=1) - 1) % ids.shape[1]",
    "attention_mask.eq(0).int().argmax(-1) - 1",
    "batch['attention_mask'].sum(1) - 1",
    "batch['ids'].ne(pad_token_id).sum(-1).long() - 1",
    "attention_mask.to(ids.device).sum(1).cpu() - 1",
    "attention_mask.float().sum(1).to(ids.device, torch.long) - 1",
    "torch.clamp(attention_mask.sum(1), min=1) - 1",
    "torch.min(attention_mask.sum(1) - 1, ids.new_tensor(10**6))",
    "torch.clamp((ids == pad_token_id).long().argmax(1) - 1, min=-1) % ids.size(1)",
]

SOURCE = """
import torch

def last(logits, ids, attention_mask, pad_token_id):
    batch = {{"ids": ids, "attention_mask": attention_mask}}
    index = {}  # the last token
    return logits[torch.arange(len(logits)), index]
"""


@pytest.mark.parametrize("index", FIXABLE)
@settings(max_examples=40, deadline=None)
@given(batch=batches())
def test_old_and_new_agree_on_the_right_and_new_is_right_on_the_left(
    index: str, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """The truth is computed here: the last position that is no pad."""
    right, left = batch
    width = right.shape[1]
    before = SOURCE.format(index)
    after = mend(before)
    assert after != before
    assert check_source("example.py", after) == []
    assert torch.equal(run(after, right), (right != PAD).sum(1) - 1)
    assert torch.equal(run(after, left), torch.full((len(left),), width - 1))
    assert torch.equal(run(before, right) % width, run(after, right))


@pytest.mark.parametrize("index", FIXABLE)
def test_a_fix_changes_one_expression(index: str) -> None:
    """Comments, blank lines and the rest of the line stay as they were."""
    before = SOURCE.format(index)
    after = mend(before)
    changed = [(a, b) for a, b in zip(before.split("\n"), after.split("\n"), strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0][1].startswith("    index = ")
    assert changed[0][1].endswith("  # the last token")


def test_keepdim_is_kept() -> None:
    """The shape of the index stays what it was."""
    source = SOURCE.format("attention_mask.sum(1, keepdim=True) - 1")
    assert "(torch.arange(attention_mask.shape[-1], device=attention_mask.device) * attention_mask.bool())" in mend(
        source
    )
    assert ".argmax(-1, keepdim=True)" in mend(source)


MASK_TYPES = [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32]

#: Fixable indices that read no more than the mask.
OF_MASK = [index for index in FIXABLE if "ids" not in index]


@st.composite
def masks(draw: st.DrawFn) -> torch.Tensor:
    """Masks with pads anywhere, and rows of nothing else; some are longer than half precision can count."""
    rows, width = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 5, 300, 2100]))
    chances = draw(st.lists(st.sampled_from([0.0, 0.01, 0.5, 1.0]), min_size=rows, max_size=rows))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    return torch.rand(rows, width, generator=generator) < torch.tensor(chances)[:, None]


def last_by_hand(mask: torch.Tensor) -> list[int]:
    """The last position of each row that is no pad; 0 where there is none."""
    return [max((i for i, there in enumerate(row) if there), default=0) for row in mask.tolist()]


@pytest.mark.parametrize("dtype", MASK_TYPES, ids=str)
@settings(max_examples=20, deadline=None)
@given(mask=masks(), index=st.sampled_from(OF_MASK))
def test_new_is_right_wherever_pads_are(dtype: torch.dtype, mask: torch.Tensor, index: str) -> None:
    """Masks of all types, pads inside, rows of pads alone: these read position 0, where the old read the last."""
    scope: dict[str, object] = {}
    exec(compile(mend(SOURCE.format(index)), "example", "exec"), scope)
    positions = torch.arange(mask.shape[1]).expand(mask.shape)
    found = scope["last"](positions, None, mask.to(dtype), PAD)  # type: ignore[operator]
    assert found.dtype == torch.int64
    assert found.tolist() == last_by_hand(mask)


@pytest.mark.parametrize("index", ["ids.ne(pad_token_id).sum(1) - 1", "ids.eq(pad_token_id).int().argmax(-1) - 1"])
@settings(max_examples=40, deadline=None)
@given(mask=masks())
def test_new_is_right_of_ids_too(index: str, mask: torch.Tensor) -> None:
    """Ids are compared with the pad id, which may stand anywhere."""
    assert run(mend(SOURCE.format(index)), mask.long() * 7).tolist() == last_by_hand(mask)


@settings(max_examples=40, deadline=None)
@given(mask=masks())
def test_keepdim_keeps_the_shape(mask: torch.Tensor) -> None:
    """One column, as the old index had."""
    source = SOURCE.format("attention_mask.sum(1, keepdim=True) - 1")
    scope: dict[str, object] = {}
    exec(compile(mend(source).replace("logits[torch.arange(len(logits)), index]", "index"), "x", "exec"), scope)
    found = scope["last"](None, None, mask, PAD)  # type: ignore[operator]
    assert found.tolist() == [[i] for i in last_by_hand(mask)]


UNCERTAIN = [
    "lengths(attention_mask).sum(1) - 1 if False else attention_mask.sum() - 1",
    "(attention_mask == 1).sum(-1) - 1",
    "attention_mask.argmin(-1) - 1",
    "self.make(ids).ne(pad_token_id).sum(-1) - 1",
    "attention_mask.sum(-1, dtype=torch.int32) - 1",
    "torch.argmax((~attention_mask.bool()).int(), dim=-1) - 1",
]


@pytest.mark.parametrize("index", UNCERTAIN)
def test_what_is_uncertain_is_told_and_left(index: str) -> None:
    """A violation without a fix."""
    source = SOURCE.format(index)
    violations = check_source("example.py", source)
    assert violations
    assert [v.fix for v in violations] == [()] * len(violations)
    assert fixed(source, violations) == source


#: Code around an index; in each it is certain that it reads and does no more.
READ_ALONE = [
    "index = {}\n    return logits[rows, index]",
    "index = {}\n    index = index % ids.shape[-1]\n    index = index.to(rows.device)\n    return logits[rows, index]",
    "index = torch.clamp({}, min=0)\n    return logits[torch.arange(len(index), device=index.device), index]",
    "index = {} if ids is not None else -1\n    return logits[rows, index]",
    "index = torch.where(ids.sum(1) > 0, {}, 0)\n    return logits[rows, index]",
    "index = {}\n    where = index[:, None, None].expand(-1, 1, 8)\n    return logits.gather(1, where).squeeze(1)",
    "index = {}\n    return torch.gather(logits, dim=1, index=index.view(-1, 1, 1))",
    "return logits[rows, {}]",
    "index = {}\n    index %= logits.shape[1]\n    return logits[rows, index]",
    "attention_mask = attention_mask.to(ids.device)\n    index = {}\n    return logits[rows, index]",
    "attention_mask = batch['attention_mask'].float()\n    index = {}\n    return logits[rows, index]",
]

#: In these the number has another use, or may have, or the mask has lost its shape.
USED_ELSEWHERE = [
    "lengths = {}\n    return logits[rows, lengths], lengths",
    "lengths = {}\n    total = lengths.sum() + 1\n    return logits[rows, lengths] / total",
    "lengths = {}\n    inside = torch.arange(9) <= lengths[:, None]\n    return logits[rows, lengths] * inside",
    "lengths = {}\n    empty = lengths < 0\n    return logits[rows, lengths].masked_fill(empty, 0)",
    "lengths = {}\n    if (lengths < 0).any():\n        raise ValueError\n    return logits[rows, lengths]",
    "self.lengths = lengths = {}\n    return logits[rows, lengths]",
    "lengths = {}\n    (lengths,) = adjust(logits, lengths)\n    return logits[rows, lengths]",
    "lengths = {}\n    kept = logits[:, : lengths.max() + 1]\n    return kept.sum() + logits[rows, lengths]",
    "lengths = {}\n    log(lengths)\n    return logits[rows, lengths]",
    "lengths = {}\n    out = [logits[i, n] for i, n in enumerate(lengths)]\n    return out",
    "attention_mask = attention_mask.unsqueeze(-1)\n    index = {}\n    return logits[rows, index]",
    "lengths = attention_mask.sum(1)\n    lengths = adjust(lengths)\n    return logits[rows, lengths - 1]",
    "if lengths is None:\n        lengths = {0}\n    return logits[rows, lengths - 1]",
    "lengths = attention_mask.sum(1)\n    attention_mask = crop(attention_mask)\n    return logits[rows, lengths - 1]",
    "ids, attention_mask = crop(ids, attention_mask)\n    index = {}\n    return logits[rows, index]",
    "attention_mask = attention_mask[:, None, :]\n    index = {}\n    return logits[rows, index]",
    "for attention_mask in masks:\n        index = {}\n    return logits[rows, index]",
    "index = {}\n    return logits[np.arange(3), index]",
]


@pytest.mark.parametrize("body", READ_ALONE)
def test_an_index_that_reads_alone_is_mended(body: str) -> None:
    """Casts, bounds, wraps and views are on the way."""
    source = AROUND.format(body.format("attention_mask.sum(1) - 1"))
    (violation,) = check_source("example.py", source)
    assert violation.fix
    assert check_source("example.py", mend(source)) == []


@pytest.mark.parametrize("body", USED_ELSEWHERE)
def test_a_number_with_another_use_is_told_and_left(body: str) -> None:
    """As a count it may be right: a fix would break it."""
    source = AROUND.format(body.format("attention_mask.sum(1) - 1"))
    violations = check_source("example.py", source)
    assert violations
    assert [v.fix for v in violations] == [()] * len(violations)


def test_other_libraries_and_missing_imports_are_left() -> None:
    """The fix is written in torch: it needs `import torch`, and tensors that are torch's."""
    flax = code(
        """
        import torch
        import jax.numpy as jnp

        def last(logits, ids, pad_token_id):
            return logits[jnp.arange(3), jnp.not_equal(ids, pad_token_id).sum(-1) - 1]
        """
    )
    bare = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(-1) - 1]\n"
    for source in (flax, bare):
        (violation,) = check_source("example.py", source)
        assert violation.fix == ()


def test_a_fix_that_does_not_fit_changes_nothing() -> None:
    """Another source, a place where something else stands, a text that is no expression."""
    source = SOURCE.format("attention_mask.sum(1) - 1")
    (violation,) = check_source("example.py", source)
    (edit,) = violation.fix
    for wrong in (edit._replace(line=2), edit._replace(line=90, end_line=90), edit._replace(text="(")):
        assert fixed(source, [violation._replace(fix=(wrong,))]) == source
    assert fixed("def (", [violation]) == "def ("


def test_of_fixes_that_meet_the_first_is_made() -> None:
    """Each whole or not at all; what two have in common is done once."""
    found = Violation("AT001", "m", "p", 1, 1, 1, 2)
    one, both = Edit(1, 5, 1, 6, "1", "2"), Edit(1, 1, 1, 6, "x = 1", "y = 3")
    apart = Edit(2, 1, 2, 2, "x", "z")
    source = "x = 1\nx"
    fixes = [found._replace(fix=(one,)), found._replace(fix=(both, apart)), found._replace(fix=(one, apart))]
    assert fixed(source, fixes) == "x = 2\nz"
    assert fixed(source, fixes[1:]) == "y = 3\nz"


def test_several_fixes_in_one_source() -> None:
    """All at once; line endings, tabs and a long line stay."""
    body = "".join(
        f"def f{n}(logits, attention_mask):\r\n\treturn logits[:, attention_mask.sum(1) - 1], 'é'\r\n" for n in range(3)
    )
    source = "import torch\r\n" + body
    violations = check_source("example.py", source)
    after = fixed(source, violations)
    assert len(violations) == 3
    assert after.count("argmax") == 3
    assert after.count("\r\n") == source.count("\r\n")
    assert check_source("example.py", after) == []
    ast.parse(after)


def test_a_source_without_fixes_is_given_back() -> None:
    """The very same."""
    source = "x = 1\n"
    assert fixed(source, [Violation("AT001", "m", "p", 1, 1, 1, 2)]) is source
