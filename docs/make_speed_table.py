"""Measure what a trace costs, beside torch.export alone and the bare imports.

python docs/make_speed_table.py > docs/speed.md

Every figure is CPU seconds of a fresh process on this machine, the median of RUNS; the peers take turns, so that a
machine that slows down slows all of them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

import made_at

RUNS = 3
SHARE = "Capturing and analysing all layouts is {:.0%} of everything after the imports."
#: What the trace reports as stages -> what the page calls them. Which layouts there are is known only once those before
#: have been captured and analysed, so the two take turns.
CAPTURING = "capturing and analysing"
STAGES = {
    "capturing": CAPTURING,
    "analysing": CAPTURING,
    "shrinking": "finding a small copy",
    "witness": "running it",
    "reading the source": "source lines, dead work, drawings",
}

IMPORTS = """
import time; start = time.process_time()
import torch
from transformers import BertConfig, BertForSequenceClassification
imported = time.process_time() - start
"""

EXPORT = (
    IMPORTS
    + """
with torch.device("meta"):
    model = BertForSequenceClassification(BertConfig()).eval()
    inputs = {"input_ids": torch.zeros(2, 19, dtype=torch.long), "attention_mask": torch.ones(2, 19, dtype=torch.long)}
start = time.process_time()
torch.export.export(model, (), kwargs=inputs, strict=False)
exported = time.process_time() - start
import json; print(json.dumps({"imports": imported, "export": exported}))
"""
)

TRACE = (
    IMPORTS
    + """
import json, archtrace
stages, last = {}, ["imports of archtrace", time.process_time()]
def progress(stage, _fraction):
    now = time.process_time()
    stages[last[0]] = stages.get(last[0], 0.0) + now - last[1]
    last[:] = [stage, now]
trace = archtrace.trace(TARGET, progress=progress)
progress("", None)
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"imports": imported, "stages": stages, "peak": peak, "status": trace.result.status}))
"""
)


def child(code: str) -> dict[str, Any]:
    """Run code in a fresh interpreter and read the JSON that it prints last."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def traced_child(target: str) -> dict[str, Any]:
    """A trace in a fresh interpreter, with its stages under the names of the page."""
    found = child(TRACE.replace("TARGET", repr(target)))
    stages: dict[str, float] = {}
    for stage, seconds in found["stages"].items():
        name = STAGES.get(stage, stage)
        stages[name] = stages.get(name, 0.0) + seconds
    return {**found, "stages": stages}


def median(values: list[float]) -> float:
    """The middle of several figures."""
    return statistics.median(values)


def bert() -> str:
    """The table for BERT-base."""
    traced, exported = [], []
    traced_child("bert-base-uncased")  # once, so that files are in the page cache
    for _ in range(RUNS):
        exported.append(child(EXPORT))
        traced.append(traced_child("bert-base-uncased"))
    export = median([e["export"] for e in exported])
    imports = median([e["imports"] for e in exported])
    rows = [("imports of torch and the model class", imports), ("torch.export alone", export)]
    names = list(traced[0]["stages"])  # in the order in which they begin
    rows += [(f"archtrace: {name}", median([t["stages"][name] for t in traced])) for name in names]
    after = median([sum(t["stages"].values()) - t["stages"]["imports of archtrace"] for t in traced])
    rows += [("archtrace: everything after the imports", after)]
    share = median([t["stages"][CAPTURING] for t in traced]) / after
    lines = [f"| {name} | {value:.2f} | {value / export:.2f} |" for name, value in rows]
    return "\n".join(
        ["| BERT-base | CPU s | of torch.export |", "| --- | ---: | ---: |", *lines, "", SHARE.format(share)]
    )


def large() -> str:
    """One trace of a 670-billion-parameter config."""
    found = traced_child("deepseek_v3")
    seconds = sum(found["stages"].values())
    rows = [f"| {name} | {value:.1f} |" for name, value in found["stages"].items()]
    rows.append(f"| all, {found['status']}; peak memory {found['peak']:.1f} GiB | {seconds:.1f} |")
    return "\n".join(["| deepseek_v3 (671 B parameters) | CPU s |", "| --- | ---: |", *rows])


if __name__ == "__main__":
    print("# Speed\n\nMade by `python docs/make_speed_table.py > docs/speed.md`; ", end="")
    print(f"medians of {RUNS} fresh processes, in turns.\n\n{bert()}\n\n{large()}")
    print(f"\n{made_at.line(__file__)}")
