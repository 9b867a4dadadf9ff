"""Make the table of pages: how large, how long to render against the trace, how soon a browser shows them.

python docs/make_page_table.py        writes docs/pages.md; needs chromium
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import made_at
from playwright.sync_api import sync_playwright

from archtrace import trace
from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report

HERE = Path(__file__).parent
LLAMA_70B = {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64,
             "num_key_value_heads": 8}  # fmt: skip
RUNS = 5
HEAD = """# Pages

How large and fast the HTML pages are. Made by `python docs/make_page_table.py` on two cores; medians of {runs} runs.
*Rendering* is everything that `--html` does after the trace, including the drawing by `dot`, as a share of the time for
the trace; imports do not count. *Shown after* is the browser's own figure, from navigation to the end of `load`. The
last row is one page about 127 models: eight real results, repeated.

| page | size (kB) | rendering / trace | shown after (s) |
| --- | ---: | ---: | ---: |
"""
TARGETS = ("bert-base-uncased", "roberta-base", "gpt2", "xlnet-base-cased", "facebook/bart-base", "google/fnet-base",
           "answerdotai/ModernBERT-base")  # fmt: skip


def main() -> None:
    """Trace, render, open, write."""
    traced = [timed(target, lambda target=target: trace(target).result) for target in TARGETS]
    traced.append(timed("Llama-2-70B's shape", lambda: trace("llama", overrides=LLAMA_70B).result))
    rows = [row(name, [result], seconds) for name, result, seconds in traced]
    whole = [replace(traced[n % len(traced)][1], target=f"model {n}") for n in range(127)]
    rows.append(row("127 models", whole, None))
    (HERE / "pages.md").write_text(HEAD.format(runs=RUNS) + "\n".join(rows) + "\n", "utf-8")
    made_at.stamp(HERE / "pages.md", __file__)


def timed(name: str, ask: Callable[[], Result]) -> tuple[str, Result, float]:
    """A result and the seconds that it took, without imports."""
    start = time.perf_counter()
    result = ask()
    return name, result, time.perf_counter() - start - result.seconds["import"]


def row(name: str, results: list[Result], seconds: float | None) -> str:
    """A line of the table."""
    times = []
    for _ in range(RUNS if seconds else 1):
        start = time.perf_counter()
        text = formats.load("html").render(report(results), Look())
        times.append(time.perf_counter() - start)
    ratio = f"{median(times) / seconds:.1%}" if seconds else "—"
    return f"| {name} | {len(text.encode()) / 1000:,.0f} | {ratio} | {shown(text):.2f} |"


def shown(text: str) -> float:
    """Seconds until a browser shows a page."""
    chromium = shutil.which("chromium") or sys.exit("no chromium on the path (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder, "page.html")
        file.write_text(text, "utf-8")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        times = []
        for _ in range(RUNS):
            page = browser.new_page()
            page.goto(file.as_uri())
            page.wait_for_timeout(50)
            told = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
            times.append(float(page.evaluate(told)))
            page.close()
        browser.close()
    return median(times)


if __name__ == "__main__":
    main()
