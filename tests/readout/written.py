"""Heads as people write them, of which the words are easily wrong."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as f


class Written(nn.Module):
    """A table of embeddings, a position-wise mix and a score."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.score = nn.Embedding(128, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def hidden(self, ids: Tensor) -> Tensor:
        """One state a token."""
        states: Tensor = self.mix(self.embed(ids))
        return states

    def scored(self, pooled: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.score(pooled)
        return logits


def mean_of(hidden: Tensor, kept: Tensor) -> Tensor:
    """The mean over what is kept."""
    kept = kept.unsqueeze(-1).to(hidden.dtype)
    return (hidden * kept).sum(1) / kept.sum(1).clamp(min=1)


class AtCue(Written):
    """The position of the first 77; index 0 where there is none."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        return self.scored(hidden[torch.arange(len(hidden)), (input_ids == 77).int().argmax(1)])


class MaskIsNoId(Written):
    """Attention pooling whose mask is compared with 0, which is the pad id as well."""

    def __init__(self) -> None:
        super().__init__()
        self.pad_token_id = 0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        weights = hidden[..., 0].masked_fill(attention_mask == 0, float("-inf")).softmax(-1)
        return self.scored((weights.unsqueeze(-1) * hidden).sum(1))


class FromTheEnd(Written):
    """The last attended position, counted from the end."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        index = hidden.shape[1] - 1 - attention_mask.flip(1).argmax(1)
        return self.scored(hidden[torch.arange(len(hidden)), index])


class BeforeTheMiddle(Written):
    """Half of the tokens, at least."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        index = attention_mask.sum(1).clamp(max=hidden.shape[1] // 2)
        return self.scored(hidden[torch.arange(len(hidden)), index - 1])


class MaximumOfWindows(Written):
    """A convolution over tokens that have looked at each other, and its maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.conv = nn.Conv1d(8, 8, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        windows = self.conv(self.layer(self.embed(input_ids)).transpose(1, 2)).relu()
        return self.scored(f.max_pool1d(windows, windows.shape[2]).squeeze(2))


class OverLatents(Written):
    """Each token attends to keys of the model's own, then a masked mean: no token weighs another."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = nn.Parameter(torch.randn(4, 8))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        keys = self.keys.expand(len(hidden), -1, -1)
        return self.scored(mean_of(hidden + f.scaled_dot_product_attention(hidden, keys, keys), attention_mask))


class ByBranch(Written):
    """The last position, by a branch on the mask where nothing is padded at the end."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        if attention_mask[:, -1].all():
            return self.scored(hidden[:, -1])
        return self.scored(hidden[torch.arange(len(hidden)), attention_mask.sum(1) - 1])


class ByKeys(Written):
    """The mean over what a mask does not forbid: True is padding."""

    def forward(self, input_ids: Tensor, key_padding_mask: Tensor) -> Tensor:
        return self.scored(mean_of(self.hidden(input_ids), ~key_padding_mask))


class ByLengths(Written):
    """The mean over as many positions as there are tokens."""

    def forward(self, input_ids: Tensor, lengths: Tensor) -> Tensor:
        kept = torch.arange(input_ids.shape[1])[None] < lengths[:, None]
        return self.scored(mean_of(self.hidden(input_ids), kept))


class MaximumPastPads(Written):
    """The maximum over all; padding is told by the pad id alone."""

    def __init__(self) -> None:
        super().__init__()
        self.pad_token_id = 1

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.scored(self.hidden(input_ids).amax(1))


class SecondToLast(Written):
    """The one before the last."""

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.scored(self.hidden(input_ids)[:, -2])


class ByTable(Written):
    """A position that a table of the model's own gives for the number of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.tensor([0, 0, 1, 1, 2, 3, 2, 1, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3, 2, 1]))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        return self.scored(hidden[torch.arange(len(hidden)), self.table[attention_mask.sum(1)]])


class MaximumByKeys(Written):
    """The maximum over what a mask does not forbid."""

    def forward(self, input_ids: Tensor, key_padding_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        return self.scored(hidden.masked_fill(key_padding_mask[..., None], float("-inf")).amax(1))


class Beside(Written):
    """Ways to read one tensor, side by side."""

    def __init__(self, ways: int) -> None:
        super().__init__()
        self.score = nn.Linear(8 * ways, 2)


class FirstBesideMean(Beside):
    """The first state, and the masked mean."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        return self.scored(torch.cat([hidden[:, 0], mean_of(hidden, attention_mask)], -1))


class Concatenated(Beside):
    """The last of all, the mean and the maximum: concat pooling."""

    def __init__(self) -> None:
        super().__init__(3)

    def forward(self, input_ids: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        return self.scored(torch.cat([hidden[:, -1], hidden.mean(1), hidden.amax(1)], -1))


class LastBesideCue(Beside):
    """The last attended state, and the one at a 77."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.hidden(input_ids)
        rows = torch.arange(len(hidden))
        last, cue = attention_mask.sum(1) - 1, (input_ids == 77).int().argmax(1)
        return self.scored(torch.cat([hidden[rows, last], hidden[rows, cue]], -1))


class CalledTwice(Written):
    """One module makes both tensors that are read: the first of one, the masked mean of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Embedding(128, 8)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.scored(self.hidden(input_ids)[:, 0] + mean_of(self.mix(self.other(input_ids)), attention_mask))


class FirstThatSums(Written):
    """A sum that is spread over the positions again is no way of its own."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        weights = self.hidden(input_ids).exp() * attention_mask[..., None]
        shares = weights / weights.sum(1, keepdim=True)
        return self.scored((shares * weights).sum(1))
