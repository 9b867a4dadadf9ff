"""What is known of a tiny model by hand: written before any run, and never fitted to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch

#: For each row of a batch the sorted positions.
Rows: TypeAlias = tuple[tuple[int, ...], ...]
Layout: TypeAlias = Mapping[str, torch.Tensor]
#: Positions as a function of the inputs.
Positions: TypeAlias = Callable[[Layout], Rows]

PAD, EOS = 1, 2
#: The layouts with padding, where the model has a mask.
PADDED = ("right_padded", "left_padded", "padded_inside", "masked_tail")


@dataclass(frozen=True)
class Read:
    """One readout: the tensor's name, kind, positions and slice as text, and the inputs that its index looks at."""

    tensor: str
    kind: str
    positions: Positions
    slice: str
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expected:
    """All that is known of one model.

    `status` is "bound" only where the analysis cannot see what is true; then `bound` are the positions that it gives.
    `unanswered` is part of the message where no answer is given yet; what is expected is true all the same.
    `embedding` is the module whose output stands for the tokens. `inputs` replace the layouts that are tried otherwise.
    `others` are the tokens of further texts, by the input that holds them, in the order in which they are embedded.
    `texts`: how many a row holds, each on an axis behind it. `moves`: with padding on the left a text gets other logits
    than alone, though none of it is read and none reaches: a position that is read, or added, is counted from the left.
    """

    model: Callable[[], torch.nn.Module]
    reads: tuple[Read, ...]
    tokens: Positions
    leaks: bool = False
    reads_padding: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    status: str = "exact"
    bound: Positions | None = None
    rows_mix: bool = False
    refused: tuple[str, ...] = ()
    ids: str = "input_ids"
    embedding: str = "embedding"
    inputs: Mapping[str, Any] | None = None
    others: Mapping[str, Positions] = field(default_factory=dict)
    texts: int = 1
    moves: bool = False


def _tokens(layout: Layout) -> torch.Tensor:
    return next((layout[n] for n in ("input_ids", "inputs_embeds") if n in layout), next(iter(layout.values())))


def rows(flags: torch.Tensor) -> Rows:
    """The positions of the true elements of each row."""
    return tuple(tuple(row.nonzero().flatten().tolist()) for row in flags)


def one_each(index: Sequence[int]) -> Rows:
    """One position for each row."""
    return tuple((int(i),) for i in index)


def at(*indices: int) -> Positions:
    """The same positions in each row, negative ones from the end."""

    def positions(layout: Layout) -> Rows:
        count, length = _tokens(layout).shape[:2]
        return (tuple(sorted({i % length for i in indices})),) * count

    return positions


def span(start: int = 0, stop: int | None = None) -> Positions:
    """The positions of a slice, in each row."""

    def positions(layout: Layout) -> Rows:
        count, length = _tokens(layout).shape[:2]
        return (tuple(range(length)[start:stop]),) * count

    return positions


def nothing(layout: Layout) -> Rows:
    """No position."""
    return ((),) * len(_tokens(layout))


def attended(layout: Layout) -> Rows:
    """The positions that the mask admits."""
    return rows(layout["attention_mask"] != 0)


def attended_and_first(layout: Layout) -> Rows:
    """The positions that the mask admits, and the first, whatever the mask says."""
    kept = layout["attention_mask"] != 0
    kept[:, 0] = True
    return rows(kept)


def up_to_count(layout: Layout) -> Rows:
    """As many positions as the mask admits, from the first on."""
    return tuple(tuple(range(int(n))) for n in layout["attention_mask"].sum(1))


def at_count(layout: Layout) -> Rows:
    """The position of the number of admitted tokens, less one."""
    return one_each((layout["attention_mask"].sum(1) - 1).tolist())


def every(layout: Layout) -> Rows:
    """Every position."""
    return span()(layout)
