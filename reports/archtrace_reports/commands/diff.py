"""diff: what changed from one model's answer to another's. A side is a target, or an answer kept as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from archtrace.answer.result import Result
from archtrace.errors import TargetError
from archtrace_reports import diff
from archtrace_reports.asking.dependencies import require
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import known_answer
from archtrace_reports.commands import completion
from archtrace_reports.commands.group import debug, quiet
from archtrace_reports.commands.options import file_of, output, overrides, style_of, trust
from archtrace_reports.text.files import write
from archtrace_reports.text.look import Look, look_of
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Report, Unanswered, report

SAME, DIFFERENT, FAILED = 0, 1, 2


@dataclass(frozen=True)
class Sides:
    """The flags of the command line: a field each, under the name that click gives it."""

    left: str
    right: str
    set_left: tuple[tuple[str, Any], ...]
    set_right: tuple[tuple[str, Any], ...]
    num_labels: int | None
    exit_code: bool
    trust_remote_code: bool
    fresh: bool
    debug: bool
    quiet: bool

    @property
    def questions(self) -> tuple[Question, Question]:
        """One for each side."""
        left = Question(self.left, self.num_labels, None, dict(self.set_left), self.trust_remote_code)
        return left, Question(self.right, self.num_labels, None, dict(self.set_right), self.trust_remote_code)


@click.command("diff", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("left", metavar="A", shell_complete=completion.targets)
@click.argument("right", metavar="B", shell_complete=completion.targets)
@click.option("--set-left", multiple=True, metavar="KEY=VALUE", callback=overrides, help="Change A's config.")
@click.option("--set-right", multiple=True, metavar="KEY=VALUE", callback=overrides, help="Change B's config.")
@click.option("--num-labels", type=click.IntRange(1), metavar="N", help="Build both classifiers with N labels.")
@click.option("--format", "style", type=click.Choice(diff.NAMES), help="How to answer.  [default: terminal]")
@output
@click.option("--exit-code", is_flag=True, help="Exit 1 where they differ.")
@click.option("--fresh", is_flag=True, help="Trace anew what was answered before.")
@trust
@debug
@quiet
def command(style: str | None, output: Path | None, **given: Any) -> int:
    """Show what changes from model A to model B: in words, fact by fact, and along the path to the logits.

    \b
    archtrace diff bert-base-uncased roberta-base
    archtrace diff bert-base-uncased answerdotai/ModernBERT-base -o diff.html
    archtrace diff before.json after.json        answers kept with --format json
    archtrace diff modernbert modernbert --set-right classifier_pooling=mean

    Files with several answers are compared target by target.
    """  # fmt: skip
    file = file_of(output)
    require()
    style = style_of(file, style, diff.endings(), "terminal")
    sides = Sides(**given)
    left, right = (_side(question, sides) for question in sides.questions)
    if not (left.results and right.results):
        return FAILED
    return _show(left, right, style, file, sides)


def _side(question: Question, sides: Sides) -> Report:
    """The answer of one side, or the answers in a file; where there is none, the reason is printed."""
    if question.target.endswith(".json"):
        return _saved_answers(Path(question.target))
    answers = report([_answer_to(question, sides)])
    for failure in answers.unanswered:
        say(failure.message)
    return answers


def _answer_to(question: Question, sides: Sides) -> Result | Unanswered:
    result = None if sides.fresh or sides.debug else known_answer(question, with_drawing=True)
    if result is not None:
        return result
    from archtrace_reports.asking.engine import ask, silence_libraries
    from archtrace_reports.asking.progress import Stages

    if not sides.debug:
        silence_libraries()
    with Stages(question.target, not sides.quiet) as stages:
        return ask(question, stages, debug=sides.debug)


def _saved_answers(file: Path) -> Report:
    """The answers in a file that `--format json` wrote. Raises TargetError where it holds none."""
    from archtrace_reports.formats.converter import decode

    try:
        document = json.loads(file.read_text("utf-8"))
        answers = report([*decode(document["results"], tuple[Result, ...])])
        unanswered = decode(document.get("unanswered", ()), tuple[Unanswered, ...])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{file} is no answer of archtrace ({type(error).__name__}: {error}); make one with "
                          f"archtrace TARGET --format json -o {file.name}") from None  # fmt: skip
    if not answers.results:
        raise TargetError(f"{file} holds no answer; make one with archtrace TARGET --format json -o {file.name}")
    return replace(answers, unanswered=unanswered)


def _show(left: Report, right: Report, style: str, file: Path | None, sides: Sides) -> int:
    from archtrace_reports.diff.compare import pair

    difference = pair(left, right)
    write(diff.load(style).render(difference, Look() if file else look_of(sys.stdout)), file)
    if file and not sides.quiet:
        say(f"wrote {file}")
    return DIFFERENT if sides.exit_code and not difference.same else SAME
