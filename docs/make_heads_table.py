"""Write docs/heads.md from the answers of a sweep over all classes with a head, kept one a line.

archtrace atlas --heads -o atlas; python docs/make_heads_table.py atlas/.answers.jsonl

Of several lines about one question the last counts: a sweep that was ended goes on, and asks again what failed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import made_at

from archtrace.targets.head_kinds import HEADS, classes, every_class
from archtrace_reports.atlas.answer_log import lines
from archtrace_reports.text.report import Unanswered

PAGE = """# Heads

The answer for every class in transformers {version} with one of these heads. Each has transformers' default config, cut
down to two layers, few frames, few patches and windows of 8 tokens. To make this page again:

    archtrace atlas --heads -o atlas; python docs/make_heads_table.py atlas/.answers.jsonl

**{answered} of {asked} are answered, {exact} of them exactly** (in every layout that the model
runs, runs confirm each position of the answer, and changing everything else has
no effect).{missing} In {outside} of them do runs show a position that the analysis left out. A
class with several kinds of heads counts for each. Seconds are the median for one answer.

| `--head` | Classes | Answered | Exact | Seconds |
| --- | --- | --- | --- | --- |
"""
#: Findings that keep an answer from being exact.
REASONS = ("op-without-rule", "no-witness", "witness-failed", "missed", "replay-differs", "not-shown")


class Answer(NamedTuple):
    """What was said of one class."""

    name: str
    line: dict[str, Any]

    @property
    def result(self) -> dict[str, Any] | None:
        """The answer; None where there is none."""
        return self.line.get("result")

    @property
    def exact(self) -> bool:
        """Whether everything agrees."""
        return self.result is not None and self.result["status"] == "exact"

    @property
    def reason(self) -> str:
        """Why there is no answer, or only a bound, in one line."""
        if self.result is None:
            return " ".join(Unanswered(**self.line["unanswered"]).line.split())
        codes = dict.fromkeys(f["code"] for f in self.result["findings"] if f["code"] in REASONS)
        return f"a bound: {', '.join(codes)}"


def answers(files: Sequence[str]) -> dict[str, list[Answer]]:
    """The answers by kind of head, in the order of the library's table."""
    last = {(q["head"], q["target"]): each for file in files for each in lines(Path(file)) if (q := each["question"])}
    return {head: list(_of(head, last)) for head in HEADS}


def _of(head: str, last: dict[tuple[str | None, str], dict[str, Any]]) -> Iterator[Answer]:
    for model_type, name in every_class(head):
        usual = classes(head)[model_type][0] == name
        line = last.get((head, model_type) if usual else (None, f"transformers:{name}"))
        if line is not None:
            yield Answer(name, line)


def row(head: str, found: Sequence[Answer]) -> str:
    """One kind of head."""
    seconds = sorted(sum(a.result["seconds"].values()) for a in found if a.result)
    middle = f"{seconds[len(seconds) // 2]:.1f}" if seconds else "-"
    counts = len(list(every_class(head))), sum(a.result is not None for a in found), sum(a.exact for a in found)
    return f"| `{head}` | {' | '.join(map(str, counts))} | {middle} |"


def page(found: dict[str, list[Answer]]) -> str:
    """The whole page."""
    every = [a for each in found.values() for a in each]
    results = [a.result for a in every if a.result]
    total = sum(len(list(every_class(head))) for head in HEADS)
    outside = sum(any(f["code"] in ("missed", "replay-differs") for f in r["findings"]) for r in results)
    head = PAGE.format(
        version=next(r["versions"]["transformers"] for r in results),
        answered=len(results),
        asked=len(every),
        exact=sum(a.exact for a in every),
        missing=f" {total - len(every)} more were not asked yet." if total > len(every) else "",
        outside=outside or "none",
    )
    gaps = [f"* `{a.name}`: {a.reason}" for a in every if not a.exact]
    rows = [row(head, each) for head, each in found.items() if each]
    return head + "\n".join([*rows, *(["", "## The rest", "", *gaps] if gaps else [])]) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "heads.md").write_text(page(answers(sys.argv[1:])))
    made_at.stamp(Path(__file__).with_name("heads.md"), __file__)
