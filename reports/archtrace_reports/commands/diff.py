"""diff: what changed from one model's answer to another's. A side is a target, or an answer kept as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from archtrace.answer.result import Result
from archtrace.errors import TargetError
from archtrace_reports.extra import require
from archtrace_reports.files import trouble, write
from archtrace_reports.look import Look, look_of, on_terminal
from archtrace_reports.options import overrides
from archtrace_reports.question import Question
from archtrace_reports.report import Unanswered
from archtrace_reports.say import say

SAME, DIFFERENT, FAILED = 0, 1, 2


@dataclass(frozen=True)
class Sides:
    """What was asked: a field a flag."""

    left: str
    right: str
    set_left: tuple[tuple[str, Any], ...]
    set_right: tuple[tuple[str, Any], ...]
    num_labels: int | None
    output: Path | None
    style: str
    exit_code: bool
    trust_remote_code: bool
    quiet: bool

    @property
    def questions(self) -> tuple[Question, Question]:
        """One for each side."""
        left = Question(self.left, self.num_labels, None, dict(self.set_left), self.trust_remote_code)
        return left, Question(self.right, self.num_labels, None, dict(self.set_right), self.trust_remote_code)


@click.command("diff", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--set-left", multiple=True, metavar="KEY=VALUE", callback=overrides, help="Change A's config.")
@click.option("--set-right", multiple=True, metavar="KEY=VALUE", callback=overrides, help="Change B's config.")
@click.option("--num-labels", type=click.IntRange(1), metavar="N", help="Build both classifiers with N labels.")
@click.option("--format", "style", type=click.Choice(["terminal", "html"]), help="How to answer.  [default: terminal]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file; .html is a page."
)
@click.option("--exit-code", is_flag=True, help="Exit 1 where they differ.")
@click.option("--trust-remote-code", is_flag=True, help="Run model code that a checkpoint brings along.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary on stderr.")
def command(style: str | None, output: Path | None, **given: Any) -> int:
    """Tell what changes from model A to model B: in words, fact by fact, and along the path to the logits.

    \b
    archtrace diff bert-base-uncased roberta-base
    archtrace diff bert-base-uncased answerdotai/ModernBERT-base -o diff.html
    archtrace diff before.json after.json          answers kept with --format json
    archtrace diff modernbert modernbert --set-left classifier_pooling=cls --set-right classifier_pooling=mean
    """  # fmt: skip
    page = output is not None and output.suffix.lower() in (".html", ".htm")
    file = None if output is None or str(output) == "-" else output
    problem = trouble(file) if file else None
    if problem:
        raise click.BadParameter(problem, param_hint="--output")
    require()
    sides = Sides(output=file, style=style or ("html" if page else "terminal"), **given)
    found = [_side(question, sides) for question in sides.questions]
    return _show([f for f in found if f is not None], sides)


def _side(question: Question, sides: Sides) -> Result | None:
    """The answer of one side; None where there is none, which is said."""
    outcome = _kept(Path(question.target)) if question.target.endswith(".json") else _asked(question, sides)
    if isinstance(outcome, Unanswered):
        say(outcome.reason if outcome.target in outcome.reason else f"{outcome.target}: {outcome.reason}")
        return None
    return outcome


def _asked(question: Question, sides: Sides) -> Result | Unanswered:
    from archtrace_reports.engine import ask, hush
    from archtrace_reports.progress import Stages

    hush()
    with Stages(question.target, on_terminal() and not sides.quiet) as stages:
        return ask(question, stages)


def _kept(file: Path) -> Result:
    """The answer in a file that `--format json` wrote. Raises TargetError where it holds none, or several."""
    from archtrace_reports.load import decode

    try:
        results = json.loads(file.read_text("utf-8"))["results"]
        found = [decode(result) for result in results]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{file} is no answer of archtrace ({type(error).__name__}: {error}); make one with "
                          f"archtrace TARGET --format json -o {file.name}") from None  # fmt: skip
    if len(found) != 1:
        raise TargetError(f"{file} holds {len(found)} answers; a side is one")
    return found[0]


def _show(found: Sequence[Result], sides: Sides) -> int:
    if len(found) < 2:
        return FAILED
    from archtrace_reports.diff.compare import compare

    comparison = compare(*found)
    look = Look() if sides.output else look_of(sys.stdout)
    write(_renderer(sides.style)(comparison, look), sides.output)
    if sides.output and not sides.quiet:
        say(f"wrote {sides.output}")
    return DIFFERENT if sides.exit_code and not comparison.same else SAME


def _renderer(style: str) -> Any:
    from importlib import import_module

    return import_module(f"archtrace_reports.diff.to_{style}").render
