"""doctor: is the setup right? Whether checkpoint, tokenizer and batch go together."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import click

from archtrace_reports.asking.dependencies import require
from archtrace_reports.check import doctor
from archtrace_reports.commands import completion
from archtrace_reports.commands.group import debug, quiet
from archtrace_reports.commands.options import equally_many, file_of, output, overrides, style_of, texts, trust
from archtrace_reports.text.files import write
from archtrace_reports.text.look import Look, look_of
from archtrace_reports.text.notices import say

#: Right or unknown; something is wrong.
GOOD, WRONG = 0, 1


@click.command("doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target", shell_complete=completion.targets)
@texts
@click.option("--config-set", "fields", multiple=True, metavar="KEY=VALUE", callback=overrides,
              help="Change a field of the config; the value is JSON, or else text.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(doctor.NAMES), help="How to answer.  [default: terminal]")
@output
@trust
@debug
@quiet
def command(target: str, fields: tuple[tuple[str, Any], ...], style: str | None, output: Path | None,
            trust_remote_code: bool, debug: bool, quiet: bool, **texts: tuple[str, ...]) -> int:  # fmt: skip
    """Check that a checkpoint, its tokenizer and a batch of texts go together: whether the classifier reads of each
    text in the batch what it is made to read. Without texts three samples are taken.

    Exit 0: right, or unknown. 1: something is wrong, and what to change. 2: no answer.
    """
    first_texts = (*texts["text"], *texts["text_file"])
    pairs, file = equally_many(first_texts, texts["text_pair"]) or None, file_of(output)
    require()
    format_module = doctor.load(style_of(file, style, doctor.endings(), "terminal"))
    from archtrace.setup.examination import examine
    from archtrace_reports.asking.engine import silence_libraries

    if not debug:
        silence_libraries()
    with contextlib.redirect_stdout(sys.stderr):  # a model may print while it is built
        diagnosis = examine(
            target, text=first_texts, text_pair=pairs, overrides=dict(fields), trust_remote_code=trust_remote_code
        )
    write(format_module.render(diagnosis, Look() if file else look_of(sys.stdout)), file)
    if file and not quiet:
        say(f"wrote {file}")
    return WRONG if diagnosis.opinion == "wrong" else GOOD
