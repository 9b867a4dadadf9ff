"""Measure what a known answer costs, beside a bare start of Python and beside a trace; written into docs/kept.md.

    python docs/make_kept_figures.py

Figures are CPU time of whole processes, medians of RUNS, by turns, as multiples of `python -c pass` in the same run.
Run it where archtrace is installed from a wheel: a checkout reads its own files to know itself.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import made_at

PAGE = Path(__file__).with_name("kept.md")
MARK = "<!-- figures: python docs/make_kept_figures.py -->\n"
RUNS, TRACES = 15, 3
ARCHTRACE = ("-m", "archtrace_reports.commands.cli")
KNOWN = {
    "`python -c pass`": ("-c", "pass"),
    "`archtrace --version`": (*ARCHTRACE, "--version"),
    "`archtrace bert-base-uncased`, known": (*ARCHTRACE, "bert-base-uncased"),
    "`archtrace gpt2`, known": (*ARCHTRACE, "gpt2"),
    "`archtrace bert-base-uncased --html page.html`, known": (*ARCHTRACE, "bert-base-uncased", "--html", "page.html"),
}
TRACED = {"`archtrace bert-base-uncased --fresh`": (*ARCHTRACE, "bert-base-uncased", "--fresh")}


def main() -> None:
    """Measure, and write the table behind the mark."""
    with tempfile.TemporaryDirectory() as folder:
        for command in KNOWN.values():
            cost(command, folder)  # compiles
        known = [{name: cost(command, folder) for name, command in KNOWN.items()} for _ in range(RUNS)]
        traced = [{name: cost(command, folder) for name, command in TRACED.items()} for _ in range(TRACES)]
    medians = {name: statistics.median(run[name] for run in runs) for runs in (known, traced) for name in runs[0]}
    bare = next(iter(medians.values()))
    rows = [f"| {name} | {seconds * 1e3:,.0f} | {seconds / bare:.1f} |" for name, seconds in medians.items()]
    table = "\n".join(["| command | CPU ms | of a bare start |", "| --- | ---: | ---: |", *rows])
    head = PAGE.read_text("utf-8").partition(MARK)[0]
    PAGE.write_text(f"{head}{MARK}\n{table}\n", "utf-8")
    made_at.stamp(PAGE, __file__)


def cost(command: tuple[str, ...], folder: str) -> float:
    """CPU seconds of a process."""
    variables = os.environ | {"XDG_CACHE_HOME": folder, "HF_HUB_OFFLINE": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], cwd=folder, env=variables, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
