"""AT022: the ends of two texts, and the larger of them."""

from __future__ import annotations

import pytest
from lint_cases import codes

FRAME = """
    import torch

    def loss(rewards_a, rewards_b, ids_a, ids_b, ends_a, ends_b, start, width, pad, lengths):
        for i in range(len(rewards_a)):
            {}
    """


def test_the_last_before_the_larger_end_is_a_pad_of_the_shorter() -> None:
    """The fact that the rule stands on: of the shorter text something else is read than alone."""
    long, short, pad = [1, 2, 3, 4], [5, 6, 0, 0], 0
    end = max(4, 2)
    assert long[:end][-1] == long[4 - 1]
    assert short[:end][-1] == pad != short[2 - 1]


OF_THE_LONGER = [
    "end = max(ends_a[i], ends_b[i]); yield rewards_a[i, end - 1], rewards_b[i, end - 1]",
    "end = max(ends_a[i], ends_b[i]); yield rewards_a[i][end - 1] - rewards_b[i][end - 1]",
    "end = max(ends_a[i], ends_b[i]); a = rewards_a[i][start:end]; b = rewards_b[i][start:end]; yield a[-1] - b[-1]",
    "end = max(ends_a[i], ends_b[i]); a, b = 1, 2; yield rewards_a[i, :end][-1] > rewards_b[i, :end][-1]",
    "end = torch.max(ends_a[i], ends_b[i]); yield rewards_a[i, end - 1], rewards_b[i, end - 1]",
    "end = torch.maximum(ends_a, ends_b); yield rewards_a[end - 1], rewards_b[end - 1]",
    "e = max(ends_a[i].item(), ends_b[i].item()); yield rewards_a[i][:e][-1], rewards_b[i][:e][-1]",
    "n_a, n_b = lengths; end = max(n_a, n_b)\n            yield rewards_a[end - 1], rewards_b[end - 1]",
]

EACH_ITS_OWN = [
    "end = max(ends_a[i], ends_b[i]); yield rewards_a[i][start:end], rewards_b[i][start:end]",
    "end = max(ends_a[i], ends_b[i]); yield rewards_a[i, ends_a[i] - 1], rewards_b[i, ends_b[i] - 1]",
    "end = max(ends_a[i], ends_b[i]); yield ids_a[i][end - 1], ids_b[i][end - 1]",
    "end = max(ends_a[i], start); yield rewards_a[i][end - 1], rewards_b[i][end - 1]",
    "end = max(ends_a[i], 1); yield rewards_a[i][end - 1], rewards_b[i][end - 1]",
    "end = max(ends_a[i], ends_b[i]); yield rewards_a[i][end - 1]",
    "end = min(ends_a[i], ends_b[i]); yield rewards_a[i][end - 1], rewards_b[i][end - 1]",
    "end = max(ends_a); yield rewards_a[i][end - 1], rewards_b[i][end - 1]",
]


@pytest.mark.parametrize("body", OF_THE_LONGER)
def test_both_are_read_at_the_end_of_the_longer(body: str) -> None:
    """At the end less one, and at the last of what it cuts off."""
    assert codes(FRAME.format(body.replace("; ", "\n            ")), "AT022") == ["AT022"]


@pytest.mark.parametrize("body", EACH_ITS_OWN)
def test_other_uses_of_the_larger_end(body: str) -> None:
    """A cut, ends of their own, ids, bounds, one text, another end."""
    assert codes(FRAME.format(body.replace("; ", "\n            ")), "AT022") == []
