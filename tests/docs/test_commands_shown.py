"""Every `archtrace …` that a page shows is one that the command line takes. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from pathlib import Path

import click
import pytest

from archtrace_reports.commands.group import COMMANDS, DEFAULT
from archtrace_reports.commands.group import commands as group

from .pages import PAGES, ROOT, commands, mentions

SHOWING = [page for page in PAGES if commands(page)]


CONTEXT = click.Context(group, info_name="archtrace")
FLAGS = {name for option in group.params for name in option.opts} | {"-h", "--help"}


def command_of(arguments: Sequence[str]) -> tuple[click.Context, list[str]]:
    """The command that is meant, and its own arguments: without a name they are those of the default."""
    rest = [*dropwhile(lambda word: word in FLAGS, arguments)]
    name, rest = (rest[0], rest[1:]) if rest and rest[0] in COMMANDS else (DEFAULT, rest)
    command = group.get_command(CONTEXT, name)
    assert command is not None
    return click.Context(command, parent=CONTEXT, info_name=name), rest


def parse(arguments: Sequence[str]) -> None:
    """Parse as the command line does, up to the values: click.UsageError for a command, an option, an argument too many
    or a choice that there is not."""
    context, rest = command_of(arguments)
    values, beyond, _ = context.command.make_parser(context).parse_args(rest)
    if beyond:
        raise click.UsageError(f"{context.info_name} takes no {beyond}")
    for option in context.command.get_params(context):
        for value in chosen(option, values.get(option.name or "")):
            option.type.convert(value, option, context)


def unknown(arguments: Sequence[str]) -> set[str]:
    """The options among these words that the command does not have."""
    context, rest = command_of(arguments)
    known = {name for option in context.command.get_params(context) for name in (*option.opts, *option.secondary_opts)}
    return {word.partition("=")[0] for word in rest if re.match("--?[a-z]", word)} - known - FLAGS


def chosen(option: click.Parameter, value: object) -> list[str]:
    """The words given for an option that takes one of a few."""
    if not isinstance(option.type, click.Choice) or not isinstance(value, str | list | tuple):
        return []
    return [value] if isinstance(value, str) else [*value]


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_exists(page: Path) -> None:
    for arguments in commands(page):
        parse(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_option_that_a_sentence_names_exists(page: Path) -> None:
    assert [words for words in mentions(page) if unknown(words)] == []


def test_commands_are_found_in_every_form(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\npip install x && .venv/bin/archtrace bert -o a.svg | head # archtrace no\n```\n"
        "```console\n$ archtrace check 'a b'\narchtrace is no command here\n```\n"
        "    python -m archtrace ls      what it does\n\n"
        "```yaml\n- run: archtrace check --fix\n```\n"
    )
    assert commands(page) == [["bert", "-o", "a.svg"], ["check", "a b"], ["ls"], ["check", "--fix"]]
    assert len(commands(ROOT / "README.md")) > 15
    assert ["check", "--only", "contracts"] in mentions(ROOT / "docs" / "pre-commit.md")
    assert unknown(["check", "--fixx", "--only=source", "-q"]) == {"--fixx"}


@pytest.mark.parametrize(
    "wrong", ["check --fixx", "--all --formt json", "gpt2 --format jsn", "explain --update", "ls a b", "check --only"]
)
def test_what_there_is_not_is_refused(wrong: str) -> None:
    with pytest.raises(click.UsageError):
        parse(wrong.split())
