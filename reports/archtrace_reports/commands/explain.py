"""explain: what a code means, why it matters, where it happened, and what to write instead."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from archtrace.lint import RESERVED, RETIRED, rules
from archtrace.lint.rule import Rule
from archtrace.lint.rules import rule
from archtrace_reports.check.finding import OWN, SUMMARIES


@click.command("explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("codes", nargs=-1, metavar="[CODE]...")
def command(codes: tuple[str, ...]) -> int:
    """Tell what a code of `archtrace check` means; without one, list all."""
    if not codes:
        for each in rules():
            click.echo(f"{each.code}  {each.name}: {each.summary}")
        return 0
    known = {each.code for each in rules()} | {*SUMMARIES}
    for number, code in enumerate(map(str.upper, codes)):
        if code not in known:
            click.echo(_unknown(code, known), err=True)
            return 2
        click.echo(("\n" if number else "") + "\n".join(_own(code) if code in SUMMARIES else _page(rule(code))))
    return 0


def _unknown(code: str, known: set[str]) -> str:
    from difflib import get_close_matches

    if code in RESERVED or code in RETIRED:
        return f"archtrace: {code} is no rule now: {RESERVED.get(code) or RETIRED[code]}"
    near = get_close_matches(code, sorted(known), n=1)
    return f"archtrace: there is no rule {code}" + (f"; did you mean {near[0]}?" if near else "")


def _own(code: str) -> Iterator[str]:
    yield from (f"{code} {OWN[code]}", "", SUMMARIES[code])


def _page(told: Rule) -> Iterator[str]:
    yield f"{told.code} {told.name}"
    yield ""
    yield told.summary
    yield from ("", told.why, "", "Where it happened", *(f"* {real}" for real in told.real))
    yield from ("", "What to write instead", told.instead)
    for title, cases in (("Found", told.invalid), ("Not found", told.valid)):
        for name, code in cases.items():
            yield from ("", f"{title}: {name}", textwrap.indent(textwrap.dedent(code).strip("\n"), "    "))
    yield from ("", "What it cannot see", told.unseen)
