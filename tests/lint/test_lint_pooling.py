"""AT019: what padding does to a maximum and to an attention, and how people keep it out."""

from __future__ import annotations

import pytest
import torch
from lint_cases import codes

FRAME = """
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.weigh = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1), nn.Softmax(dim=1))
            self.soft = nn.Softmax(dim=1)
            self.score = nn.Linear(8, 1)

        def forward(self, input_ids, attention_mask, labels=None):
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask)[0]
            mask = attention_mask.unsqueeze(-1)
            {}
    """


def test_a_pad_wins_where_all_tokens_are_negative() -> None:
    """The facts that the rule stands on: a product with the mask, and a softmax over scores that are not filled."""
    states = torch.tensor([[[-1.0], [-2.0], [7.0]]])
    mask = torch.tensor([[1, 1, 0]])[..., None]
    assert states.max(1).values.item() == 7
    assert (states * mask).max(1).values.item() == 0
    assert states.masked_fill(mask == 0, -torch.inf).max(1).values.item() == -1
    assert torch.softmax(states, 1)[0, 2].item() > 0.9
    assert torch.softmax(states * mask, 1)[0, 2].item() > 0.6
    assert torch.softmax(states.masked_fill(mask == 0, -torch.inf), 1)[0, 2].item() == 0


TAKES_PADS = [
    "return hidden.max(1)[0]",
    "return hidden.max(dim=-2).values",
    "return hidden.amax(1)",
    "return torch.max(hidden, dim=1).values",
    "out, _ = torch.max(hidden, 1); return out",
    "return torch.amax(self.dense(hidden), dim=1)",
    "return hidden.transpose(1, 2).max(-1)[0]",
    "return (hidden * mask).max(1)[0]",
    "x = hidden * attention_mask[:, :, None]; return torch.max(x, dim=1)[0]",
    "x = mask.float() * hidden; return x.amax(dim=1)",
    "w = torch.softmax(self.score(hidden), dim=1); return (w * hidden).sum(1)",
    "w = self.weigh(hidden); return torch.sum(w * hidden, dim=1)",
    "w = self.soft(self.score(hidden)); return torch.sum(hidden * w, dim=1)",
    "a = self.score(hidden).squeeze(-1); a = F.softmax(a, dim=-1); return (a.unsqueeze(-1) * hidden).sum(1)",
    "a = self.score(torch.tanh(hidden)).softmax(dim=1); return torch.bmm(a.transpose(1, 2), hidden)",
    "a = F.softmax(self.score(hidden), dim=1); return torch.einsum('btk,bth->bkh', a, hidden)  # and its sum(",
]

KEEPS_THEM_OUT = [
    "return hidden.masked_fill(mask == 0, -1e9).max(1)[0]",
    "hidden[attention_mask == 0] = -1e9; return hidden.max(1)[0]",
    "hidden = torch.where(mask.bool(), hidden, -torch.inf); return hidden.max(1)[0]",
    "return (hidden + (1 - mask) * -1e4).max(1)[0]",
    "return (hidden * mask - (1 - mask) * 1e4).max(1)[0]",
    "return (torch.relu(hidden) * mask).max(1)[0]",
    "return torch.max(torch.log1p(F.relu(hidden)) * mask, dim=1)[0]",
    "return (torch.sigmoid(hidden) * mask).max(1)[0]",
    "return hidden.max(-1)[0]",
    "return hidden.max()",
    "return hidden[:, 0].max(1)[0]",
    "return hidden.transpose(1, 2).max(1)[0]",
    "a = self.score(hidden); a[attention_mask == 0] = -1e4; a = torch.softmax(a, 1); return (a * hidden).sum(1)",
    "a = self.score(hidden).masked_fill(mask == 0, -1e9); return (a.softmax(dim=1) * hidden).sum(1)",
    "a = torch.softmax(self.score(hidden) * mask, dim=1); return (a * hidden).sum(1)",
    "logits = self.fc(hidden[:, 0]); return torch.softmax(logits, dim=1)",
    "logits = self.fc(hidden); p = torch.softmax(logits, dim=-1); return (p * labels).sum(-1)",
    "p = torch.softmax(self.fc(hidden[:, 0]), dim=1); return (p * labels).sum(1)",
]


@pytest.mark.parametrize("body", TAKES_PADS)
def test_padding_that_is_pooled(body: str) -> None:
    """Maxima, products with the mask, weights of functions and modules; over the tokens, in either layout."""
    assert codes(FRAME.format(body), "AT019") == ["AT019"]


@pytest.mark.parametrize("body", KEEPS_THEM_OUT)
def test_padding_that_is_left_out(body: str) -> None:
    """Fills, sums, what leaves nothing negative; other axes, other things. (Scores that are multiplied go unseen.)"""
    assert codes(FRAME.format(body), "AT019") == []


def test_where_there_is_no_padding() -> None:
    """No mask in the function; a mask that is None; a layer of attention; an image."""
    plain = "import torch\n\n\ndef pool(hidden_states):\n    return hidden_states.max(1)[0]  # no mask, embed\n"
    assert codes(plain, "AT019") == []
    assert codes(plain.replace("states):", "states, attention_mask):"), "AT019") == ["AT019"]
    none = plain.replace("states):", "states, attention_mask):").replace("return", "if attention_mask is None: return")
    assert codes(none, "AT019") == []
    assert codes(FRAME.format(TAKES_PADS[0]).replace("class Head", "class SelfAttention"), "AT019") == []
    assert codes(FRAME.format(TAKES_PADS[0]).replace("class Head", "class AttentionPooling"), "AT019") == ["AT019"]
    assert codes(FRAME.format(TAKES_PADS[0]).replace("class Head", "class VisionHead"), "AT019") == []
