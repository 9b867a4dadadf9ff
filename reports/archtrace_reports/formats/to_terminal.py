"""Terminal: the sentence first, then slice, source and path, then the layouts as pictures, then the facts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from archtrace.answer.result import PathStep, Readout, Result, Source
from archtrace_reports.text.account import account
from archtrace_reports.text.cautions import cautions
from archtrace_reports.text.diagnosis_lines import lines_above_answer
from archtrace_reports.text.facts import facts
from archtrace_reports.text.lines import block, join, pad, paint, wrap
from archtrace_reports.text.look import Look
from archtrace_reports.text.picture import picture
from archtrace_reports.text.report import Report
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.tokens import ignored_inputs
from archtrace_reports.text.untrusted import cleaned
from archtrace_reports.text.wording import BOUND, enumerate_words, headline, meaning

SUFFIXES = (".txt",)
DRAWN = False
STATUS_STYLES = {"exact": "bold green", "bound": "bold yellow"}
#: A longer path leaves out its middle.
STEPS = 14


def render(report: Report, look: Look) -> str:
    """The answers, one below the other."""
    lines: list[StyledLine] = []
    for number, result in enumerate(cleaned(report).results):
        lines += _divider(look.prose) if number else []
        lines += _answer(result, look.prose)
    return paint(lines, look)


def _divider(width: int) -> list[StyledLine]:
    return [StyledLine(), StyledLine("─" * width, "dim"), StyledLine()]


def _answer(result: Result, width: int) -> list[StyledLine]:
    lines = [*lines_above_answer(result.setup, width), *block(headline(result), width, style="bold")]
    lines += block(account(result), width)
    for caution in cautions(result):
        lines += block(f"{caution.label}: {caution.text}.", width, style="red" if caution.grave else "yellow")
    for readout in result.readouts:
        lines += [StyledLine(), *_readout(readout, result, width)]
    drawn = picture(result, width)
    return [*lines, StyledLine(), *drawn, *([StyledLine()] if drawn else []), *facts(result, width)]


def _readout(readout: Readout, result: Result, width: int) -> list[StyledLine]:
    lines = _slice(readout, width) + block(meaning(readout, result), width, 4)
    lines += block(BOUND, width, 4, "yellow") if readout.status == "bound" else []
    lines += _index(readout, result, width)
    lines += _source(readout.source, width) if readout.source else []
    return lines + [StyledLine("  ").append(line, "cyan") for line in join(_steps(readout), width - 2)]


def _slice(readout: Readout, width: int) -> list[StyledLine]:
    """The slice at the left, its status at the right end of the first line."""
    room = width - 4 - len(readout.status)
    first, *others = wrap(readout.slice, room)
    head = StyledLine("  ").append(first, "bold cyan").append(" " * (room + 2 - cell_len(first)))
    head.append(readout.status, STATUS_STYLES[readout.status])
    return [head, *(StyledLine("    ").append(line, "bold cyan") for line in others)]


def _index(readout: Readout, result: Result, width: int) -> list[StyledLine]:
    """How a computed index is computed, and what it looks at. A constant looks at nothing."""
    index = readout.index
    if not index.depends_on:
        return []
    ignored = ignored_inputs(readout, result)
    looks = f"looks at {enumerate_words(index.depends_on)}"
    looks += f", not at {enumerate_words(ignored)}" if ignored else ""
    lines = [] if index.expression in readout.slice else block(f"by {index.expression}", width, 4)
    return lines + block(looks, width, 4)


def _source(source: Source, width: int) -> list[StyledLine]:
    """Expression and place beside each other, or below each other where that does not fit."""
    place = f"{source.file.rsplit('/', 1)[-1]}:{source.line}, {source.function}"
    if cell_len(source.expression) + cell_len(place) + 7 <= width:
        size = cell_len(source.expression) + 3
        return [StyledLine("    ").append(pad(source.expression, size), "magenta").append(place, "dim")]
    return block(source.expression, width, 4, "magenta") + block(place, width, 6, "dim")


def _steps(readout: Readout) -> list[str]:
    """The way from the slice to the logits, an arrow a step."""
    steps = [_step(step) for step in readout.steps] or list(readout.path)
    if len(steps) > STEPS:
        steps = [*steps[: STEPS // 2], f"({len(steps) - STEPS} more)", *steps[-(STEPS // 2) :]]
    return [f"→ {step}" for step in [*_ended(steps)]]


def _step(step: PathStep) -> str:
    if step.module and step.detail and step.detail not in step.module:
        return f"{step.module} ({step.detail})"
    return step.module or step.detail


def _ended(steps: Sequence[str]) -> list[str]:
    """Every path ends in the logits, which is written once."""
    return [*steps] if steps and steps[-1] == "logits" else [*steps, "logits"]
