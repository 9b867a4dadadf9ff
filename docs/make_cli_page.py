"""Write docs/cli.md, the page of every command and option, from the commands themselves.

Run as ``python docs/make_cli_page.py``; a test holds that the page is what this makes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from archtrace_reports import diff, formats
from archtrace_reports.check import doctor
from archtrace_reports.commands.group import COMMANDS, TARGETS, commands

PAGE = Path(__file__).with_name("cli.md")
HEAD = """\
# The command line

`python docs/make_cli_page.py` makes this page from the commands. `archtrace help COMMAND` shows the same of one of
them, and `python -m archtrace` is `archtrace`.

`archtrace TARGET…` asks about models, and is short for `archtrace trace TARGET…`. A target is

{targets}

A word in the place of a command that is none is a target. Where it is neither a file nor a model that is known, and is
close to a command, as in `archtrace chekc src`, archtrace asks which of both is meant. A folder that is called like a
command is given as `./check`.

Answers go to stdout, all else to stderr. The exit code of every command is 0, 1 where `check`, `doctor`, `serving` or
`diff --exit-code` find something, 2 where there is no answer, and 130 after Ctrl-C. In a pipe whose reader has gone it
is 141.

## Before the command

`archtrace -q check src` is `archtrace check src -q`.

{flags}
"""
FORMATS = """\
## What the ending of -o says

`--format` wins over the ending of the file. An ending that is not here is refused, unless `--format` is given.
"""
TAIL = """\
## How wide, and in which colours

Text is as wide as the terminal, but no wider than 100 columns; tables use all of it. In a pipe there are 80 columns.
`COLUMNS` says otherwise in both. Colours are for terminals: `NO_COLOR=1` takes them away, `FORCE_COLOR=1` gives them to
pipes as well, and `TERM=dumb` has none. Progress is drawn on a terminal. Elsewhere several targets are told as they are
done, a line each, and of more than 20 a line for every 20th part. `-q` says none of it.

## Completion

The shell completes commands, options, formats, kinds of heads, codes, model types and the ids of the bundled table.
None of it imports torch. One line sets it up:

| shell | in | line |
|---|---|---|
| bash | `~/.bashrc` | `eval "$(_ARCHTRACE_COMPLETE=bash_source archtrace)"` |
| zsh | `~/.zshrc` | `eval "$(_ARCHTRACE_COMPLETE=zsh_source archtrace)"` |
| fish | `~/.config/fish/completions/archtrace.fish` | `_ARCHTRACE_COMPLETE=fish_source archtrace \\| source` |
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The whole page."""
    context = click.Context(commands, info_name="archtrace")
    targets = "\n".join(f"* `{form}`: {told};" for form, told in TARGETS.items()).removesuffix(";") + "."
    head = HEAD.format(targets=targets, flags="\n".join(options(commands)))
    told = [line for name in COMMANDS for line in _command(context, name)]
    return "\n".join([head, *told, FORMATS, *endings(), "", TAIL])


def _command(context: click.Context, name: str) -> Iterator[str]:
    command = commands.get_command(context, name)
    assert command is not None
    own = click.Context(command, info_name=name, parent=context)
    told, *examples = inspect.cleandoc(command.help or "").split("\b\n")
    yield from (
        f"## archtrace {name}",
        "",
        COMMANDS[name],
        "",
        f"`{command.get_usage(own).removeprefix('Usage: ')}`",
        "",
    )
    yield from (_paragraphs(told), "")
    for block in examples:
        lines, _, rest = block.partition("\n\n")
        yield from (*(f"    {line}" for line in lines.splitlines()), "")
        yield from (_paragraphs(rest), "") if rest.strip() else ()
    yield from (*options(command), "")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(each.split()) for each in text.strip().split("\n\n"))


def options(command: click.Command) -> Iterator[str]:
    """The table of a command's options; nothing where it has none."""
    found = [each for each in command.params if isinstance(each, click.Option)]
    if found:
        yield from ("| option | what it does |", "|---|---|")
    for option in found:
        yield f"| {_names(option)} | {_cell(option.help or '')}{_choices(option)} |"


def _names(option: click.Option) -> str:
    value = "" if option.is_flag or isinstance(option.type, click.Choice) else f" {option.metavar or option.type.name}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


def _choices(option: click.Option) -> str:
    if not isinstance(option.type, click.Choice):
        return ""
    return " " + ", ".join(f"`{choice}`" for choice in option.type.choices) + "."


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def endings() -> Iterator[str]:
    """The table of the endings that name a format, of each command that can write to a file."""
    yield from ("| format | trace | diff | doctor |", "|---|---|---|---|")
    named = [registry.endings() for registry in (formats, diff, doctor)]
    for style in sorted({style for each in named for style in each.values()}):
        cells = (", ".join(f"`{ending}`" for ending, name in each.items() if name == style) for each in named)
        yield f"| {style} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
