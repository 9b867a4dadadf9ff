"""What the tests of a run share: models that write down who traces them and wait where they are told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: A function builds a model. Each writes its name and its process into `log`; while there is a file of its name in
#: `hold` it does not come to an end. `crash` takes its process with it.
MODELS = """
import os, time
from pathlib import Path
import torch

HERE = Path(__file__).parent


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(50, 8)
        self.classifier = torch.nn.Linear(8, 3)

    def forward(self, input_ids, attention_mask=None):
        return self.classifier(self.embed(input_ids)[:, 0])


def build(name):
    with (HERE / "log").open("a") as log:
        log.write(f"{name} {os.getpid()}\\n")
    while (HERE / "hold" / name).exists():
        time.sleep(0.05)
    return Tiny()


def crash():
    build("crash")
    os.kill(os.getpid(), 9)


"""


class Project:
    """A folder with models, a list of them, and an atlas."""

    def __init__(self, folder: Path, names: list[str], held: tuple[str, ...] = ()) -> None:
        self.folder = folder
        (folder / "hold").mkdir()
        functions = "\n".join(f"def {name}():\n    return build({name!r})\n" for name in names if name != "crash")
        (folder / "models.py").write_text(MODELS + functions)
        (folder / "list.txt").write_text("# mine\n" + "".join(f"models.py:{name}\n" for name in names))
        for name in held:
            (folder / "hold" / name).touch()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command, running."""
        command = ("atlas", "-o", "atlas", "--targets", "list.txt", *arguments)
        return subprocess.Popen(
            [sys.executable, "-m", "archtrace_reports.commands.cli", *command],
            cwd=self.folder, env=environment(), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def release(self, *names: str) -> None:
        """Let models come to an end."""
        for name in names:
            (self.folder / "hold" / name).unlink()

    def traced(self) -> dict[str, list[int]]:
        """Which processes have traced each model, in order."""
        log = self.folder / "log"
        found: dict[str, list[int]] = {}
        for line in log.read_text().splitlines() if log.exists() else ():
            name, pid = line.split()
            if int(pid) not in found.setdefault(name, []):
                found[name].append(int(pid))
        return found

    def kept(self) -> set[str]:
        """The models whose answers are kept."""
        file = self.folder / "atlas" / ".answers.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return {line["question"]["target"].partition(":")[2] for line in lines if "result" in line}

    def shown(self) -> dict[str, Any]:
        """What the atlas says of each model: a result, or why there is none."""
        rows = json.loads((self.folder / "atlas" / "atlas.json").read_text())["rows"]
        return {row["target"].partition(":")[2]: row["answers"][0] for row in rows}


def environment() -> dict[str, str]:
    """The two source roots for whoever is started."""
    roots = [str(ROOT / "tracer"), str(ROOT / "reports")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(roots), "HF_HUB_OFFLINE": "1"}


def wait(until: Callable[[], object], seconds: float = 120) -> None:
    """Until something is true; it fails where that takes too long."""
    ends = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < ends
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Put a process here that must not outlive the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()
