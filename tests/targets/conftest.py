"""A Hub on loopback, children with their own environment, and an offline parent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = "/resolve/main/config.json"


class _Hub(BaseHTTPRequestHandler):
    """What huggingface_hub asks of a Hub for one file: HEAD for its etag and commit, GET for its bytes."""

    server: LoopbackHub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        name = self.path.removesuffix(CONFIG).removeprefix("/")
        if name in self.server.slow:
            time.sleep(6)
        if name in self.server.redirects:
            return self._send(307, {"Location": f"/{self.server.redirects[name]}{CONFIG}"})
        if name in self.server.refused:
            status, code = self.server.refused[name]
            return self._send(status, {"X-Error-Code": code})
        if name not in self.server.files:
            return self._send(404, {"X-Error-Code": "RepoNotFound"})
        data = self.server.files[name].encode()
        headers = {"ETag": f'"{abs(hash(data)):x}"', "X-Repo-Commit": COMMIT, "Content-Type": "application/json"}
        return self._send(200, headers, data, body)

    def _send(self, status: int, headers: Mapping[str, str], data: bytes = b"", body: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class LoopbackHub(ThreadingHTTPServer):
    """A Hub that holds `files` (id -> text of config.json), and records what it is asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hub)
        self.files: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.refused: dict[str, tuple[int, str]] = {}
        self.slow: set[str] = set()
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


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
