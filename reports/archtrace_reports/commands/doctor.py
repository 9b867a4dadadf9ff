"""doctor: is the setup right? Whether checkpoint, tokenizer and batch go together."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from archtrace_reports.extra import require
from archtrace_reports.options import overrides, texts

#: Right or unknown; something is wrong.
GOOD, WRONG = 0, 1


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
    from archtrace_reports.look import look_of
    from archtrace_reports.verdict import told

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

        click.echo("\n".join(told(found, look_of(sys.stdout).width)))
    return WRONG if found.opinion == "wrong" else GOOD


def _place(target: str) -> str:
    return target if not Path(target).exists() else str(Path(target))
