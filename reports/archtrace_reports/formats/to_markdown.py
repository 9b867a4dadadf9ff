"""Markdown: an answer for a pull request; several targets as a matrix first, each folded below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.result import Readout, Result
from archtrace_reports.text.account import account
from archtrace_reports.text.cautions import cautions, others
from archtrace_reports.text.diagnosis_lines import short_opinion
from archtrace_reports.text.facts import config_words, labelled_facts
from archtrace_reports.text.look import Look
from archtrace_reports.text.picture import picture
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import cleaned
from archtrace_reports.text.wording import enumerate_words, headline, meaning

SUFFIXES = (".md", ".markdown")
DRAWN = False
#: Columns of the picture: a comment is about this wide.
WIDTH = 88


def render(report: Report, look: Look) -> str:
    """The comment."""
    del look
    report = cleaned(report)
    many = len(report.results) + len(report.unanswered) > 1
    lines = [*_matrix(report), ""] if many else []
    for result in report.results:
        lines += _folded(result) if many else [*_setup(result), f"**{plain(headline(result))}**", "", *_answer(result)]
    lines += [] if many else [f"{code(failure.target)}: {plain(failure.line)}" for failure in report.unanswered]
    return "\n".join(lines).rstrip() + "\n"


def _matrix(report: Report) -> Iterator[str]:
    yield from table(
        ("model", "kind", "slice", "status"),
        [
            *map(_summary, report.results),
            *((code(failure.target), "", plain(failure.line), "not answered") for failure in report.unanswered),
        ],
    )


def _summary(result: Result) -> tuple[str, ...]:
    kinds, slices = (r.kind for r in result.readouts), (code(r.slice) for r in result.readouts)
    return code(result.target), plain(_each(kinds)), _each(slices), result.status


def _each(texts: Iterable[str]) -> str:
    return enumerate_words([*dict.fromkeys(texts)]) or "none"


def _folded(result: Result) -> list[str]:
    """A blank line after the summary: without it a reader takes what follows as HTML."""
    return [
        "<details>",
        f"<summary>{plain(headline(result))}</summary>",
        "",
        *_setup(result),
        *_answer(result),
        "</details>",
        "",
    ]


def _setup(result: Result) -> list[str]:
    """Whether the texts' tokenizer goes together with the model, and what to change."""
    return [f"**{plain(short_opinion(result.setup))}**", "", *fault_table(result.setup)] if result.setup else []


def fault_table(diagnosis: Diagnosis) -> list[str]:
    """A table of what is wrong with a setup, and an empty line; nothing where nothing is."""
    rows = [(plain(f.code), plain(f.read), plain(f.meant), code(f.change)) for f in diagnosis.faults]
    return [*table(("wrong", "reads", "meant", "change"), rows), ""] if rows else []


def _answer(result: Result) -> list[str]:
    lines = [*_opening(result)]
    rows = [(code(r.slice), plain(r.kind), r.status, _index(r), _source(r)) for r in result.readouts]
    lines += [*table(("slice", "kind", "status", "index looks at", "source"), rows), ""] if rows else []
    for readout in result.readouts:
        lines += [f"{code(readout.slice)}: {plain(meaning(readout, result))}. {_path(readout)}", ""]
    drawn = [line.plain.rstrip() for line in picture(result, WIDTH)]
    return lines + ([*fenced(drawn), ""] if drawn else []) + [*_facts(result), ""]


def _opening(result: Result) -> Iterator[str]:
    """What the modules on the way do, and what to watch out for."""
    if text := account(result):
        yield from (plain(text), "")
    if watched := cautions(result):
        yield from (f"> **{caution.label}:** {plain(caution.text)}.  " for caution in watched)
        yield ""


def _index(readout: Readout) -> str:
    return enumerate_words([code(name) for name in readout.index.depends_on]) or "no input"


def _source(readout: Readout) -> str:
    source = readout.source
    return code(f"{source.file.rpartition('/')[2]}:{source.line}") if source else ""


def _path(readout: Readout) -> str:
    steps = [code(step.module or step.detail) for step in readout.steps if step.module or step.detail]
    return " → ".join([*steps, "logits"])


def _facts(result: Result) -> Iterator[str]:
    facts = (*labelled_facts(result), ("config", config_words(result)))
    yield from (f"* {label}: {plain(text)}" for label, text in facts)
    yield from (f"* finding {plain(finding.code)}: {plain(finding.message)}" for finding in others(result))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


#: A pipe that is not escaped ends a cell, in code too.
_PIPE = re.compile(r"(?<!\\)[|]")


def _row(cells: Sequence[str]) -> str:
    inner = " | ".join(_PIPE.sub(r"\\|", cell) for cell in cells)
    return f"| {inner} |"


#: Characters that mean something within a line of Markdown or HTML.
_MEANT = re.compile(r"([\\`*_\[\]<>|~&])|(:)(?=//)")
#: What a forge makes a mention or a reference of; an invisible joiner behind it keeps it text.
_CALLS = re.compile(r"[@#](?=\w)|\bwww(?=\.)")


def plain(text: str) -> str:
    """Text that means nothing but itself, on one line."""
    escaped = _MEANT.sub(r"\\\1\2", " ".join(text.split()))
    return _CALLS.sub("\\g<0>\N{WORD JOINER}", escaped)


def code(text: str) -> str:
    """A code span, fenced by more backticks than it holds. Empty text stays empty."""
    text = " ".join(text.split())
    if not text:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def fenced(lines: Sequence[str], language: str = "text") -> list[str]:
    """A block of lines, fenced by more backticks than any of its lines holds."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]
