"""trace: which hidden states reach the classifier, and through what. The command that `archtrace TARGET` runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.asking.dependencies import require
from archtrace_reports.asking.elapsed import elapsed, laps
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import known_answer
from archtrace_reports.commands import completion
from archtrace_reports.commands.fast_path import cached_note
from archtrace_reports.commands.group import Tracing, debug, quiet
from archtrace_reports.commands.options import Options, bounds, inputs, output, overrides, texts, trust
from archtrace_reports.text.files import write
from archtrace_reports.text.look import Look, look_of
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Report, Unanswered, report, without_run
from archtrace_reports.text.wording import count


@click.command("trace", cls=Tracing, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("targets", nargs=-1, metavar="TARGET...", shell_complete=completion.targets)
@click.option("--num-labels", type=click.IntRange(1), metavar="N", help="Build the classifier with N labels.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Take the config from a JSON file.")
@click.option("--config-set", "overrides", multiple=True, metavar="KEY=VALUE", callback=overrides,
              help="Change a field of the config; the value is JSON, or else text.")  # fmt: skip
@click.option("--arg", "constructor", multiple=True, metavar="KEY=VALUE", callback=overrides,
              help="Give an argument to your class or function; the value is JSON, or else text.")  # fmt: skip
@click.option("--input", "inputs", multiple=True, metavar="NAME=VALUE", callback=inputs,
              help="Give an input of the forward: JSON, or a file (.npy, .npz, .json).")  # fmt: skip
@texts
@click.option("--head", metavar="KIND", shell_complete=completion.heads,
              help="The kind of head, such as token-classification.  [default: sequence-classification]")  # fmt: skip
@click.option("--output-name", metavar="NAME", help="Ask about this output of the forward.  [default: its logits]")
@click.option(
    "--format", type=click.Choice(formats.names()), help="How to answer.  [default: terminal; with --all: table]"
)
@output
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a page for the browser as well; several targets share it.")  # fmt: skip
@click.option("--all", "every", is_flag=True,
              help="Trace every sequence classifier of transformers; with --head every class with that head, of two "
                   "layers; with --head all every class of every kind.")  # fmt: skip
@click.option("--declared", is_flag=True, help="Trace the models that pyproject.toml declares.")
@click.option("--fresh", is_flag=True, help="Trace anew what was answered before.")
@click.option("--reproducible", is_flag=True, help="Leave out what differs from run to run: dates and seconds.")
@click.option("--isolate", is_flag=True, help="Give each target a process of its own; --all and the next three do.")
@bounds
@trust
@debug
@quiet
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:
    """Show which hidden-state slices reach a sequence classifier's logits, and through what. Needs no weights.

    \b
    archtrace bert-base-uncased
    archtrace answerdotai/ModernBERT-base --config-set classifier_pooling=mean
    archtrace bert-base-uncased --html report.html
    archtrace bert gpt2 my_models.py:Classifier --format json -o answers.json
    archtrace --all

    Answers go to stdout, all else to stderr. Exit 0: all answered. 2: not all could be.
    """  # fmt: skip
    options = Options(**given)
    if not options.has_targets:
        click.echo(context.get_help(), err=True)
        return 2
    options.check()
    require()
    answers = report(_outcomes(_questions(options), options))
    _show(without_run(answers) if options.reproducible else answers, options)
    targets = len(answers.results) + len(answers.unanswered)
    if targets > 1 and not options.quiet:
        say(f"{count(targets, 'target')} in {elapsed():.1f} s")
    return 2 if answers.unanswered else 0


def _questions(options: Options) -> list[Question]:
    if not options.every:
        return options.questions
    from archtrace_reports.asking.sweep import everything

    return everything(options.question(""))


def _outcomes(questions: Sequence[Question], options: Options) -> list[Result | Unanswered]:
    """The known answers and those to the other questions, in the order of the questions."""
    outcomes: dict[int, Result | Unanswered] = {}
    if not (options.fresh or options.debug):
        known = (known_answer(question, with_drawing=options.needs_drawing) for question in questions)
        outcomes = {number: answer for number, answer in enumerate(known) if answer is not None}
    if not options.every:  # the table of a sweep says it all
        for outcome in outcomes.values():
            _say(outcome, options, 0)
    left = [number for number in range(len(questions)) if number not in outcomes]
    if left:
        ask = _isolated if options.is_isolated else _here
        outcomes |= zip(left, ask([questions[number] for number in left], options), strict=True)
    return [outcomes[number] for number in range(len(questions))]


def _here(questions: Sequence[Question], options: Options) -> list[Result | Unanswered]:
    """Ask one after the other in this process."""
    from archtrace_reports.asking.engine import ask, silence_libraries
    from archtrace_reports.asking.progress import Stages

    if not options.debug:
        silence_libraries()
    outcomes, lap = [], laps()
    for question in questions:
        with Stages(question.target, not options.quiet) as stages:
            outcome = ask(question, stages, debug=options.debug)
        _say(outcome, options, lap())
        outcomes.append(outcome)
    return outcomes


def _isolated(questions: Sequence[Question], options: Options) -> list[Result | Unanswered]:
    """Ask several at once, each in a process of its own."""
    from archtrace_reports.asking.progress import RunProgress
    from archtrace_reports.asking.sweep import ask_all

    progress = RunProgress(len(questions), not options.quiet)
    outcomes = ask_all([*questions], options.limits, progress)
    if not options.every:
        for outcome in outcomes:
            _say(outcome, options, sum(outcome.seconds.values()) if isinstance(outcome, Result) else 0)
    return outcomes


def _say(outcome: Result | Unanswered, options: Options, seconds: float) -> None:
    """Why there is no answer; or, unless quiet, how long the answer took, and its stages."""
    if isinstance(outcome, Unanswered):
        say(outcome.message)
    elif outcome.kept and not options.quiet:
        say(cached_note(outcome))
    elif not options.quiet:
        parts = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in outcome.seconds.items())
        summary = f"{outcome.status} in {seconds:.1f} s" + (f" ({parts})" if parts else "")
        say(f"{outcome.target}: {summary}")


def _show(answers: Report, options: Options) -> None:
    """Answers to stdout or the file. Without any answer nothing is written, but for a sweep's table."""
    if not answers.results and not options.every:
        return
    look = Look() if options.file else look_of(sys.stdout)
    write(formats.load(options.style).render(answers, look), options.file)
    if options.html:
        write(formats.load("html").render(answers, Look()), options.html)
    for file in (options.file, options.html):
        if file and not options.quiet:
            say(f"wrote {file}")
