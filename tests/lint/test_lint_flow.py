"""The value must flow: every spelling of the way is followed, and nothing else is."""

from __future__ import annotations

import pytest
from lint_cases import codes

#: An index of the last token by counting, in many spellings; `i` is read with below.
COUNTS = [
    "i = torch.ne(ids, pad_token_id).sum(-1) - 1",
    "i = ids.ne(pad_token_id).sum(dim=1) - 1",
    "i = (ids != self.pad_idx).long().sum(-1).sub(1)",
    "i = (pad_token_id != ids).sum(-1) + -1",
    "i = -1 + attention_mask.sum(-1)",
    "i = attention_mask.sum(-1); i = i - 1",
    "i = attention_mask.sum(-1); i -= 1",
    "i, n = attention_mask.sum(-1) - 1, 3",
    "(i,) = (attention_mask.sum(-1) - 1,)",
    "i = (attention_mask.sum(-1) - 1) % ids.shape[-1]",
    "i = torch.clamp(attention_mask.sum(-1) - 1, min=0)",
    "i = (attention_mask.sum(-1) - 1).to(logits.device).int().view(-1)",
    "i = torch.where(ids.sum(-1) > 0, attention_mask.sum(-1) - 1, 0)",
    "i = attention_mask.sum(-1) - 1 if n else -1",
    "i = (1 - padding_mask).sum(-1) - 1",
    "i = (~padding_mask).sum(-1) - 1",
    "i = padding_mask.logical_not().sum(-1) - 1",
    "i = (attention_mask == 1).sum(-1) - 1",
    "i = (attention_mask >= 1).sum(-1) - 1",
    "i = (attention_mask > 0.5).sum(-1) - 1",
    "i = (~(attention_mask < 1)).sum(-1) - 1",
    "i = attention_mask.sum(-1).add(-1)",
    "i = attention_mask.sum(-1).sub_(1)",
    "i = torch.maximum(attention_mask.sum(-1) - 1, zero)",
    "i = torch.minimum(n, attention_mask.sum(-1) - 1)",
    "i = torch.sum(input=attention_mask, dim=(1,)) - 1",
    "i = attention_mask.shape[1] - padding_mask.sum(-1) - 1",
    "i = batch['attention_mask'].sum(1) - 1",
    "i = self.last(attention_mask)",
    "i = last_of(ids.ne(pad_token_id))",
    "i = (n := attention_mask.sum(1)) - 1",
    "i = torch.stack([attention_mask.sum(1) - 1])",
    "i = adjust(attention_mask.sum(1) - 1, n) if False else attention_mask.sum(1) - 1; i = adjust(n, i)",
]

READS = [
    "logits[rows, i]",
    "logits[range(3), i, :]",
    "hidden_states[torch.arange(3), i]",
    "self.score(hidden_states)[rows, i]",
    "hidden_states.gather(1, i.view(-1, 1, 1).expand(-1, 1, 9))",
    "torch.gather(hidden_states, 1, i[:, None, None])",
    "torch.gather(input=hidden_states, dim=1, index=i[:, None, None])",
    "torch.take_along_dim(hidden_states, i[:, None, None], dim=1)",
    "hidden_states.index_select(1, i)",
    "self.model(input_ids=ids, attention_mask=attention_mask)[0][rows, i]",
    "self.model(input_ids=ids, attention_mask=attention_mask).last_hidden_state[rows, i]",
    "self.model(input_ids=ids, attention_mask=attention_mask).hidden_states[-1][rows, i]",
    "read(hidden_states, i)",
    "torch.stack([h[k] for h, k in zip(hidden_states, i)])",
    "[hidden_states[j, i[j]] for j in range(3)]",
]

FRAME = """
    import torch

    def last_of(mask):
        lengths = mask.sum(dim=1)
        return lengths - 1

    def read(states, index):
        return states[torch.arange(len(index)), index]

    class Head(torch.nn.Module):
        def last(self, mask):
            return mask.sum(1) - 1

        def forward(self, ids, pad_token_id, logits, hidden_states, attention_mask, padding_mask, batch, rows, n):
            {making}
            return {reading}
    """


@pytest.mark.parametrize("making", COUNTS)
def test_an_index_is_followed_however_it_is_made(making: str) -> None:
    """Assignments, methods and functions, casts, helpers, arithmetic."""
    assert codes(FRAME.format(making=making, reading="logits[rows, i]")) == ["AT001"]


@pytest.mark.parametrize("reading", READS)
def test_an_index_is_followed_however_it_reads(reading: str) -> None:
    """Subscripts and gathers, of names and of what flows into them."""
    assert codes(FRAME.format(making=COUNTS[0], reading=reading)) == ["AT001"]


