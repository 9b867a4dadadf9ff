"""Every command and every option that --help shows stands on a page of the docs, and in a test."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from archtrace_reports.commands.group import COMMANDS, commands

from .conftest import ROOT

DOCS = ROOT / "docs"


def options() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each command, with the names of each of its options; of the group those that stand before the command."""
    context = click.Context(commands, info_name="archtrace")
    yield from (("archtrace", tuple(option.opts)) for option in commands.params)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        own = command.get_params(click.Context(command))
        yield from ((name, tuple(option.opts)) for option in own if isinstance(option, click.Option))


OPTIONS = [*options()]


def of(command: str) -> list[tuple[str, ...]]:
    """The options of a command."""
    return [names for name, names in OPTIONS if name == command and "--help" not in names]


def holds(text: str, word: str) -> bool:
    """Whether a word stands in a text as a whole: --config is no part of --config-set."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def test_the_page_is_made_from_the_commands() -> None:
    made = runpy.run_path(str(DOCS / "make_cli_page.py"))["page"]()
    assert (DOCS / "cli.md").read_text("utf-8") == made, "run: python docs/make_cli_page.py"


def test_the_walk_finds_the_commands_and_their_options() -> None:
    assert [*dict.fromkeys(name for name, _ in OPTIONS)] == ["archtrace", *COMMANDS]
    assert {"--config-set", "--update", "--set-left", "--text", "--force"} < {names[-1] for _, names in OPTIONS}


@pytest.mark.parametrize("command", ["archtrace", *COMMANDS])
def test_every_option_of_help_is_on_the_page_of_its_command(command: str) -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    start = "\n## Before the command\n" if command == "archtrace" else f"\n## archtrace {command}\n"
    part = page.partition(start)[2].partition("\n## ")[0]
    assert part
    assert [name for names in of(command) for name in names if not holds(part, name)] == []


def code_with(command: str) -> str:
    """The code of all tests that name a command; trace is run without a name."""
    files = (file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__))
    texts = (file.read_text("utf-8") for file in files)
    return "\n".join(text for text in texts if command in ("trace", "archtrace") or holds(text, command))


@pytest.mark.parametrize("command", ["archtrace", *COMMANDS])
def test_every_command_and_option_of_help_is_in_a_test(command: str) -> None:
    code = code_with(command)
    assert code
    assert [names for names in of(command) if not any(holds(code, name) for name in names)] == []
