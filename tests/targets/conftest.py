"""The Hub on loopback, children with their own environment, and an offline parent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback_hub import LoopbackHub

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    server = LoopbackHub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def closed() -> str:
    """The address of a port that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


_CHILD = """
import json, sys, time
from archtrace.errors import TargetError
from archtrace.targets import resolve
asked, answers = json.loads(sys.argv[1]), []
for name in asked:
    start = time.perf_counter()
    try:
        target = resolve(name)
        answer = {"class": target.class_name, "source": target.config_source, "type": target.model_type,
                  "layers": target.config.num_hidden_layers, "codes": [f.code for f in target.findings]}
    except TargetError as error:
        answer = {"error": str(error).splitlines()}
    answer["seconds"] = time.perf_counter() - start
    answer["torch"] = "torch" in sys.modules
    answers.append(answer)
print(json.dumps(answers))
"""


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Resolve names, in order, in a process of its own with this environment; its cache lies in tmp_path."""

    def run(*names: str, **env: str) -> list[dict[str, Any]]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        paths = os.pathsep.join([str(ROOT / "tracer"), str(ROOT / "reports")])
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _CHILD, json.dumps(names)],
            env={**kept, "PYTHONPATH": paths, "HF_HOME": str(tmp_path / "hf"), **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return answers

    return run


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process has no network and an empty cache, and works in an empty folder."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
