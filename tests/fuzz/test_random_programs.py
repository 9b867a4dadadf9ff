"""Random programs: whatever a small model does, no token and no position outside its bound moves its logits."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs.part import Part
from programs.program import BODIES, EMBEDDINGS, HEADS, WILDER, Program, program
from programs.shrink import alone
from programs.verdict import judge

#: Drawn alike each time, so that the suite does not change under one's hands; shrinking may run traces for minutes.
SUITE = settings(
    max_examples=100, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs, drawn by hypothesis choice by choice: what fails is shrunk."""
    return program(lambda options: draw(st.sampled_from(list(options))))


@given(programs())
@SUITE
def test_nothing_outside_the_bound_moves_the_logits(drawn: Program) -> None:
    verdict = judge(drawn)
    assert not verdict.failed, f"{verdict.outcome}: {verdict.why}\n{drawn.source()}\ninputs: {drawn.given}"


@pytest.mark.programs
@pytest.mark.parametrize("first", range(0, 3000, 100))
def test_the_whole(first: int) -> None:
    failed = {}
    for seed in range(first, first + 100):
        drawn = program(random.Random(seed).choice)
        verdict = judge(drawn)
        if verdict.failed:
            failed[seed] = f"{verdict.outcome}: {verdict.why}\n{drawn.source()}"
    assert not failed, "\n".join(f"--- seed {seed}, {text}" for seed, text in failed.items())


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("part", EMBEDDINGS + BODIES + WILDER + HEADS, ids=lambda part: str(part.name))
def test_every_part_runs_by_itself(part: Part) -> None:
    """A part that cannot run would be drawn as an invalid program, and test nothing."""
    drawn = alone(part, random.Random(0).choice)
    with torch.no_grad():
        assert len(drawn.build()(**drawn.plain)) == 2, drawn.source()
