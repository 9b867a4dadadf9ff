"""ls: the known answers, those that were traced here and those that come with archtrace."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch

import click

from archtrace_reports.asking.store import shipped_answers
from archtrace_reports.asking.store.answer_store import Entry
from archtrace_reports.asking.store.environment import environment
from archtrace_reports.asking.store.known_answers import user_store
from archtrace_reports.text.look import look_of
from archtrace_reports.text.notices import say
from archtrace_reports.text.untrusted import clean
from archtrace_reports.text.wording import count

NOTHING = 1


@dataclass(frozen=True)
class AnswerRow:
    """One answer: what was asked about, what it reads, when it was traced, whether it is from here or shipped, and
    whether it still holds."""

    target: str
    reads: str
    status: str
    traced: str
    origin: str
    holds: bool


@click.command("ls", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("pattern", default="*", metavar="[PATTERN]")
@click.option("--here", is_flag=True, help="Only what was traced here, without what comes with archtrace.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How to answer.")
@click.option("--forget", is_flag=True, help="Forget all that was traced here.")
def command(pattern: str, here: bool, style: str, forget: bool) -> int:
    """List what is known, and so answered at once: what was traced here, and what comes with archtrace.

    \b
    archtrace ls
    archtrace ls 'roberta*'
    archtrace ls --here --format json
    """  # fmt: skip
    if forget:
        say(f"{user_store().clear()} answers forgotten")
        return 0
    rows = [row for row in _rows(here) if fnmatch(row.target.lower(), pattern.lower())]
    if style == "json":
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        _show(rows)
    return 0 if any(row.holds for row in rows) else NOTHING


def _show(rows: list[AnswerRow]) -> None:
    """What holds, a line each; how much else there is, on stderr."""
    valid = [row for row in rows if row.holds]
    sys.stdout.writelines(_lines(valid, look_of(sys.stdout).width if sys.stdout.isatty() else None))
    if len(valid) < len(rows):
        say(f"{count(len(rows) - len(valid), 'more answer')}, of which something has changed since: traced anew")


def _rows(here: bool) -> Iterator[AnswerRow]:
    """The newest of what was traced here first, then what is shipped, by name."""
    installed = environment()
    for entry in user_store().entries():
        yield _row(entry, "here", entry.environment == installed and entry.holds())
    for entry in () if here else shipped_answers.entries():
        yield _row(entry, "shipped", shipped_answers.holds(entry))


def _row(entry: Entry, origin: str, holds: bool) -> AnswerRow:
    answer = entry.answer
    reads = " and ".join(readout["slice"] for readout in answer.get("readouts", ()))
    return AnswerRow(entry.subject, reads, answer.get("status", "contract"), entry.made[:10], origin, holds)


def _lines(rows: list[AnswerRow], width: int | None) -> Iterator[str]:
    """Aligned columns, one line a row; cut where the terminal ends."""
    table = [[clean(cell) for cell in (row.traced, row.status, row.target, row.reads)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        line = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip()
        yield (line if width is None or len(line) <= width else f"{line[: width - 1]}…") + "\n"
