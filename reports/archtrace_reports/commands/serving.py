"""serving: would a server pool what the model reads?"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import click

from archtrace_reports.asking.dependencies import require
from archtrace_reports.commands import completion
from archtrace_reports.commands.group import debug, quiet
from archtrace_reports.commands.options import overrides, trust
from archtrace_reports.text.notices import say
from archtrace_reports.text.untrusted import cleaned

#: Every server that takes the model pools what it reads, or none takes it; one pools something else.
SAME, DIFFERS = 0, 1


@click.command("serving", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target", shell_complete=completion.targets)
@click.option("--config-set", "fields", multiple=True, metavar="KEY=VALUE", callback=overrides,
              help="Change a field of the config; the value is JSON, or else text.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(("terminal", "json")), default="terminal", help="How to answer.")
@click.option("--export", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write what sentence-transformers, vLLM and TEI take to pool what the model reads.")  # fmt: skip
@click.option("--force", is_flag=True, help="Let --export replace files that say something else.")
@trust
@debug
@quiet
def command(target: str, fields: tuple[tuple[str, Any], ...], style: str, folder: Path | None, force: bool,
            trust_remote_code: bool, debug: bool, quiet: bool) -> int:  # fmt: skip
    """Show what vLLM, text-embeddings-inference, SGLang, llama.cpp and sentence-transformers pool of a classifier or a
    sentence encoder, beside what the model itself reads.

    Exit 0: whoever serves it pools what it reads. 1: one pools something else (AT013). 2: no answer.
    """
    require()
    from archtrace.setup.serving.served import serve
    from archtrace_reports.asking.engine import silence_libraries
    from archtrace_reports.formats.server_lines import as_json, export, server_lines
    from archtrace_reports.text.lines import paint
    from archtrace_reports.text.look import look_of

    if not debug:
        silence_libraries()
    with contextlib.redirect_stdout(sys.stderr):  # a model may print while it is built
        report = serve(target, overrides=dict(fields), trust_remote_code=trust_remote_code)
    shown, look = cleaned(report), look_of(sys.stdout)
    text = as_json(shown) if style == "json" else paint(server_lines(shown, look.prose), look)
    click.echo(text, nl=style == "json")
    if folder is not None:
        written = export(report, folder, force=force)
        lines = [*(f"wrote {file}" for file in written if not quiet), *report.unexported]
        if lines:
            say("\n".join(lines))
    return DIFFERS if report.outcome == "differs" else SAME
