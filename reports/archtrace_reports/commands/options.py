"""Options: the flags of the command line as one frozen value, checked before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from archtrace_reports import formats
from archtrace_reports.asking.dependencies import require
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.question import Question, override
from archtrace_reports.asking.typed_inputs import parse_input
from archtrace_reports.formats import longest_ending
from archtrace_reports.text.files import why_unwritable

Command = TypeVar("Command", bound=Callable[..., Any])


def overrides(context: click.Context, option: click.Parameter, values: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """A callback of click: KEY=VALUE texts as pairs."""
    try:
        return tuple(override(value) for value in values)
    except ValueError as error:
        example = "classifier_pooling=mean" if option.name != "constructor" else "hidden_size=256"
        raise click.BadParameter(f"{error}, such as {example}") from None


def inputs(context: click.Context, option: click.Parameter, values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """A callback of click: NAME=JSON and NAME=FILE texts as pairs."""
    try:
        return tuple(parse_input(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(f"{error}, such as mask_pos='[3, 5]' or pixels=image.npy") from None


def _lines(context: click.Context, option: click.Parameter, file: TextIO | None) -> tuple[str, ...]:
    """A callback of click: the lines of a file that hold something, each a text."""
    lines = tuple(line.strip() for line in file if line.strip()) if file else ()
    if file and not lines:
        raise click.BadParameter("it holds no text: give one a line")
    return lines


def texts(command: Command) -> Command:
    """The options of a command that takes texts: `text`, `text_pair` and `text_file`."""
    for option in (
        click.option("--text-file", type=click.File(encoding="utf-8"), metavar="FILE", callback=_lines,
                     help="Texts, one a line; - is stdin."),
        click.option("--text-pair", multiple=True, metavar="TEXT", help="The second text of a pair with --text."),
        click.option("--text", multiple=True, metavar="TEXT",
                     help="A text of yours, which the checkpoint's tokenizer cuts; several make a batch."),
    ):  # fmt: skip
        command = option(command)
    return command


def output(command: Command) -> Command:
    """The option of a command that can write to a file: `output`."""
    help = "Write to a file; its ending names the format where --format does not."
    return click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help=help)(command)


def bounds(command: Command) -> Command:
    """The options of a command that asks in child processes: `jobs`, `timeout` and `memory`."""
    positive = click.FloatRange(0, min_open=True)
    for option in (
        click.option("--memory", type=positive, metavar="GB", help="Memory for each target.  [default: 8]"),
        click.option("--timeout", type=positive, metavar="S", help="Seconds for each target.  [default: 600]"),
        click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes at once.  [default: one a core]"),
    ):
        command = option(command)
    return command


def trust(command: Command) -> Command:
    """The option of a command that builds models: `trust_remote_code`."""
    help = "Run model code that a checkpoint brings along."
    return click.option("--trust-remote-code", is_flag=True, help=help)(command)


def file_of(output: Path | None) -> Path | None:
    """The file to write; None and "-" are stdout. BadParameter where it cannot be written."""
    file = None if output is None or str(output) == "-" else output
    _refuse_unwritable(file, "--output")
    return file


def _refuse_unwritable(file: Path | None, hint: str) -> None:
    problem = why_unwritable(file) if file else None
    if problem:
        raise click.BadParameter(problem, param_hint=hint)


def style_of(file: Path | None, name: str | None, endings: Mapping[str, str], default: str) -> str:
    """The format: as asked for, or by the file's ending. BadParameter for an ending that no format has."""
    if name or file is None:
        return name or default
    by_ending = longest_ending(file, endings)
    if by_ending is None and (file.is_file() or not file.exists()):  # a device or a pipe has no ending to go by
        known = ", ".join(sorted(endings))
        raise click.BadParameter(
            f"no format is known by the ending of {file.name}: end it in {known}, or give --format",
            param_hint="--output",
        )
    return by_ending or default


def equally_many(first: Sequence[str], second: Sequence[str]) -> Sequence[str]:
    """The second texts. UsageError where they are not as many as the first."""
    if second and len(second) != len(first):
        raise click.UsageError("--text-pair goes with --text: give as many of one as of the other")
    return second


@dataclass(frozen=True)
class Options:
    """A field a flag, under the name that click gives it."""

    targets: tuple[str, ...]
    num_labels: int | None
    config: Path | None
    overrides: tuple[tuple[str, Any], ...]
    constructor: tuple[tuple[str, Any], ...]
    inputs: tuple[tuple[str, str], ...]
    text: tuple[str, ...]
    text_pair: tuple[str, ...]
    text_file: tuple[str, ...]
    head: str | None
    output_name: str | None
    format: str | None
    output: Path | None
    html: Path | None
    every: bool
    declared: bool
    fresh: bool
    reproducible: bool
    isolate: bool
    jobs: int | None
    timeout: float | None
    memory: float | None
    trust_remote_code: bool
    debug: bool
    quiet: bool

    @property
    def style(self) -> str:
        """The format: as asked for, by the file's ending, or what suits the number of targets."""
        return style_of(self.file, self.format, formats.endings(), "table" if self.every else "terminal")

    @property
    def file(self) -> Path | None:
        """The file to write; None is stdout."""
        return file_of(self.output)

    @property
    def needs_drawing(self) -> bool:
        """Whether the format draws the model."""
        return self.html is not None or formats.load(self.style).DRAWN

    @property
    def is_isolated(self) -> bool:
        """Whether targets get a process each: only those can be bounded."""
        return self.every or self.isolate or any(x is not None for x in (self.jobs, self.timeout, self.memory))

    @property
    def limits(self) -> Limits:
        """The bounds of each child."""
        return Limits.given(self.timeout, self.memory, self.jobs)

    @property
    def has_targets(self) -> bool:
        """Whether there is any target to ask about."""
        return bool(self.targets or self.every or self.declared)

    @property
    def questions(self) -> list[Question]:
        """One for each target; a target that is named twice is asked about once."""
        if self.declared:
            from archtrace_reports.check.contracts.questions import declared_questions

            return declared_questions()
        return [self.question(target) for target in dict.fromkeys(self.targets)]

    def question(self, target: str) -> Question:
        """The question about a target."""
        config = str(self.config) if self.config else None
        output = self.output_name or ""
        return Question(
            target,
            self.num_labels,
            config,
            dict(self.overrides),
            self.trust_remote_code,
            output,
            constructor=dict(self.constructor),
            inputs=dict(self.inputs),
            head=self.head,
            text=(*self.text, *self.text_file),
            text_pair=self.text_pair,
        )

    def check(self) -> None:
        """Raise click's UsageError for options that contradict each other."""
        if self.declared and (self.targets or self.every):
            raise click.UsageError("--declared asks about the models of pyproject.toml: give it without targets")
        if self.every and self.targets:
            raise click.UsageError("--all runs every model type: name targets, or give --all, not both")
        if self.every and self.inputs:
            raise click.UsageError("--input is about models of one kind: name targets, and not --all")
        if self.every and (self.text or self.text_file):
            raise click.UsageError("--text is about a checkpoint, which has a tokenizer: name targets, and not --all")
        equally_many((*self.text, *self.text_file), self.text_pair)
        if self.head == "all" and not self.every:
            raise click.UsageError("--head all goes with --all: it asks about every class of every kind of head")
        _refuse_unwritable(self.html, "--html")
        if self.file:
            require()  # the formats know their endings, and import what the extra brings
            _ = self.style
        if self.file and self.html and self.file.resolve() == self.html.resolve():
            raise click.UsageError(f"--output and --html both name {self.html}: give each a file of its own")
