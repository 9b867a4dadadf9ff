"""explain: what a code means, why it matters, where it happened, and what to write instead."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping

import click

from archtrace_lint import RESERVED, RETIRED
from archtrace_reports.check.codes import code_named, near
from archtrace_reports.check.meaning import Meaning, meanings
from archtrace_reports.check.problem import OWN, SUMMARIES
from archtrace_reports.commands import completion
from archtrace_reports.text.look import look_of

#: A block of code between fences.
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


@click.command("explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completion.codes)
@click.option(
    "--examples", is_flag=True, help="Show code and models that the rule finds, and some that it leaves alone."
)
def command(codes: tuple[str, ...], examples: bool) -> int:
    """Explain a code of `archtrace check`: what is wrong, where it has happened, what to write; without one, list all.

    A code may be short (AT3), and be told by the name of its rule (pad-equals-eos).
    """
    known = meanings()
    if not codes:
        lines = {code: f"{code}  {rule.name}: {rule.summary} ({rule.kinds})" for code, rule in known.items()}
        own = {code: f"{code}  {name}: {SUMMARIES[code].partition('. ')[0].rstrip('.')}." for code, name in OWN.items()}
        click.echo("\n".join(line for _, line in sorted((lines | own).items())))
        return 0
    for number, text in enumerate(codes):
        code = code_named(text)
        if code is None:
            click.echo(_unknown(text.upper(), [*known, *OWN]), err=True)
            return 2
        lines_of_page = _page(known[code], examples) if code in known else _own_page(code)
        click.echo(("\n" if number else "") + "\n".join(lines_of_page))
    return 0


def _own_page(code: str) -> list[str]:
    return [f"{code} {OWN[code]}", "", _filled(SUMMARIES[code])]


def _unknown(code: str, known: list[str]) -> str:
    if code in RESERVED or code in RETIRED:
        return f"archtrace: {code} is no rule now: {RESERVED.get(code) or RETIRED[code]}"
    guess = near(code, sorted(known))
    return f"archtrace: there is no rule {code}" + (f"; did you mean {guess}?" if guess else "")


def _page(rule: Meaning, examples: bool) -> Iterator[str]:
    yield from map(_filled, _prose(rule))
    if examples:
        yield from _examples(rule)
    else:
        yield from ("", _filled(f"archtrace explain {rule.code} --examples shows right and wrong code."))


def _prose(rule: Meaning) -> Iterator[str]:
    yield f"{rule.code} {rule.name}"
    yield from ("", rule.summary, "", rule.why)
    yield from ("", "Where it happened", *(f"* {real}" for real in rule.real))
    yield from ("", "What to write instead", rule.instead)
    if rule.source:
        yield from ("", "What cannot be seen in code", rule.source.unseen)
    if rule.graph:
        yield from ("", "What is looked at in a traced model (archtrace check, for declared models)", rule.graph.sees)
        yield from ("", "What cannot be seen in a traced model", rule.graph.unseen)


def _filled(text: str) -> str:
    """Paragraphs, or an item of a list, as wide as the terminal; code as it is."""
    indent = "  " if text.startswith("* ") else ""
    # Not `text.lines.wrap`, which measures with rich: the plain package explains its rules without it.
    fill = textwrap.TextWrapper(
        look_of(sys.stdout).prose, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ).fill
    blocks = FENCED.split(text)
    blocks[::2] = ["\n\n".join(map(fill, block.strip("\n").split("\n\n"))) for block in blocks[::2]]
    return "\n\n".join(filter(None, blocks))


def _examples(rule: Meaning) -> Iterator[str]:
    if rule.source:
        yield from _cases("in code", rule.source.invalid, rule.source.valid)
    if rule.graph:
        yield from _cases("in a model", rule.graph.wrong, rule.graph.right)


def _cases(where: str, wrong: Mapping[str, str], right: Mapping[str, str]) -> Iterator[str]:
    for title, cases in ((f"Found {where}", wrong), (f"Left alone {where}", right)):
        for name, code in cases.items():
            yield from ("", f"{title}: {name}", textwrap.indent(textwrap.dedent(code).strip("\n"), "    "))
