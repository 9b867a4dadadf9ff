"""The relation between the positions of an output and those that reach them: each row a pattern, named by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from archtrace.answer.relations import RELATIONS
from archtrace.readout.relation import RelationCase, relation

#: Two rows of six tokens, of which all and four are no padding.
KEPT = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool()
#: Whether position j reaches position i of a row's output, among n.
Reaches = Callable[[int, int, int], bool]


def case_of(reaches: Reaches, length: int = 6, *, masked: bool = False) -> RelationCase:
    """What reaches each position; of what is padding only itself, where that is masked."""
    kept = KEPT[:, :length]
    each = tuple(
        tuple(
            tuple(j for j in range(length) if reaches(i, j, length) and (j == i or not masked or kept[row, j]))
            for row in (0, 1)
        )
        for i in range(length)
    )
    return RelationCase(each, length, {"attention_mask": kept})


#: Which j reach i -> the relation's name, and how far it goes.
NAMED: list[tuple[Reaches, str, int]] = [
    (lambda i, j, n: j == i, "same", 0),
    (lambda i, j, n: True, "all", 0),
    (lambda i, j, n: j <= i, "up_to", 0),
    (lambda i, j, n: j < i, "before", 0),
    (lambda i, j, n: j >= i, "from", 0),
    (lambda i, j, n: j > i, "after", 0),
    (lambda i, j, n: j == i + 1, "next", 0),
    (lambda i, j, n: j == i - 1, "previous", 0),
    (lambda i, j, n: abs(i - j) <= 2, "around", 2),
    (lambda i, j, n: i - 3 <= j <= i, "behind", 3),
]


@pytest.mark.parametrize(("reaches", "name", "reach"), NAMED)
def test_what_reaches_each_position_has_a_name(reaches: Reaches, name: str, reach: int) -> None:
    found = relation("h", [case_of(reaches), case_of(reaches, 5)])
    assert found is not None
    assert (found.of, found.name, found.reach, found.masked) == ("h", name, reach, False)


def test_every_relation_of_the_table_has_a_row_here() -> None:
    assert {name for _, name, _ in NAMED} == set(RELATIONS)


@pytest.mark.parametrize(
    ("reaches", "name"),
    [(lambda i, j, n: True, "all"), (lambda i, j, n: j <= i, "up_to"), (lambda i, j, n: j >= i, "from")],
)
def test_padding_may_be_left_out(reaches: Reaches, name: str) -> None:
    found = relation("tokens", [case_of(reaches, masked=True)])
    assert found is not None
    assert (found.name, found.masked) == (name, True)
    assert found.words.endswith("that are not padding, and at i itself")


def test_a_name_holds_of_every_layout_or_of_none() -> None:
    assert relation("h", [case_of(lambda i, j, n: j <= i), case_of(lambda i, j, n: True)]) is None
    assert relation("h", [case_of(lambda i, j, n: j <= i), case_of(lambda i, j, n: j <= i, masked=True)]) is None
    assert relation("h", [case_of(lambda i, j, n: j == n - 1 - i)]) is None
    assert relation("h", []) is None


def test_an_output_of_another_length_has_none() -> None:
    """Five positions of six tokens: which of them position i is, nothing tells."""
    shorter = case_of(lambda i, j, n: j == i)
    assert relation("h", [RelationCase(shorter.each[:5], 6, shorter.unpadded)]) is None


SUBSCRIPTS = {
    "same": [2], "all": [0, 1, 2, 3, 4, 5], "up_to": [0, 1, 2], "before": [0, 1], "from": [2, 3, 4, 5],
    "after": [3, 4, 5], "next": [3], "previous": [1], "around": [1, 2, 3], "behind": [1, 2],
}  # fmt: skip


@pytest.mark.parametrize("name", RELATIONS)
def test_the_subscript_of_a_relation_takes_what_its_words_say(name: str) -> None:
    """Of six positions and i = 2, with a reach of 1."""
    subscript = RELATIONS[name].slice.format(lead="", reach=1)
    taken = eval(f"h{subscript}", {"h": torch.arange(6), "i": 2})
    assert taken.reshape(-1).tolist() == SUBSCRIPTS[name]
