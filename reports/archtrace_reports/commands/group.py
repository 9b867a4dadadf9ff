"""The group of commands: `archtrace COMMAND …`, where anything else in COMMAND's place is a target to trace."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from archtrace_reports.commands.names import COMMANDS, DEFAULT
from archtrace_reports.text.look import look_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])

#: How to name a target -> what that means.
TARGETS: Mapping[str, str] = {
    "bert-base-uncased": "an id of the Hub (org/name@revision) or its address; answers offline where it is known",
    "bert": "a model type of transformers, or a class of it",
    "./checkpoint": "a folder with a config.json, or that file",
    "package.module:Class": "a class of your own, or a function that builds a model; also path/to/file.py:Class",
}
EXAMPLES: Mapping[str, str] = {
    "archtrace roberta-base": "ask about a model",
    "archtrace bert -o x.html": "the same as a page",
    "archtrace ./checkpoint": "ask about it and its tokenizer",
    "archtrace trace --help": "what else can be asked",
}

#: Of a dozen commands none is like another: less will do than among hundreds of models ("serve" for "serving").
SIMILARITY = 0.65


class Tracing(click.Command):
    """A command whose help says what a target is."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The targets, and the options."""
        with formatter.section("Targets"):
            formatter.write_dl([*TARGETS.items()])
        super().format_options(ctx, formatter)


class Commands(click.Group):
    """The commands by name, each imported when it is asked for; without a name the arguments are trace's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"archtrace_reports.commands.{cmd_name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the flags before the command from the command. Without any argument: help on stderr, exit 2."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        leading = self._count_flags(args)
        rest = args[leading:]
        if rest and rest[0] not in COMMANDS:
            if not ctx.resilient_parsing:
                refuse_misspelt(rest)
            rest = [DEFAULT, *rest]
        return super().parse_args(ctx, [*args[:leading], *rest])

    def _count_flags(self, args: Sequence[str]) -> int:
        """How many arguments stand before the command: flags that hold for all of them."""
        flags = {name for option in self.params for name in option.opts} | {"-h", "--help"}
        return next((number for number, word in enumerate(args) if word not in flags), len(args))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both forms."""
        formatter.write_usage("archtrace", "TARGET... [OPTIONS]")
        formatter.write_usage("archtrace", "COMMAND [OPTIONS]", prefix=" " * len("Usage: "))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What can be typed, from the tables: no command is imported; then the flags that hold for all."""
        for title, rows in (("Examples", EXAMPLES), ("Commands", COMMANDS), ("Targets", TARGETS)):
            with formatter.section(title):
                formatter.write_dl([*rows.items()])
        click.Command.format_options(self, ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and whatever trace completes: in this place stands either."""
        from click.shell_completion import CompletionItem

        trace = self.get_command(ctx, DEFAULT)
        assert trace is not None
        named = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        own = click.Command.shell_complete(self, ctx, incomplete) if incomplete else []
        inner = trace.make_context(DEFAULT, [], parent=ctx, resilient_parsing=True)
        others = _completed(inner, incomplete)
        completions = {item.value: item for item in [*named, *own, *others] if item.type == "plain"}
        return [*completions.values()] or others


def _completed(trace: click.Context, incomplete: str) -> list[CompletionItem]:
    """The flags of trace, or targets."""
    if incomplete.startswith("-"):
        return trace.command.shell_complete(trace, incomplete)
    targets: click.Parameter = next(part for part in trace.command.params if isinstance(part, click.Argument))
    return targets.shell_complete(trace, incomplete)


def refuse_misspelt(words: Sequence[str]) -> None:
    """Raise TargetError where the first word is nothing that could be traced, and is close to a command."""
    from archtrace.errors import TargetError, message
    from archtrace.targets.candidates import is_known

    word = words[0]
    near = close_command(word)
    if near is None or is_known(word):
        return
    as_command, as_target = shlex.join(["archtrace", near, *words[1:]]), shlex.join(["archtrace", DEFAULT, *words])
    what = f"there is no command {word!r}, nor a file or model that is known by that name"
    raise TargetError(message(what, do=f"type {as_command} for the command, or {as_target} where {word} is a target"))


def close_command(word: str) -> str | None:
    """The command that a word is most like; None for one that is like none, or holds more than letters, as paths do."""
    from archtrace.errors import close_names

    return next(iter(close_names(word, COMMANDS, 1, SIMILARITY)), None) if word.isalpha() else None


def inherited(context: click.Context, option: click.Parameter, value: bool) -> bool:
    """A callback of click: a flag holds wherever it stands, before the command or behind it."""
    key = f"archtrace.{option.name}"
    context.meta[key] = value or context.meta.get(key, False)
    return bool(context.meta[key])


def quiet(command: Command) -> Command:
    """The flag -q, which may stand before the command as well."""
    help = "No progress and no summary on stderr."
    return click.option("-q", "--quiet", is_flag=True, callback=inherited, help=help)(command)


def debug(command: Command) -> Command:
    """The flag --debug, which may stand before the command as well."""
    help = "Show the traceback of what fails, and what libraries say."
    return click.option("--debug", is_flag=True, callback=inherited, help=help)(command)


def _version(context: click.Context, option: click.Parameter, is_given: bool) -> None:
    if is_given and not context.resilient_parsing:
        from archtrace_reports.text.report import versions

        click.echo(", ".join(f"{name} {number}" for name, number in versions().items()))
        context.exit()


@click.group("archtrace", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@quiet
@debug
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show versions.")
def commands(**flags: bool) -> None:
    """Show which hidden-state slices a classifier reads: exactly, without weights, in seconds.

    Answers go to stdout, all else to stderr.
    """


def invoke(arguments: Sequence[str], flags: dict[str, bool]) -> int:
    """Run the command that these arguments name; its exit code, 2 where click refuses them. What is not click's own is
    raised. Puts into `flags` those that hold for all commands."""
    try:
        # click measures the terminal for itself, and then writes 50 columns on narrower ones.
        with commands.make_context("archtrace", [*arguments], terminal_width=look_of(sys.stdout).prose - 2) as context:
            try:
                code = commands.invoke(context)
            finally:
                flags.update(context.meta)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    return code if isinstance(code, int) else 0
