"""Measure what `archtrace check` costs, beside two linters that parse with libcst, and the bare interpreter.

python docs/make_check_speed.py FOLDER [--peers BIN_FOLDER] > docs/check-speed.md

FOLDER holds Python files: the models of an unpacked transformers wheel, say. torchfix and Fixit are found on PATH or in
BIN_FOLDER (`python -m venv peers && peers/bin/pip install torchfix fixit`, then `--peers peers/bin`). Every run is a
whole process; all take turns, so that a machine that slows down slows all of them. Linux: one core is an affinity.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import made_at

ARCHTRACE = Path(sys.executable).with_name("archtrace")
INSTALL = "python -m venv peers && peers/bin/pip install torchfix fixit, then --peers peers/bin"
RUNS, STARTS = 3, 21
#: Seconds: a tool that takes longer than this runs once.
LONG = 60.0

PASSED_OVER = "def doubled(number):\n    return 2 * number\n"
FOUND = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"

PAGE = """# Speed of check

Made by `python docs/make_check_speed.py FOLDER --limit {limit:.0f} --every {every} > docs/check-speed.md`, FOLDER
being the models of {library}.
Medians of whole processes that take turns, on {cores}; a tool that takes more than {long:.0f} s runs once. *Seconds* is
how long you wait; *CPU s* is the CPU time of all processes of a run.

archtrace {archtrace}, {peers}, Python {python}.

The three tools look for different things: torchfix for deprecated and unsafe calls of torch, Fixit for style and
simplifications, archtrace for classifiers that read the wrong token. So you cannot compare the numbers of findings, and
none replaces another; the table shows how much time each adds. archtrace parses every file once, and follows values
only in files that contain words from its rules.

## The whole folder

{files:,} files, {size:.1f} MB. After {limit:.0f} s a run is stopped; its figures are then lower bounds.

{whole}

## A sample

One file in {every}: {sample_files:,} files, {sample_size:.1f} MB. Here every tool finishes.

{sample}

## Start-up

One file, {starts} runs each. This is what a hook costs on each commit.

{start}
"""


class Run(NamedTuple):
    """One process: seconds on the clock and of all cores, what it said. `ended`: it was not done in time."""

    seconds: float
    cpu: float
    said: str
    ended: bool = False


@dataclass(frozen=True)
class Tool:
    """A command, and the patterns of a finding and of a file that it failed on in what it says."""

    name: str
    command: tuple[str, ...]
    finding: str
    failed: str
    one_core: bool = False


def options() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--library", default="transformers", help="what FOLDER is, for the page")
    parser.add_argument("--peers", type=Path, help="the folder of torchfix and fixit; else they are found on PATH")
    parser.add_argument("--limit", type=float, default=120, help="seconds for a run over the whole folder")
    parser.add_argument("--every", type=int, default=25, help="take each Nth file for the sample")
    return parser.parse_args()


def peer(name: str, folder: Path | None) -> str:
    """The program of a peer; the process ends where it is missing."""
    found = shutil.which(name, path=str(folder) if folder else None)
    if found is None:
        sys.exit(f"{name} is not {f'in {folder}' if folder else 'on PATH'}; install the peers: {INSTALL}")
    return os.path.abspath(found)


def tools(peers: Path | None) -> list[Tool]:
    """Everything that takes part, archtrace first: the ratios are to the first."""
    check, finding, failed = (str(ARCHTRACE), "check"), r": AT(?!000)\d{3} ", r"(?m)^(.+):\d+:\d+: AT000 "
    torchfix = (peer("torchfix", peers), "--select=ALL", "--show-stderr")
    fixit = (peer("fixit", peers), "lint")
    return [
        Tool("archtrace check, from nothing", (*check, "--no-cache"), finding, failed),
        Tool("archtrace check, nothing changed", check, finding, failed),
        Tool("archtrace check, from nothing, one core", (*check, "--no-cache"), finding, failed, one_core=True),
        Tool("torchfix --select=ALL", torchfix, r": TOR\d{3} ", r"(?m)^Failed to codemod (.+)$"),
        Tool("fixit lint", fixit, r"(?m)^\S+@\d+:\d+ \w+:", r"(?m)^(.+): EXCEPTION:"),
    ]


def run(command: Sequence[str], limit: float | None = None, *, one_core: bool = False) -> Run:
    """Run a command; one that is not done in time is ended with all its children."""
    before, start = _children(), time.perf_counter()
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        with _on_one_core() if one_core else contextlib.nullcontext():
            process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        ended = _ended(process, limit)
        seconds = time.perf_counter() - start
        said.seek(0)
        return Run(seconds, _children() - before, said.read(), ended)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """What starts here is given one core, and keeps it."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


