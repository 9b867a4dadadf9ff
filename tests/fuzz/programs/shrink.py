"""Smaller programs: those of one part, and the smallest that still fails (for runs without hypothesis)."""

from __future__ import annotations

from programs.embeddings import PLAIN
from programs.heads import HEADS
from programs.part import Choose, Part, Step, step
from programs.program import Program
from programs.verdict import Verdict, judge


def alone(part: Part, choose: Choose) -> Program:
    """The program in which a part is the only thing out of the ordinary."""
    drawn = step(part, choose)
    if part.family == "embed":
        return Program(drawn, (), Step(HEADS[0]))
    return Program(Step(PLAIN), (), drawn) if part.family == "head" else Program(Step(PLAIN), (drawn,), Step(HEADS[0]))


def shrunk(program: Program, verdict: Verdict) -> tuple[Program, Verdict]:
    """The program with as little in it as fails in the same way, and its verdict."""
    for smaller in program.smaller():
        again = judge(smaller) if smaller.aligned else verdict
        if smaller.aligned and again.outcome == verdict.outcome:
            return shrunk(smaller, again)
    return program, verdict
