"""A Hub on loopback: what huggingface_hub asks for one file, and answers of every kind."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """What huggingface_hub asks of a Hub for one file: HEAD for its etag and commit, GET for its bytes."""

    server: LoopbackHub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        asked = re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", self.path)
        name, revision, file = asked.groups() if asked else ("", "main", "")
        if name in self.server.slow:
            time.sleep(6)
        if name in self.server.redirects:
            return self._send(307, {"Location": f"/{self.server.redirects[name]}/resolve/{revision}/{file}"})
        if name in self.server.refused:
            status, code = self.server.refused[name]
            return self._send(status, {"X-Error-Code": code})
        if name not in self.server.files:
            return self._send(404, {"X-Error-Code": "RepoNotFound"})
        held = self.server.files[name] if revision == "main" else self.server.files.get(f"{name}@{revision}")
        commit = COMMIT if revision == "main" else hashlib.sha1(revision.encode()).hexdigest()
        files = {"config.json": held} if isinstance(held, str) else held or {}
        if file not in files:
            code = "RevisionNotFound" if held is None else "EntryNotFound"
            return self._send(404, {"X-Error-Code": code, "X-Repo-Commit": commit})
        data = files[file].encode()
        headers = {"ETag": f'"{abs(hash(data)):x}"', "X-Repo-Commit": commit, "Content-Type": "application/json"}
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
    """A Hub that holds `files` (id, or `id@revision` -> text of config.json, or texts by file), and records what it is
    asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hub)
        self.files: dict[str, str | Mapping[str, str]] = {}
        self.redirects: dict[str, str] = {}
        self.refused: dict[str, tuple[int, str]] = {}
        self.slow: set[str] = set()
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"