def _ended(process: subprocess.Popen[bytes], limit: float | None) -> bool:
    """Wait; whether it had to be ended."""
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def in_turns(given: Sequence[Tool], folder: Path, limit: float | None) -> dict[str, list[Run]]:
    """Each tool's runs over a folder. One that took long does not run again."""
    runs: dict[str, list[Run]] = {tool.name: [] for tool in given}
    run((*given[1].command, str(folder)))  # fills the cache, and brings the files into memory
    for _ in range(RUNS):
        for tool in given:
            if not runs[tool.name] or not _long(runs[tool.name][0]):
                print(f"{tool.name} ...", file=sys.stderr)
                runs[tool.name].append(run((*tool.command, str(folder)), limit, one_core=tool.one_core))
    return runs


def _long(run: Run) -> bool:
    return run.ended or run.seconds > LONG


def table(given: Sequence[Tool], runs: Mapping[str, list[Run]]) -> str:
    """A row a tool."""
    first = statistics.median(r.seconds for r in runs[given[0].name])
    rows = [_row(tool, runs[tool.name], first) for tool in given]
    names = "| | runs | seconds | of archtrace | CPU s | findings | failed on |"
    return "\n".join([names, "| --- | ---: | ---: | ---: | ---: | ---: | --- |", *rows])


def _row(tool: Tool, runs: Sequence[Run], first: float) -> str:
    seconds, cpu = statistics.median(r.seconds for r in runs), statistics.median(r.cpu for r in runs)
    if runs[0].ended:
        return (
            f"| {tool.name} | {len(runs)} | over {seconds:.0f} | over {seconds / first:.0f} | | not done | not done |"
        )
    said = runs[0].said
    failed = sorted(set(re.findall(tool.failed, said)))
    told = f"{len(runs)} | {seconds:.1f} | {seconds / first:.2f} | {cpu:.1f} | {len(re.findall(tool.finding, said)):,}"
    return f"| {tool.name} | {told} | {_failures(failed)} |"


def _failures(files: Sequence[str]) -> str:
    names = ", ".join(f"`{Path(file).name}`" for file in files[:3])
    return f"{len(files)}: {names}{', …' if len(files) > 3 else ''}" if files else "none"


def start_table(work: Path) -> str:
    """Start-up against the bare interpreter, and against the import of libcst; in turns."""
    passed, found = _file(work / "passed.py", PASSED_OVER), _file(work / "found.py", FOUND)
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "archtrace check, the file is passed over": (str(ARCHTRACE), "check", passed),
        "python -c 'import libcst'": (sys.executable, "-c", "import libcst"),
        "archtrace check, the file has a finding": (str(ARCHTRACE), "check", found),
    }
    runs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, command in commands.items():
            runs[name].append(run(command).seconds)
    bare, over, libcst, finding = (statistics.median(seconds) for seconds in runs.values())
    ratios = ("1", f"{over / bare:.1f} (at most 6)", "1", f"{finding / libcst:.1f} (at most 2)")
    rows = [
        f"| `{name}` | {1000 * value:.0f} | {ratio} |"
        for name, value, ratio in zip(runs, (bare, over, libcst, finding), ratios, strict=True)
    ]
    return "\n".join(["| | ms | of the row that it is held against |", "| --- | ---: | ---: |", *rows])


def _file(file: Path, text: str) -> str:
    file.write_text(text)
    return str(file)


def sampled(folder: Path, every: int, work: Path) -> Path:
    """A copy of each Nth file."""
    for file in python_files(folder)[::every]:
        beside = work / file.relative_to(folder)
        beside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, beside)
    return work


def python_files(folder: Path) -> list[Path]:
    """The files that are checked."""
    return sorted(folder.rglob("*.py"))


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in python_files(folder)) / 1e6


@contextlib.contextmanager
def cache_of_its_own() -> Iterator[Path]:
    """A folder for this benchmark; archtrace keeps its cache there."""
    with tempfile.TemporaryDirectory() as work:
        os.environ["XDG_CACHE_HOME"] = f"{work}/cache"
        yield Path(work)


def page(asked: argparse.Namespace, work: Path) -> str:
    """The whole page."""
    given = tools(asked.peers)
    sample = sampled(asked.folder, asked.every, work / "sample")
    cores = len(os.sched_getaffinity(0))
    return PAGE.format(
        library=asked.library,
        cores=f"{cores} core{'s' if cores > 1 else ''}",
        long=LONG,
        limit=asked.limit,
        every=asked.every,
        starts=STARTS,
        archtrace=version("archtrace"),
        peers=", ".join(_version(tool.command[0]) for tool in given[3:]),
        python=sys.version.split()[0],
        files=len(python_files(asked.folder)),
        size=_megabytes(asked.folder),
        sample_files=len(python_files(sample)),
        sample_size=_megabytes(sample),
        start=start_table(work),
        sample=table(given, in_turns(given, sample, None)),
        whole=table(given, in_turns(given, asked.folder, asked.limit)),
    )


def _version(program: str) -> str:
    said = run((program, "--version")).said.split()
    return f"{Path(program).name} {said[-1]}"


if __name__ == "__main__":
    with cache_of_its_own() as folder:
        print(page(options(), folder), end="")
        print(f"\n{made_at.line(__file__)}")
