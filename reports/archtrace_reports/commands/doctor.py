"""doctor: is the setup right? Whether checkpoint, tokenizer and batch go together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archtrace_reports.extra import require
from archtrace_reports.lines import wrap
from archtrace_reports.look import look_of
from archtrace_reports.options import overrides, texts

if TYPE_CHECKING:
    from archtrace.answer.verdict import Fault, Verdict

#: Right or unknown; something is wrong.
GOOD, WRONG = 0, 1
LABEL = 10


@click.command("doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target")
@click.option(
    "--text", multiple=True, metavar="TEXT", help="A text of yours; several make a batch.  [default: samples]"
)
@click.option("--text-pair", multiple=True, metavar="TEXT", help="The second text of a pair with --text.")
@click.option("--text-file", type=click.File(encoding="utf-8"), metavar="FILE", callback=texts,
              help="Texts, one a line; - is stdin.")  # fmt: skip
@click.option("--config-set", "fields", multiple=True, metavar="KEY=VALUE", callback=overrides,
              help="Change a field of the config; the value is JSON, or else text.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("terminal", "json")), default="terminal", help="How to answer.")
@click.option("--trust-remote-code", is_flag=True, help="Run model code that a checkpoint brings along.")
def command(target: str, text: tuple[str, ...], text_pair: tuple[str, ...], text_file: tuple[str, ...],
            fields: tuple[tuple[str, Any], ...], style: str, trust_remote_code: bool) -> int:  # fmt: skip
    """Tell whether a checkpoint, its tokenizer and a batch of texts go together: whether the classifier reads of each
    text in the batch what it is made to read. Exit 0: right. 1: something is wrong, and what to change."""
    given = (*text, *text_file)
    if text_pair and len(text_pair) != len(given):
        raise click.UsageError("--text-pair goes with --text: give as many of one as of the other")
    require()
    from archtrace.setup.verdict import examine
    from archtrace_reports.engine import hush

    hush()
    found = examine(
        _place(target),
        text=given,
        text_pair=text_pair or None,
        overrides=dict(fields),
        trust_remote_code=trust_remote_code,
    )
    if style == "json":
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        import sys

        click.echo("\n".join(_told(found, look_of(sys.stdout).width)))
    return WRONG if found.opinion == "wrong" else GOOD


def _place(target: str) -> str:
    return target if not Path(target).exists() else str(Path(target))


def _told(found: Verdict, width: int) -> Iterator[str]:
    reason = f": {found.reason}" if found.reason else ""
    yield from wrap(f"{found.target} is {found.opinion}{reason}", width)
    for fault in found.faults:
        yield ""
        yield from _fault(fault, width)
    if found.read:
        yield ""
        for line in found.read:
            yield from _row("reads", line, width)


def _fault(fault: Fault, width: int) -> Iterator[str]:
    yield from _row("wrong", fault.code, width)
    yield from _row("reads", fault.read, width)
    yield from _row("meant", fault.meant, width)
    yield from _row("change", fault.change, width)


def _row(label: str, words: str, width: int) -> Iterator[str]:
    first, *others = wrap(words, width - LABEL)
    yield f"  {label:{LABEL - 2}}{first}"
    yield from (" " * LABEL + line for line in others)
