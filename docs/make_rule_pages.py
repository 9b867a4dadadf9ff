"""Write docs/rules/: a page for each code, made of its rules and their cases, and the list of them.

python docs/make_rule_pages.py
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from archtrace_lint import RESERVED, check_source
from archtrace_reports.check.meaning import Meaning, meanings
from archtrace_reports.check.problem import OWN, SUMMARIES

if TYPE_CHECKING:
    from archtrace.contract.graph_rule import GraphRule
    from archtrace_lint.rule import Rule

FOLDER = Path(__file__).parent / "rules"

PAGE = """# {code}: {name}

{summary}{fixes}

## Why

{why}

## Where it happened

{real}

## What to write instead

{instead}

{parts}
"""

SOURCE = """## In code

{invalid}

### Code that is right

{valid}

### What it cannot see

{unseen}"""

GRAPH = """## In a traced model

{seen}

{wrong}

### Models that are right

{right}

### What tracing cannot see

{unseen}"""

LIST = """# The rules

`archtrace check` finds classifiers that read the wrong token in two ways:

* **Source rules** read Python files, without torch. They follow values through a function and its helpers, and report
  something only if a value is used to read hidden states or logits. In a [field test](field.md) we ran them on released
  packages and counted what they find and miss.
* **Graph rules** look at the traced models that you declare in `pyproject.toml` ([contracts](../contracts.md)). We also
  ran them on [transformers' own classifiers](models.md).

`python docs/make_rule_pages.py` makes these pages from the rules.

| Code | Name | What it finds | Looked for in | Fix |
| --- | --- | --- | --- | --- |
{rows}

Codes of the check itself:

| Code | Name | What it says |
| --- | --- | --- |
{own}

Codes are never reused.{reserved}
"""


def case(name: str, text: str, code: str) -> str:
    """One case, and the message that it gets."""
    source = textwrap.dedent(text).strip("\n")
    found = [f"line {v.line}: {v.message}" for v in check_source("example.py", source, [code])]
    shown = f"*{name[0].upper()}{name[1:]}*\n\n```python\n{source}\n```"
    return shown + "".join(f"\n\n> {line}" for line in found)


def traced(cases: Mapping[str, str]) -> str:
    """Cases of a graph rule: a class, or a target and its contract."""
    shown = {name: textwrap.dedent(code).strip("\n") for name, code in cases.items()}
    return "\n\n".join(f"*{name[0].upper()}{name[1:]}*\n\n```python\n{code}\n```" for name, code in shown.items())


def source_part(rule: Rule) -> str:
    """What a source rule finds."""
    return SOURCE.format(
        invalid="\n\n".join(case(name, text, rule.code) for name, text in rule.invalid.items()),
        valid="\n\n".join(case(name, text, rule.code) for name, text in rule.valid.items()),
        unseen=rule.unseen,
    )


def graph_part(rule: GraphRule) -> str:
    """What a graph rule finds."""
    return GRAPH.format(seen=rule.seen, wrong=traced(rule.wrong), right=traced(rule.right), unseen=rule.unseen)


def page(told: Meaning) -> str:
    """The page of a code."""
    parts = [source_part(told.source)] if told.source else []
    parts += [graph_part(told.graph)] if told.graph else []
    return PAGE.format(
        code=told.code,
        name=told.name,
        summary=told.summary,
        fixes=" `--fix` fixes what is certain." if told.source and told.source.fixes else "",
        why=told.why,
        real="\n".join(f"* {line}" for line in told.real),
        instead=told.instead,
        parts="\n\n".join(parts),
    )


def row(told: Meaning) -> str:
    """The line of a code in the list."""
    summary = told.summary.replace("|", "\\|")
    fixes = "yes" if told.source and told.source.fixes else ""
    return f"| [{told.code}]({told.code}.md) | {told.name} | {summary} | {told.kinds} | {fixes} |"


def pages() -> dict[str, str]:
    """File name -> what stands in it."""
    known = meanings()
    listed = LIST.format(
        rows="\n".join(map(row, known.values())),
        own="\n".join(f"| {code} | {name} | {SUMMARIES[code]} |" for code, name in OWN.items()),
        reserved=f" Kept free: {', '.join(f'{c} ({text})' for c, text in RESERVED.items())}." if RESERVED else "",
    )
    return {**{f"{code}.md": page(told) for code, told in known.items()}, "README.md": listed}


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
