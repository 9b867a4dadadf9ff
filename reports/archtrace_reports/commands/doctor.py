"""doctor: is the setup right? Whether checkpoint, tokenizer and batch go together."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from typing import Any

import click

from archtrace_reports.clean import cleaned
from archtrace_reports.extra import require
from archtrace_reports.options import overrides, paired, texts

#: Right or unknown; something is wrong.
GOOD, WRONG = 0, 1


@click.command("doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target")
@texts
@click.option("--config-set", "fields", multiple=True, metavar="KEY=VALUE", callback=overrides,
              help="Change a field of the config; the value is JSON, or else text.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("terminal", "json")), default="terminal", help="How to answer.")
@click.option("--trust-remote-code", is_flag=True, help="Run model code that a checkpoint brings along.")
def command(target: str, text: tuple[str, ...], text_pair: tuple[str, ...], text_file: tuple[str, ...],
            fields: tuple[tuple[str, Any], ...], style: str, trust_remote_code: bool) -> int:  # fmt: skip
    """Tell whether a checkpoint, its tokenizer and a batch of texts go together: whether the classifier reads of each
    text in the batch what it is made to read. Without texts three samples are taken.

    Exit 0: right, or unknown. 1: something is wrong, and what to change. 2: no answer.
    """
    given = (*text, *text_file)
    pairs = paired(given, text_pair) or None
    require()
    from archtrace.setup.examination import examine
    from archtrace_reports.diagnosis import told
    from archtrace_reports.engine import hush
    from archtrace_reports.lines import paint
    from archtrace_reports.look import look_of

    hush()
    with contextlib.redirect_stdout(sys.stderr):  # a model may print while it is built
        found = cleaned(
            examine(target, text=given, text_pair=pairs, overrides=dict(fields), trust_remote_code=trust_remote_code)
        )
    if style == "json":
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        look = look_of(sys.stdout)
        click.echo(paint(told(found, look.width), look), nl=False)
    return WRONG if found.opinion == "wrong" else GOOD
