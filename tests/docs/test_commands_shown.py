"""Every `archtrace …` that a page shows is one that the command line takes. Nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile
from pathlib import Path

import click
import pytest

from archtrace_reports.group import COMMANDS, DEFAULT
from archtrace_reports.group import commands as group

from .pages import PAGES, ROOT, commands

SHOWING = [page for page in PAGES if commands(page)]


def parse(arguments: Sequence[str]) -> None:
    """Parse as the command line does, up to the values: click.UsageError for a command, an option, an argument too many
    or a choice that there is not."""
    context = click.Context(group, info_name="archtrace")
    flags = {name for option in group.params for name in option.opts} | {"-h", "--help"}
    rest = [*dropwhile(lambda word: word in flags, arguments)]
    if not rest:
        return
    name, rest = (rest[0], rest[1:]) if rest[0] in COMMANDS else (DEFAULT, rest)
    command = group.get_command(context, name)
    assert command is not None
    inner = click.Context(command, parent=context, info_name=name)
    values, beyond, _ = command.make_parser(inner).parse_args([*rest])
    if beyond:
        raise click.UsageError(f"{name} takes no {beyond}")
    for option in command.get_params(inner):
        for value in chosen(option, values.get(option.name or "")):
            option.type.convert(value, option, inner)


def chosen(option: click.Parameter, value: object) -> list[str]:
    """The words given for an option that takes one of a few."""
    if not isinstance(option.type, click.Choice) or not isinstance(value, str | list | tuple):
        return []
    return [value] if isinstance(value, str) else [*value]


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_exists(page: Path) -> None:
    for arguments in commands(page):
        parse(arguments)


def test_commands_are_found_in_every_form(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\npip install x && .venv/bin/archtrace bert -o a.svg | head # archtrace no\n```\n"
        "```console\n$ archtrace check 'a b'\narchtrace is no command here\n```\n"
        "    python -m archtrace ls      what it does\n\n"
        "```yaml\n- run: archtrace check --fix\n```\n"
    )
    assert commands(page) == [["bert", "-o", "a.svg"], ["check", "a b"], ["ls"], ["check", "--fix"]]
    assert len(commands(ROOT / "README.md")) > 20


@pytest.mark.parametrize(
    "wrong", ["check --fixx", "--all --formt json", "gpt2 --format jsn", "explain --update", "ls a b", "check --only"]
)
def test_what_there_is_not_is_refused(wrong: str) -> None:
    with pytest.raises(click.UsageError):
        parse(wrong.split())
