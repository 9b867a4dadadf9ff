"""Completion: what the shell offers for an argument. Nothing is traced, and torch is not imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def targets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Model types and the ids of the bundled table; files and folders where it is neither."""
    from click.shell_completion import CompletionItem

    from archtrace.targets.bundled import known_ids
    from archtrace.targets.library import classifiers

    return _starting(incomplete, {*classifiers(), *known_ids()}) or [CompletionItem(incomplete, type="file")]


def heads(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The kinds of heads."""
    from archtrace.targets.head_kinds import HEADS

    return _starting(incomplete, HEADS)


def codes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes of `archtrace check`."""
    from archtrace_reports.check.codes import known

    return _starting(incomplete.upper(), dict(known()))


def commands(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The commands."""
    from archtrace_reports.commands.names import COMMANDS

    return _starting(incomplete, COMMANDS)


def _starting(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in sorted(words) if word.startswith(incomplete)]
