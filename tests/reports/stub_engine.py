"""An engine that knows the samples, in place of the real one; importing it costs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import archtrace
from archtrace.errors import TargetError
from archtrace_reports.asking.store import shipped_answers
from archtrace_reports.asking.store.answer_store import AnswerStore

from .samples import SAMPLES

Capture = pytest.CaptureFixture[str]


def stub(target: str, *, progress: Callable[[str, float | None], None], **options: Any) -> SimpleNamespace:
    """An engine that knows the samples; it prints, as models do."""
    progress("resolving", None)
    print("noise from a model")
    if target == "broken":
        raise TypeError("unsupported operand\nsecond line")
    if target not in SAMPLES:
        raise TargetError(f"unknown model {target!r}\n  why: no such \x1b[31mname\n  do: give another")
    asked.append(options)
    return SimpleNamespace(result=SAMPLES[target])


#: A folder that no answer is in: the stub is asked, and nothing that is known told in its place.
NOWHERE = Path("/nowhere")
asked: list[dict[str, Any]] = []


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    asked.clear()
    monkeypatch.setitem(vars(archtrace), "trace", stub)
    monkeypatch.setattr("archtrace.setup.result_with_setup.with_setup", lambda found, *_: found.result)
    monkeypatch.setattr(AnswerStore, "get", lambda *_: None)
    monkeypatch.setattr(shipped_answers, "FOLDER", NOWHERE)
    return asked


def stubbed(code: str) -> str:
    """A program with the stub in the engine's place."""
    return (
        f"import sys, time, archtrace\nsys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from reports import stub_engine\n"
        "from archtrace_reports.asking import children\nfrom archtrace_reports.commands import cli\n"
        "stub_engine.AnswerStore.get = lambda *_: None\nstub_engine.shipped_answers.FOLDER = stub_engine.NOWHERE\n"
        f"vars(archtrace)['trace'] = stub_engine.stub\n{code}"
    )
