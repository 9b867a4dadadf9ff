"""Child: answers one question in a process of its own, which its parent may kill.

python -P -m archtrace_reports.child QUESTION FILE     the question as JSON; the answer goes to FILE
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.engine import ask, hush
from archtrace_reports.files import replace
from archtrace_reports.formats.to_json import encode
from archtrace_reports.parcel import pack
from archtrace_reports.question import Question


def main(what: str, file: str) -> None:
    """Work out what was asked for and put it into the file in one step."""
    hush()
    answer(what, Path(file), sys.stdin.buffer.read)


def answer(what: str, file: Path, parent_gone: Callable[[], object]) -> None:
    """The same for whoever has imported already; `parent_gone` returns when the parent is gone, however that ended."""
    threading.Thread(target=_end_with_parent, args=(parent_gone,), daemon=True).start()
    replace(file, json.dumps(_outcome(Question(**json.loads(what)))))


def _outcome(question: Question) -> dict[str, Any]:
    outcome = ask(question)
    if isinstance(outcome, Result):
        return {"result": encode(outcome), "anatomy": pack(outcome.anatomy)}
    return {"unanswered": asdict(outcome)}


def _end_with_parent(parent_gone: Callable[[], object]) -> None:
    parent_gone()
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
