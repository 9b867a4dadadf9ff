"""AT020: what torch does with a mask that is true at tokens, and the spellings in which people give it one."""

from __future__ import annotations

import pytest
import torch
from lint_cases import codes

FRAME = """
    import torch
    import torch.nn.functional as F

    class Pooler(torch.nn.Module):
        def forward(self, input_ids, attention_mask, hidden_states, scores, batch, pad_token_id, tokenizer, texts):
            {}
    """


def test_torch_ignores_what_is_true() -> None:
    """The fact that the rule stands on: with the mask itself, a change of a pad moves the result; with `== 0`, none."""
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(4, 1, batch_first=True).eval()
    mask = torch.tensor([[1, 1, 0]])
    states = torch.randn(1, 3, 4)
    moved = states.clone()
    moved[0, 2] += 1
    query = states[:, :1]
    for ignored, still in ((mask == 0, True), (mask.bool(), False)):
        before, after = (attention(query, x, x, key_padding_mask=ignored)[0] for x in (states, moved))
        assert torch.equal(before, after) == still
    for filled, still in ((mask == 0, True), (mask.bool(), False)):
        before, after = (x.masked_fill(filled[..., None], -torch.inf).amax(1) for x in (states, moved))
        assert torch.equal(before, after) == still


INVERTED = [
    "return hidden_states.masked_fill(attention_mask.bool().unsqueeze(-1), -1e9).max(1).values",
    "return hidden_states.masked_fill_(attention_mask[..., None] == 1, float('-inf')).amax(dim=1)",
    "return torch.masked_fill(hidden_states, attention_mask.bool()[:, :, None], -1e4).amax(1)",
    "m = attention_mask.unsqueeze(-1).expand(hidden_states.size()).bool()\n"
    "            return hidden_states.masked_fill(m, -10000.).amax(1)",
    "return hidden_states.masked_fill(mask=attention_mask.bool()[..., None], value=-torch.inf).amax(1)",
    "w = self.score(hidden_states).squeeze(-1).masked_fill(attention_mask.bool(), -1e9)\n"
    "            return (w.softmax(1)[..., None] * hidden_states).sum(1)",
    "low = torch.finfo(scores.dtype).min; return scores.masked_fill(input_ids.ne(pad_token_id), low).softmax(-1)",
    "return scores.masked_fill(batch['attention_mask'].bool(), -float('inf')).softmax(-1)",
    "enc = tokenizer(texts, padding=True); return scores.masked_fill(enc.attention_mask.bool(), -1e30).softmax(-1)",
    "return torch.where(attention_mask.bool()[..., None], -torch.inf, hidden_states).amax(1)",
    "return torch.where((input_ids != pad_token_id), -1e9, scores).softmax(-1)",
    "return self.attention(scores, scores, scores, key_padding_mask=(input_ids != pad_token_id))[0]",
    "h = self.bert(input_ids, attention_mask=attention_mask)[0]\n"
    "            return self.encoder(h, src_key_padding_mask=attention_mask.bool())",
    "h = self.bert(input_ids, attention_mask=attention_mask)[0]\n"
    "            return self.score(h).squeeze(-1).masked_fill(attention_mask > 0, -1e9).softmax(1)",
    "pads = attention_mask == 0; return hidden_states.masked_fill(pads.logical_not()[..., None], -1e9).amax(1)",
]

UPRIGHT = [
    "return hidden_states.masked_fill(attention_mask.unsqueeze(-1) == 0, -1e9).max(1).values",
    "return hidden_states.masked_fill(~attention_mask.bool()[..., None], -1e9).amax(1)",
    "return hidden_states.masked_fill((1 - attention_mask).bool()[..., None], -1e9).amax(1)",
    "return hidden_states.masked_fill(attention_mask.logical_not()[..., None], -1e9).amax(1)",
    "return hidden_states.masked_fill(attention_mask[..., None] < 1, -1e9).amax(1)",
    "return scores.masked_fill(input_ids.eq(pad_token_id), -1e9).softmax(-1)",
    "return scores.masked_fill(attention_mask, -1e9).softmax(-1)",
    "attention_mask = self.turned(attention_mask); return hidden_states.masked_fill(attention_mask, -1e9).amax(1)",
    "attention_mask = attention_mask.eq(0); return hidden_states.masked_fill(attention_mask[..., None], -1e9)",
    "return torch.where(attention_mask.bool()[..., None], hidden_states, -1e9).amax(1)",
    "return hidden_states.masked_fill(attention_mask[..., None].bool(), 0.0)",
    "return self.attention(scores, scores, scores, key_padding_mask=attention_mask)[0]",
    "return self.attention(scores, scores, scores, key_padding_mask=attention_mask == 0)[0]",
    "return self.attention(scores, scores, scores, key_padding_mask=input_ids == pad_token_id)[0]",
    "causal = torch.triu(torch.ones(9, 9), 1).bool(); return scores.masked_fill(causal, -torch.inf)",
    "labels = input_ids.masked_fill(attention_mask.bool(), -100); return labels",
]


@pytest.mark.parametrize("body", INVERTED)
def test_text_that_is_masked_out(body: str) -> None:
    """Methods, functions, comparisons and casts; a mask of a tokenizer or of ids even where scores are filled."""
    assert codes(FRAME.format(body), "AT020") == ["AT020"]


@pytest.mark.parametrize("body", UPRIGHT)
def test_padding_that_is_masked_out(body: str) -> None:
    """Masks that are turned round, masks of either direction, and fills that hide nothing."""
    assert codes(FRAME.format(body), "AT020") == []
