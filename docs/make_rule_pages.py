"""Write docs/rules/: a page for each source rule, made of the rule and its cases, and the list of them.

python docs/make_rule_pages.py
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from archtrace.lint import RESERVED, check_source, rules

if TYPE_CHECKING:
    from archtrace.lint.rule import Rule

FOLDER = Path(__file__).parent / "rules"

PAGE = """# {code}: {name}

{summary}{fixes}

## Why

{why}

## Where it happened

{real}

## What to write instead

{instead}

## Found

{invalid}

## Left alone

{valid}

## What it cannot see

{unseen}
"""

LIST = """# The source rules

`archtrace check` reads Python files with these rules, without importing torch. Each looks for what flows where: within
a function and the helpers of its module a value must reach a read of hidden states or logits before anything is said.
What they find in released packages, and what they miss: [field.md](field.md). These pages are made from the rules by
`python docs/make_rule_pages.py`.

| Code | Name | What it finds | Fix |
| --- | --- | --- | --- |
{rows}

Codes are never used again. Kept free: {reserved}.
"""


def case(name: str, text: str, code: str) -> str:
    """One case, and the message that it gets."""
    source = textwrap.dedent(text).strip("\n")
    found = [f"line {v.line}: {v.message}" for v in check_source("example.py", source, [code])]
    shown = f"*{name[0].upper()}{name[1:]}*\n\n```python\n{source}\n```"
    return shown + "".join(f"\n\n> {line}" for line in found)


def page(rule: Rule) -> str:
    """The page of a rule."""
    return PAGE.format(
        code=rule.code,
        name=rule.name,
        summary=rule.summary,
        fixes=" `--fix` mends what is certain." if rule.fixes else "",
        why=rule.why,
        real="\n".join(f"* {line}" for line in rule.real),
        instead=rule.instead,
        invalid="\n\n".join(case(name, text, rule.code) for name, text in rule.invalid.items()),
        valid="\n\n".join(case(name, text, rule.code) for name, text in rule.valid.items()),
        unseen=rule.unseen,
    )


def pages() -> dict[str, str]:
    """File name -> what stands in it."""
    rows = [
        f"| [{r.code}]({r.code}.md) | {r.name} | {r.summary.replace('|', chr(92) + '|')} | {'yes' if r.fixes else ''} |"
        for r in rules()
    ]
    reserved = ", ".join(f"{code} ({text})" for code, text in RESERVED.items())
    made = {f"{rule.code}.md": page(rule) for rule in rules()}
    return {**made, "README.md": LIST.format(rows="\n".join(rows), reserved=reserved)}


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
