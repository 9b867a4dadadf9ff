"""AT021: what a recurrent net of torch makes of padding, and the ways in which its last step is read."""

from __future__ import annotations

import pytest
import torch
from lint_cases import codes
from torch.nn.utils.rnn import pack_padded_sequence

FRAME = """
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    class Classifier(nn.Module):
        def __init__(self, rnn_first=True):
            super().__init__()
            self.lstm = nn.LSTM(768, 64, num_layers=1, batch_first=True, bidirectional=True)
            self.gru = torch.nn.GRU(768, 64, batch_first=True)
            self.steps_first = nn.LSTM(768, 64)
            self.free = nn.GRU(768, 64, batch_first=rnn_first)

        def forward(self, input_ids, attention_mask, lengths=None):
            states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
            {}
    """


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN])
def test_the_last_state_has_seen_the_padding(kind: type[torch.nn.RNNBase]) -> None:
    """The facts that the rule stands on: unpacked, padding moves the last state and step; packed, it does not."""
    torch.manual_seed(0)
    net = kind(2, 3, batch_first=True)
    text = torch.randn(1, 4, 2)
    padded = torch.cat([text, torch.ones(1, 3, 2)], dim=1)

    def last(given: object) -> torch.Tensor:
        state = net(given)[1]
        return state[0] if isinstance(state, tuple) else state  # type: ignore[no-any-return]

    assert not torch.allclose(last(padded), last(text))
    assert not torch.allclose(net(padded)[0][:, -1], net(text)[0][:, -1])
    assert torch.allclose(last(pack_padded_sequence(padded, [4], batch_first=True)), last(text))
    walking = kind(2, 3)
    other = torch.cat([text, torch.randn(1, 4, 2)])
    changed = torch.cat([text + 1, other[1:]])
    assert not torch.allclose(walking(other)[0][1], walking(changed)[0][1]), "the second row has seen the first"


BEHIND_PADDING = [
    "out, _ = self.lstm(states); return self.fc(out[:, -1, :])",
    "out, (h, c) = self.lstm(states); return self.fc(out[:, -1])",
    "out = self.lstm(states)[0]; return self.fc(self.dropout(out)[:, -1])",
    "out, _ = self.gru(F.dropout(states, 0.1)); out = F.relu(out); return self.fc(out[:, -1])",
    "_, (h, _) = self.lstm(states); return self.fc(h[-1])",
    "_, (h, c) = self.lstm(states); return self.fc(torch.cat((h[-2, :, :], h[-1, :, :]), dim=1))",
    "_, (h, c) = self.lstm(states, None); h = torch.cat([h[0], h[1]], 1); return self.fc(h)",
    "_, h = self.gru(states); return self.fc(h.squeeze(0))",
    "_, h = self.gru(states); return self.fc(h).squeeze(0)",
    "out, h = self.gru(self.dropout(states)); return self.fc(h[-1])",
    "h = self.gru(states)[1]; return self.fc(h[-1])",
    "x = states; x, _ = self.lstm(x); x = x[:, -1]; return self.fc(x)",
    "out, state = self.lstm(states); return self.fc(state[0].squeeze(0))",
    "out, _ = self.free(states); return self.fc(out[:, -1])",
    "x = self.embedding(input_ids); out, _ = self.gru(x); return self.fc(out[:, -1])",
    "out, _ = self.steps_first(states); return self.fc(out[:, -1])",
    "out, _ = self.steps_first(states.permute(1, 0, 2)); return self.fc(out[-1])",
]

AT_ITS_PLACE = [
    "out, _ = self.lstm(states); return self.fc(out)",
    "out, _ = self.lstm(states); return self.fc(out[:, 0])",
    "out, _ = self.lstm(states); return self.fc(out[:, :-1])",
    "out, _ = self.lstm(states); return out[torch.arange(len(out)), lengths - 1]",
    "out, _ = self.lstm(states); return (out * attention_mask[..., None]).sum(1) / attention_mask.sum(1)[:, None]",
    "out, self.state = self.lstm(states); return self.fc(out)",
    "out, h = self.gru(states); out, h = self.gru(out, h); return out",
    "rows = nn.utils.rnn.pack_padded_sequence(states, lengths, True, False)\n"
    "            _, h = self.gru(rows); return self.fc(h[-1])",
    "out, _ = self.steps_first(states.transpose(0, 1)); return self.fc(out.transpose(0, 1))",
    "x = self.pooled(input_ids); out, _ = self.gru(x); return self.fc(out[:, -1])",
    "return self.other(states)[0][:, -1]",
    "return states[:, -1]",
]


@pytest.mark.parametrize("body", BEHIND_PADDING)
def test_the_state_behind_the_padding(body: str) -> None:
    """All steps and last states, through names, items and what leaves steps where they are."""
    assert codes(FRAME.format(body), "AT021") == ["AT021"]


@pytest.mark.parametrize("body", AT_ITS_PLACE)
def test_every_other_step(body: str) -> None:
    """Other steps, packed rows, states that are handed on, other modules."""
    assert codes(FRAME.format(body), "AT021") == []


def test_where_no_padding_is_in_sight() -> None:
    """A net over ids without a mask; a module that pads on the left; TensorFlow's net, which takes a mask by itself."""
    wrong = FRAME.format(BEHIND_PADDING[0])
    assert codes(wrong.replace("attention_mask=attention_mask", "").replace("attention_mask, ", ""), "AT021") == []
    assert codes(wrong + "\n    tokenizer.padding_side = 'left'\n", "AT021") == []
    assert codes(wrong.replace("import torch.nn as nn", "from tensorflow.keras import layers as nn"), "AT021") == []
