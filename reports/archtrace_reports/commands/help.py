"""help: the page of the command line, or that of a command."""

from __future__ import annotations

import click

from archtrace.errors import TargetError, message
from archtrace_reports.commands import completion
from archtrace_reports.commands.group import close_command
from archtrace_reports.commands.names import COMMANDS


@click.command("help", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False, metavar="[COMMAND]", shell_complete=completion.commands)
@click.pass_context
def command(context: click.Context, name: str | None) -> int:
    """Show what archtrace can do, or what a command takes."""
    group = context.find_root()
    click.echo(group.get_help() if name is None else _help(group, name))
    return 0


def _help(group: click.Context, name: str) -> str:
    assert isinstance(group.command, click.Group)
    command = group.command.get_command(group, name)
    if command is None:
        near = close_command(name)
        do = f"{f'did you mean {near}? ' if near else ''}the commands are {', '.join(COMMANDS)}"
        raise TargetError(message(f"there is no command {name!r}", do=do))
    return command.make_context(name, [], parent=group, resilient_parsing=True).get_help()