HARMLESS = [
    ("i = attention_mask.sum(-1) - 1", "ids[rows, i]"),
    ("i = attention_mask.sum(-1) - 1", "ids.gather(1, i)"),
    ("i = attention_mask.sum(-1) - 1", "logits[:, : i.max()]"),
    ("i = attention_mask.sum(-1)", "logits[rows, i]"),
    ("i = padding_mask.sum(-1) - 1", "logits[rows, i]"),
    ("i = ids.sum(-1) - 1", "logits[rows, i]"),
    ("i = attention_mask.cumsum(-1) - 1", "logits[rows, i]"),
    ("i = (attention_mask < 1).sum(-1) - 1", "logits[rows, i]"),
    ("i = attention_mask.nonzero()[-1] - 1", "logits[rows, i]"),
    ("i = (ids[0] == pad_token_id).nonzero()[1] - 1", "logits[rows, i]"),
    ("i = names.index(pad_token_id) - 1", "logits[rows, i]"),
    ("i = attention_mask.sum(-1) - 1; i = n", "logits[rows, i]"),
    ("i = (torch.arange(9) * attention_mask).argmax(-1)", "logits[rows, i]"),
    ("i = attention_mask.sum(-1) - 1", "unknown(hidden_states, i)"),
    ("i = attention_mask.sum(-1) - 1", "logits.mean(-1), i"),
]


@pytest.mark.parametrize(("making", "reading"), HARMLESS)
def test_what_is_no_readout_is_left_alone(making: str, reading: str) -> None:
    """The guard: an index of ids, a slice, another value, a name that was bound anew."""
    assert codes(FRAME.format(making=making, reading=reading)) == []


FIRSTS = [
    "i = torch.eq(ids, pad_token_id).int().argmax(-1) - 1",
    "i = (ids == pad_token_id).float().argmax(dim=1) - 1",
    "i = attention_mask.argmin(-1) - 1",
    "i = (attention_mask == 0).int().argmax(-1) - 1",
    "i = attention_mask.eq(0).max(dim=1).indices - 1",
    "_, i = (ids == pad_token_id).max(dim=1); i = i - 1",
    "i = torch.argmax((~attention_mask.bool()).int(), dim=-1) - 1",
    "i = (ids[0] == pad_token_id).nonzero()[0] - 1",
    "i = torch.nonzero(ids[0] == pad_token_id)[0, 0].item() - 1",
    "i = (ids[0] == pad_token_id).nonzero(as_tuple=True)[0][0] - 1",
    "i = (ids[0] == pad_token_id).nonzero()[:, 0].min() - 1",
    "i = torch.where(ids[0] == pad_token_id)[0][0] - 1",
    "i = ids[0].tolist().index(pad_token_id) - 1",
]


@pytest.mark.parametrize("making", FIRSTS)
def test_the_first_pad_is_followed(making: str) -> None:
    """AT002 in its spellings."""
    assert codes(FRAME.format(making=making, reading="logits[rows, i]")) == ["AT002"]


SIDES = [
    "if attention_mask[:, -1].sum() == len(rows): return logits[:, -1]",
    "if self.tokenizer.padding_side == 'left': return logits[:, -1]",
    "assert self.padding_side == 'right'",
    "left_padding = bool((attention_mask[:, -1] == 1).all())\n            if left_padding: return logits[:, -1]",
    "if torch.all(ids[:, -1] != pad_token_id): return logits[:, -1]",
]


@pytest.mark.parametrize("asking", SIDES)
def test_who_asks_for_the_side_is_trusted(asking: str) -> None:
    """Code that tests on which side padding stands has a branch for each."""
    making = f"{asking}\n            i = attention_mask.sum(1) - 1"
    assert codes(FRAME.format(making=making, reading="logits[rows, i]")) == []


def test_branches_join() -> None:
    """What one branch makes is still there after the `if`, the `try` and the loop."""
    for block in ("if n:", "for _ in n:", "while n:", "with n:", "try:"):
        tail = "\n            except ValueError:\n                i = -1" if block == "try:" else ""
        making = f"i = -1\n            {block}\n                i = attention_mask.sum(1) - 1{tail}"
        assert codes(FRAME.format(making=making, reading="logits[rows, i]")) == ["AT001"], block


def test_a_branch_that_returns_does_not_join() -> None:
    """After a return, what its branch made is gone."""
    making = "i = -1\n            if n:\n                i = attention_mask.sum(1) - 1\n                return i"
    assert codes(FRAME.format(making=making, reading="logits[rows, i]")) == []


def test_a_mean_needs_no_mask_where_there_is_none() -> None:
    """`attention_mask is None`, in an `if`, an `else`, a conditional expression and after an early return."""
    frame = """
        def pool(self, hidden_states, attention_mask):
            {}
        """
    for body in (
        "return hidden_states.mean(1) if attention_mask is None else self.masked(hidden_states)",
        "if attention_mask is not None:\n                return self.masked(hidden_states)\n            "
        "return hidden_states.mean(1)",
        "if attention_mask is not None:\n                pass\n            else:\n                "
        "return hidden_states.mean(1)",
    ):
        assert codes(frame.format(body)) == [], body
    assert codes(frame.format("return hidden_states.mean(1)")) == ["AT006"]
    assert codes(frame.format("if attention_mask is not None:\n                return hidden_states.mean(1)")) == [
        "AT006"
    ]


def test_places_count_characters() -> None:
    """Columns count characters, not bytes, from 1."""
    from archtrace_lint import check_source

    source = "def f(logits, attention_mask):\n    return 'é', logits[:, attention_mask.sum(1) - 1]\n"
    (violation,) = check_source("x.py", source)
    place = (violation.line, violation.col, violation.end_line, violation.end_col)
    assert place == (2, 27, 2, 52)
    assert source.splitlines()[1][26:51] == "attention_mask.sum(1) - 1"
    assert violation.function == "f"
