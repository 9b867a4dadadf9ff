"""Child: answers one question in a process of its own, which its parent may kill.

python -P -m archtrace_reports.asking.child QUESTION FILE     the question as JSON; the answer goes to FILE
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archtrace_reports.asking.engine import ask, silence_libraries
from archtrace_reports.asking.outcome_json import encode_outcome
from archtrace_reports.asking.question import Question
from archtrace_reports.formats.converter import decode
from archtrace_reports.text import files


def main(what: str, file: str) -> None:
    """Work out what was asked for and put it into the file in one step."""
    silence_libraries()
    answer(what, Path(file), sys.stdin.buffer.read)


def answer(what: str, file: Path, parent_gone: Callable[[], object]) -> None:
    """The same where everything is imported already; `parent_gone` returns once the parent has ended in any way."""
    threading.Thread(target=_end_with_parent, args=(parent_gone,), daemon=True).start()
    files.replace(file, json.dumps(_outcome_of(decode(json.loads(what), Question), file.parent)))


def _outcome_of(question: Question, folder: Path) -> Any:
    """The outcome; of a checkpoint that came along with the question under the name that the question gives it."""
    if not question.files:
        return encode_outcome(ask(question))
    place = _write_checkpoint(question.files, folder / "checkpoint")
    outcome = ask(replace(question, target=str(place), files={}), keeping=False)
    text = json.dumps(encode_outcome(outcome))
    return json.loads(text.replace(_inside_json(str(place)), _inside_json(question.target)))


def _write_checkpoint(contents: Mapping[str, str], folder: Path) -> Path:
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def _inside_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _end_with_parent(parent_gone: Callable[[], object]) -> None:
    parent_gone()
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
