"""Texts: which tokens stand at the positions that are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archtrace.answer.positions import Rows
from archtrace.answer.texts import Texts
from archtrace.readout.analysis import Analysis
from archtrace.readout.padding import tokens_carried


def texts_of(analysis: Analysis, layout: str, tokens: Sequence[Sequence[str]], reads: Mapping[str, Rows]) -> Texts:
    """The tokens of a layout's rows, and those of them that the read positions carry (archtrace.readout.padding)."""
    tokens_read: list[set[int]] = [set() for _ in tokens]
    carries = tokens_carried(analysis, layout)
    for tensor, rows in reads.items():
        for of_row, positions in zip(carries[tensor], rows, strict=True):
            for row, position in (token for p in positions for token in of_row[p]):
                tokens_read[row].add(position)
    return Texts(tuple(map(tuple, tokens)), tuple(tuple(sorted(row)) for row in tokens_read))
