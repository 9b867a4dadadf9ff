"""Serving: what servers pool of a model, beside what the model reads, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from archtrace.answer.result import KindName

#: The servers that are known, as commands and contracts name them.
ServerName: TypeAlias = Literal["vllm", "tei", "sglang", "llama.cpp", "sentence-transformers"]
SERVERS: Mapping[ServerName, str] = {
    "vllm": "vLLM",
    "tei": "text-embeddings-inference",
    "sglang": "SGLang",
    "llama.cpp": "llama.cpp",
    "sentence-transformers": "sentence-transformers",
}

#: The rule that a difference breaks.
MISMATCH = "AT013"

#: same: all that serve the model pool what it reads. differs: one at least does not. unserved: none serves it.
Outcome: TypeAlias = Literal["same", "differs", "unserved"]


@dataclass(frozen=True)
class ServerPooling:
    """What one server pools of a text. `kind`: by the table of kinds; None where it pools nothing, and `by` says why.

    `by`: the class or the rule that decides; `source`: where the server's package says so. `own`: it runs the model's
    own class, or its own pooling, so that nothing can differ.
    """

    kind: KindName | None
    by: str
    source: str
    own: bool = False


@dataclass(frozen=True)
class Served:
    """One server beside the model: its `version`, its pooling, and whether that is what the model reads of a text
    without padding (None where it serves none). `note`: under which condition, or how sure. `change`: the option that
    makes it pool what the model reads; empty where there is none, or none is needed."""

    server: ServerName
    version: str
    pooling: ServerPooling
    same: bool | None
    note: str = ""
    change: str = ""


@dataclass(frozen=True)
class Serving:
    """All servers beside one model. `reads`: the kinds of what it reads, and `read` how they are called.

    `files`: what `--export` writes, by path; `unexported`: what it cannot, and why.
    """

    target: str
    class_name: str
    reads: tuple[KindName, ...]
    read: tuple[str, ...]
    servers: tuple[Served, ...]
    files: Mapping[str, str]
    unexported: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """In a word."""
        verdicts = {served.same for served in self.servers} - {None}
        return "differs" if False in verdicts else "same" if verdicts else "unserved"
