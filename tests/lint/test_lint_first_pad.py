"""AT018: what `argmax` gives where nothing is true, and who provides for it."""

from __future__ import annotations

import pytest
import torch
from lint_cases import codes

FRAME = """
    import torch

    class Reward(torch.nn.Module):
        def forward(self, input_ids, attention_mask, pad_token_id, hidden_states, logits):
            rows = torch.arange(len(logits))
            rewards = self.v_head(self.model(input_ids, attention_mask=attention_mask)[0]).squeeze(-1)
            {}
            return {}
    """


def test_the_first_pad_of_a_full_row_is_its_first_token() -> None:
    """The fact that the rule stands on, in each spelling that it knows."""
    full = torch.tensor([[5, 6, 7]])
    pads = full == 0
    for found in (pads.int().argmax(1), (1 - (full != 0).int()).argmax(1), (full != 0).int().argmin(1)):
        assert found.tolist() == [0]
    assert pads.int().max(1).indices.tolist() == [0]


AS_IT_IS = [
    ("i = torch.eq(input_ids, pad_token_id).int().argmax(-1)", "rewards[rows, i]"),
    ("i = (input_ids == self.pad_id).float().argmax(dim=1, keepdim=True)", "rewards.gather(1, i)"),
    ("i = input_ids.eq(self.tokenizer.pad_token_id).long().argmax(1)", "logits[torch.arange(len(i)), i]"),
    ("i = attention_mask.argmin(-1)", "hidden_states[rows, i]"),
    ("i = (attention_mask == 0).long().argmax(dim=-1)", "hidden_states[rows, i]"),
    ("i = torch.argmax((~attention_mask.bool()).int(), dim=1)", "rewards.gather(1, i[:, None])"),
    ("i = (1 - attention_mask).argmax(1).view(-1, 1)", "torch.gather(rewards, 1, i).squeeze(1)"),
    ("i = (input_ids == pad_token_id).int().max(dim=1).indices", "rewards[rows, i]"),
    ("i = self.first(input_ids == pad_token_id)", "rewards[rows, i]"),
    ("i = (input_ids == pad_token_id).int().argmax(1).clamp(max=9)", "rewards[rows, i]"),
    ("i = (input_ids == pad_token_id).int().argmax(1).tolist()", "torch.stack([h[k] for h, k in zip(logits, i)])"),
]

PROVIDED = [
    ("i = torch.eq(input_ids, pad_token_id).int().argmax(-1)", "input_ids[rows, i]"),
    ("i = torch.eq(input_ids, pad_token_id).int().argmax(-1)", "hidden_states[:, : i.max()]"),
    ("i = torch.eq(input_ids, pad_token_id).int().argmax(-1)", "self.pack(hidden_states, i)"),
    ("p = input_ids == pad_token_id; i = torch.where(p.any(1), p.int().argmax(1), 9)", "rewards[rows, i]"),
    ("i = attention_mask.argmin(-1); i[i == 0] = 9", "rewards[rows, i]"),
    ("i = attention_mask.argmin(-1); i = i.masked_fill(i == 0, 9)", "rewards[rows, i]"),
    ("i = attention_mask.argmin(-1); i = i if attention_mask.min() == 0 else -1; i = 3", "rewards[rows, i]"),
    ("i = attention_mask.argmin(-1) if (attention_mask == 0).any() else -1", "rewards[rows, i]"),
    ("input_ids = torch.nn.functional.pad(input_ids, (0, 1), value=pad_token_id)\n"
     "            i = input_ids.eq(pad_token_id).int().argmax(-1)", "rewards[rows, i]"),
    ("n = (input_ids == pad_token_id).sum(1); i = (input_ids == pad_token_id).int().argmax(1) + (n < 1) * 9",
     "rewards[rows, i]"),
    ("i = attention_mask.argmax(-1)", "hidden_states[rows, i]"),
    ("i = (input_ids == self.eos_token_id).int().argmax(-1)", "hidden_states[rows, i]"),
    ("i = (input_ids == self.sep_token_id).int().argmax(-1)", "hidden_states[rows, i]"),
    ("i = (input_ids[0] == pad_token_id).nonzero()[0]", "hidden_states[0, i]"),
    ("i = rewards.argmax(-1)", "hidden_states[rows, i]"),
]  # fmt: skip

HELPER = """
        def first(self, pads):
            return pads.int().argmax(-1)
    """


@pytest.mark.parametrize(("making", "reading"), AS_IT_IS)
def test_the_first_pad_is_read_as_it_is(making: str, reading: str) -> None:
    """Comparisons, masks, maxima, helpers; subscripts, gathers and loops."""
    assert codes(FRAME.format(making, reading).rstrip() + HELPER, "AT018") == ["AT018"]


@pytest.mark.parametrize(("making", "reading"), PROVIDED)
def test_who_provides_for_a_full_row_is_left_alone(making: str, reading: str) -> None:
    """Whoever asks, mends or appends; what is no read of states; a search that fails aloud; other tokens."""
    assert codes(FRAME.format(making, reading), "AT018") == []
