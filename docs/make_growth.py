"""Measure how the cost of an atlas grows with the number of its targets, on one machine and on a cluster.

python docs/make_growth.py > docs/growth.md          (about ten minutes on two cores; needs archtrace[cluster])

Each run is the command itself in a fresh process, over configs that were made for it: small ones, so that what is
measured is the run and not the models.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import made_at

from archtrace_reports.text.report import versions

#: Targets of a run -> how many structures they have.
COLLAPSED = {50: 10, 500: 10, 5000: 10}
DISTINCT = {20: 20, 80: 80, 320: 320}
WORKERS = 2
SIZES = {"model_type": "bert", "num_attention_heads": 2, "vocab_size": 60, "num_labels": 3}

PAGE = """# Growth

How the time and memory of `archtrace atlas` grow with the number of targets. Made by
`python docs/make_growth.py > docs/growth.md` on {cores} cores.

Each run is the whole command, in a new process and an empty folder, on configs of small BERT models. The cluster has
{workers} workers with one thread each on the same machine; it is already running, and imports torch in its first run.
CPU time includes child processes, but not a cluster's workers; memory is the peak of the command itself. Other programs
kept {load:.1f} cores busy before the first run, so compare seconds only within a table.

archtrace {archtrace}, torch {torch}, transformers {transformers}.

## Checkpoints of ten structures

The configs have ten sizes. In each, the label names, the path and the release that wrote the file are different.

{collapsed}

{collapsed_words}

## Each with its own structure

{distinct}

{distinct_words}

## Again

The same command for {again} targets, with every answer cached: {seconds:.1f} s, {ratio:.2f} of the first time.
"""
HEAD = "| targets | structures | asked on | seconds | ms a target | s a structure | CPU s | peak MB |"
LINE = "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |"


@dataclass(frozen=True)
class Run:
    """What one command cost."""

    targets: int
    structures: int
    place: str
    seconds: float
    cpu: float
    peak: float

    def row(self) -> str:
        """A line of the table."""
        cpu = "" if self.place == "a cluster" else f"{self.cpu:,.0f}"
        each = f"{1000 * self.seconds / self.targets:,.1f} | {self.seconds / self.structures:.2f}"
        return (
            f"| {self.targets:,} | {self.structures:,} | {self.place} | {self.seconds:,.1f} | {each} | {cpu} "
            f"| {self.peak:,.0f} |"
        )


def configs(folder: Path, targets: int, structures: int) -> Path:
    """So many configs of so many structures; the list that names them."""
    sizes = itertools.islice(itertools.product(range(1, 3), range(8, 100, 2), range(8, 100, 2)), structures)
    kinds = [
        {"num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": inner}
        for layers, hidden, inner in sizes
    ]
    for number in range(targets):
        place = folder / f"checkpoint-{number}"
        place.mkdir()
        names = {
            "_name_or_path": f"someone/base-{number}",
            "transformers_version": f"4.{number % 50}.0",
            "label2id": {f"label {number}": 0, "other": 1, "none": 2},
        }
        (place / "config.json").write_text(json.dumps({**SIZES, **kinds[number % structures], **names}))
    file = folder / "list.txt"
    file.write_text("".join(f"checkpoint-{number}\n" for number in range(targets)))
    return file


def measured(folder: Path, targets: int, structures: int, scheduler: str = "") -> Run:
    """One run of the command in that folder."""
    where = ["--scheduler", scheduler] if scheduler else []
    command = [
        sys.executable,
        "-m",
        "archtrace_reports.commands.cli",
        "atlas",
        "-o",
        "atlas",
        "--targets",
        "list.txt",
        "-q",
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen([*command, *where], cwd=folder)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        raise SystemExit(f"exit {process.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(targets, structures, "a cluster" if scheduler else "one machine", seconds, cpu, peak)


def resident(pid: int) -> float:
    """The peak of a process's memory so far, in MB."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """A cluster on this machine; its address."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0") as local:
        yield local.scheduler_address


def runs(sizes: dict[int, int], scheduler: str) -> Iterator[Run]:
    """Each size on this machine, and on the cluster."""
    for targets, structures in sizes.items():
        for address in ("", scheduler):
            with tempfile.TemporaryDirectory() as folder:
                configs(Path(folder), targets, structures)
                yield _said(measured(Path(folder), targets, structures, address))


def again(targets: int, structures: int) -> tuple[Run, Run]:
    """A run, and the same command once more."""
    with tempfile.TemporaryDirectory() as folder:
        configs(Path(folder), targets, structures)
        first = _said(measured(Path(folder), targets, structures))
        return first, _said(measured(Path(folder), targets, structures))


def _said(run: Run) -> Run:
    print(run.row(), file=sys.stderr)
    return run


def words(found: list[Run]) -> str:
    """How the last run compares with the first, by place."""
    told = []
    for place in ("one machine", "a cluster"):
        first, *_, last = [run for run in found if run.place == place]
        more, cost = last.targets / first.targets, last.seconds / first.seconds
        told.append(f"On {place} {more:,.0f} times the targets cost {cost:.1f} times the seconds.")
    return " ".join(told)


def main() -> None:
    """Measure, and print the page."""
    load = os.getloadavg()[0]
    with cluster() as address:
        collapsed = [*runs(COLLAPSED, address)]
        distinct = [*runs(DISTINCT, address)]
    first, second = again(max(COLLAPSED), COLLAPSED[max(COLLAPSED)])
    print(
        PAGE.format(
            cores=len(os.sched_getaffinity(0)),
            workers=WORKERS,
            load=load,
            **versions(),
            collapsed="\n".join([HEAD, LINE, *(run.row() for run in collapsed)]),
            collapsed_words=words(collapsed),
            distinct="\n".join([HEAD, LINE, *(run.row() for run in distinct)]),
            distinct_words=words(distinct),
            again=f"{first.targets:,}",
            seconds=second.seconds,
            ratio=second.seconds / first.seconds,
        ),
        end="",
    )
    print(f"\n{made_at.line(__file__)}")


if __name__ == "__main__":
    main()
