"""The store: whole after any death, for any number of writers, and silent about what has changed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from archtrace_reports.asking.store import answer_store as stores
from archtrace_reports.asking.store.answer_store import ENDING, AnswerStore, Entry, decode, encode, new_entry

#: Keeps answers until it is killed, each with a megabyte of noise, so that it is mostly writing.
WRITER = """
import random, sys, time
from pathlib import Path
from archtrace_reports.asking.store.answer_store import AnswerStore, new_entry
store, number = AnswerStore(Path(sys.argv[1])), 0
while True:
    noise = random.Random(number).randbytes(200_000).hex()
    answer = {"number": number, "noise": noise}
    store.put(new_entry(f"model {number % 7}", [sys.argv[2]], answer), time.time_ns(), number % 7)
    number += 1
"""


def kept(store: AnswerStore, file: Path, key: str = "bert") -> bool:
    """Keep an answer that came from a file."""
    return store.put(new_entry(key, [str(file)], {"reads": "first"}), time.time_ns(), key)


@pytest.fixture
def store(tmp_path: Path) -> AnswerStore:
    """An empty one."""
    return AnswerStore(tmp_path / "answers")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What an answer came from."""
    made = tmp_path / "modeling.py"
    made.write_text("x = 1\n")
    return made


def test_what_is_kept_comes_back(store: AnswerStore, file: Path) -> None:
    assert store.get("bert") is None
    assert kept(store, file)
    found = store.get("bert")
    assert found is not None
    assert (found.subject, found.answer, found.drawing) == ("bert", {"reads": "first"}, "null")
    assert decode(encode(found)) == found
    assert store.get("gpt2") is None
    assert [each.subject for each in store.entries()] == ["bert"]
    assert (store.clear(), store.get("bert")) == (1, None)


def test_a_file_that_changed_went_or_came(store: AnswerStore, file: Path) -> None:
    """Its size and times may stay as they are."""
    assert kept(store, file)
    told = file.stat()
    file.write_text("x = 2\n")
    os.utime(file, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert store.get("bert") is None
    file.write_text("x = 1\n")
    assert store.get("bert") is not None
    file.unlink()
    assert store.get("bert") is None
    assert kept(store, file)
    assert store.get("bert") is not None, "it was absent, and is"
    file.write_text("")
    assert store.get("bert") is None


def test_a_folder_is_its_names(store: AnswerStore, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    assert kept(store, folder)
    assert store.get("bert") is not None
    (folder / "modules.json").write_text("[]")
    assert store.get("bert") is None


def test_what_changed_while_it_was_traced_is_not_kept(store: AnswerStore, file: Path) -> None:
    since = time.time_ns()
    file.write_text("x = 3\n")
    assert not store.put(new_entry("bert", [str(file)], {}), since - 1, "bert")
    assert store.get("bert") is None


@pytest.mark.parametrize("content", [b"", b"\0", encode(Entry("x", "", (), "", {}))[:-3], b"x" * 100])
def test_what_is_broken_is_none(store: AnswerStore, file: Path, content: bytes) -> None:
    assert kept(store, file)
    (there,) = store.folder.iterdir()
    there.write_bytes(content)
    assert store.get("bert") is None
    assert list(store.entries()) == []


def test_another_format_is_none(store: AnswerStore, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "FORMAT", 2)
    content = encode(new_entry("bert", [str(file)], {}))
    monkeypatch.undo()
    assert decode(content) is None


def test_a_folder_that_cannot_be_made_is_no_harm(file: Path) -> None:
    store = AnswerStore(file / "answers")
    assert not kept(store, file)
    assert (store.get("bert"), list(store.entries()), store.clear()) == (None, [], 0)


def test_the_oldest_make_room(store: AnswerStore, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST", 20)
    for number in range(30):
        kept(store, file, f"model {number}")
    assert len(list(store.entries())) <= 20
    assert store.get("model 29") is not None
    assert store.get("model 0") is None


def test_killed_at_any_moment_and_run_twice_at_once(store: AnswerStore, file: Path) -> None:
    """Two writers of the same keys, killed over and over: whatever is there is whole, and names its own answer."""
    for _ in range(8):
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(store.folder), str(file)]) for _ in range(2)]
        time.sleep(0.6 + random.random() / 2)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        for each in store.folder.glob(f"*{ENDING}"):
            found = decode(each.read_bytes())
            assert found is not None
            assert found.subject == f"model {found.answer['number'] % 7}"
    assert {each.subject for each in store.entries()} == {f"model {number}" for number in range(7)}
    assert all(store.get(number) is not None for number in range(7))


def test_an_entry_knows_what_it_came_from(file: Path) -> None:
    found = new_entry("bert", [str(file)], {})
    assert found.holds()
    assert not replace(found, digest="another").holds()
