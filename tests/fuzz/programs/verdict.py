"""Verdicts: a program is traced, and its trace is held against the truth."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import nn

import archtrace
from archtrace.errors import ArchtraceError
from programs.inputs import shown
from programs.program import Program
from programs.truth import Layout, Numbers, Token, gradients, movers, noisy, numbers, ordinary

#: invalid: the program itself does not run. refused: archtrace declines. raised: anything else comes out.
Outcome: TypeAlias = Literal["exact", "bound", "refused", "missed", "raised", "invalid"]


@dataclass(frozen=True)
class Verdict:
    """What came of a program; `why` says what was missed, raised or refused; `hollow` are tokens that are said to
    reach, exactly, and were not seen to (the truth, a few draws, may be too weak)."""

    outcome: Outcome
    why: str = ""
    told: str = ""
    hollow: tuple[Token, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the law is broken."""
        return self.outcome in ("missed", "raised")


def judge(program: Program) -> Verdict:
    """Trace a program and hold every layout against the truth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = program.build()
            _runs(program, module)
        except Exception as error:
            return Verdict("invalid", f"{type(error).__name__}: {error}".split("\n", 1)[0])
        verdict = _traced(program, module)
        left = _left_behind()
    return Verdict("raised", f"{verdict.why}; torch is left inside a transform") if left else verdict


def _left_behind() -> bool:
    """Whether a trace left torch inside a vmap, which would fail every later draw; taken back for the next program."""
    left = False
    while torch._C._functorch.peek_interpreter_stack() is not None:
        torch._C._functorch.pop_dynamic_layer_stack()
        left = True
    return left


def _runs(program: Program, module: nn.Module) -> None:
    """Raise what the program itself raises on inputs of both sorts."""
    with torch.no_grad():
        module(**(program.given or program.plain))


def _traced(program: Program, module: nn.Module) -> Verdict:
    try:
        result = archtrace.trace(module, inputs=program.given).result
    except ArchtraceError as error:
        return Verdict("refused", str(error).split("\n", 1)[0] + " | " + _reason(str(error)))
    except Exception as error:
        return Verdict("raised", f"{type(error).__name__}: {str(error)[:200]} {_place(error)}")
    return _held(program, result)


def _held(program: Program, result: Any) -> Verdict:
    """The verdict once there is a result. What the real module raises on a layout that was answered is no truth."""
    try:
        missed = next(misses(program, result), None)
    except Exception as error:
        return Verdict("invalid", f"on an answered layout: {type(error).__name__}: {error}".split("\n", 1)[0])
    if missed:
        return Verdict("missed", missed, result.status)
    return Verdict(result.status, hollow=_hollow(program, result) if _settled(program, result) else ())


def _settled(program: Program, result: Any) -> bool:
    """Whether exact can be asked for more than it says: one draw of a random program shows too little."""
    return result.status == "exact" and not program.drawn


def _hollow(program: Program, result: Any) -> tuple[Token, ...]:
    """The tokens of the first layout's bound that move nothing in any draw."""
    layout = next(layout for layout in result.layouts if layout.refused is None)
    inputs = _as_given(program, shown(layout.inputs))
    bound = {(row, at) for row, found in enumerate(layout.bound.tokens) for at in found}
    quiet = bound & ordinary(inputs, program.specials)
    for run in numbers(program.build(), program.single):
        quiet = {token for token in quiet if not movers(run, inputs, [token], program.specials)}
    return tuple(sorted(quiet))


def _reason(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip().startswith("why")), "")[:160]


def _place(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "archtrace" in f.filename]
    return f"at {frames[-1].name}:{frames[-1].lineno}" if frames else ""


def misses(program: Program, result: Any) -> Iterator[str]:
    """Everything that moves outside what the result says, in words."""
    mix = any(finding.code == "rows-mix" for finding in result.findings)
    for single_draw in numbers(program.build(), program.single):
        for layout in result.layouts:
            if layout.refused is None:
                yield from (f"{layout.name}: {miss}" for miss in _layout(program, single_draw, layout, mix))


def _layout(program: Program, run: Numbers, layout: Any, mix: bool) -> Iterator[str]:
    inputs = _as_given(program, shown(layout.inputs))
    bound = {(row, at) for row, found in enumerate(layout.bound.tokens) for at in found}
    free = ordinary(inputs, program.specials)
    yield from _tokens(run, inputs, sorted(free - bound), program.specials)
    if run.seed == 1:
        lost = sorted(gradients(run, inputs) - bound)
        yield from [f"gradient at tokens {lost}"] if lost else []
    if not mix:
        yield from _across(run, inputs, free, program.specials)
    if len(layout.bound.reads) == 1:  # of several each is read as far as the others stay as they are
        for name, kept in layout.bound.reads.items():
            yield from _reads(run, inputs, name, kept)


def _as_given(program: Program, layout: Layout) -> Layout:
    """The mask in the type that the program was given."""
    given = program.given
    return {name: layout[name].to(value.dtype) for name, value in given.items()} if given else layout


def _tokens(run: Numbers, layout: Layout, outside: list[Token], specials: set[int]) -> Iterator[str]:
    """All tokens outside the bound are changed at once; one by one only when that shows something."""
    if outside and movers(run, layout, outside, specials):
        alone = [token for token in outside if movers(run, layout, [token], specials, 8)]
        yield f"tokens outside the bound move the logits: {alone or outside}"


def _across(run: Numbers, layout: Layout, free: set[Token], specials: set[int]) -> Iterator[str]:
    for row in {row for row, _ in free}:
        rest = movers(run, layout, sorted(t for t in free if t[0] == row), specials, 2) - {row}
        if rest:
            yield f"tokens of row {row} move rows {sorted(rest)}, without a finding rows-mix"


def _reads(run: Numbers, layout: Layout, name: str, kept: Any) -> Iterator[str]:
    if name not in dict(run.module.named_modules()) or len(kept) != len(layout["input_ids"]):
        return
    if noisy(run, layout, name, kept):
        yield f"positions of {name} outside {kept} move the logits"
