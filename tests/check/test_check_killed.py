"""A run that is killed or interrupted at any moment: each source is the old or the new one, and the cache is whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_runs import FIXABLE, PROGRAM, WRONG, check, environment

MANY = 150
#: Python takes as long to start; what is worth interrupting comes after.
START, END = 0.05, 1.2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Many files with something to mend in each, of several kinds of line ends and codings."""
    inside = tmp_path / "many"
    inside.mkdir()
    (tmp_path / "ruff.toml").write_text("line-length = 200\n")  # so that a mended line stays one
    for number in range(MANY):
        (inside / f"{number}.py").write_bytes(old(number))
    return inside


def old(number: int) -> bytes:
    """The content of a file; none is like another."""
    text = f"# {number}é\n{FIXABLE}" + f"# {number}\n" * 50
    return text.replace("\n", "\r\n").encode() if number % 2 else f"# coding: latin-1\n{text}".encode("latin-1")


def new(folder: Path) -> dict[str, bytes]:
    """What becomes of the files when nobody kills: mended, all else as it was."""
    done = check(folder, "--fix", "--no-cache")
    assert done.returncode == 0, done.stderr
    mended = contents(folder)
    for name, data in mended.items():
        number = int(name.removesuffix(".py"))
        before, after = old(number).split(b"\n"), data.split(b"\n")
        assert [a == b for a, b in zip(before, after, strict=True)].count(False) == 1
        assert data.count(b"\r\n") == old(number).count(b"\r\n")
        (folder / name).write_bytes(old(number))
    return mended


def contents(folder: Path) -> dict[str, bytes]:
    """The sources as they are now."""
    return {path.name: path.read_bytes() for path in folder.glob("*.py")}


def killed(folder: Path, arguments: tuple[str, ...], number: signal.Signals, after: float) -> subprocess.Popen[bytes]:
    """A run that is sent a signal after some time; the whole of its terminal gets it, as Ctrl-C does."""
    child = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    time.sleep(after)
    if number == signal.SIGINT:
        os.killpg(child.pid, number)
    else:
        child.send_signal(number)
    return child


def moments(runs: int) -> Iterator[float]:
    """Random moments of a run."""
    choose = random.Random(0)
    return (choose.uniform(START, END) for _ in range(runs))


def test_a_fix_that_is_killed_leaves_each_file_old_or_new(folder: Path) -> None:
    """Byte for byte; a later run mends the rest, whatever the killed ones left behind."""
    after = new(folder)
    halfway = 0
    for number, moment in enumerate(moments(60)):
        with killed(folder, ("--fix", "--no-cache"), signal.SIGKILL, moment) as child:
            child.communicate()
        now = contents(folder)
        assert now.keys() == after.keys()
        assert all(now[name] in (old(int(name.removesuffix(".py"))), after[name]) for name in now)
        halfway += now != after and any(now[name] == after[name] for name in now)
        if halfway and number >= 11:  # on a fast machine few of the moments fall into the writing
            break
        for name in now:  # what a run has mended is broken again, so that each run has all to do
            (folder / name).write_bytes(old(int(name.removesuffix(".py"))))
    assert halfway
    assert check(folder, "--fix").returncode == 0
    assert contents(folder) == after


def test_a_cache_is_whole_or_ignored(folder: Path) -> None:
    """Killed while it is written, cut, or full of something else."""
    told = check(folder, "--no-cache").stdout
    for moment in moments(12):
        with killed(folder, (), signal.SIGKILL, moment) as child:
            child.communicate()
    assert check(folder).stdout == told
    (cache,) = (folder.parent / "many-cache" / "archtrace" / "check").glob("*.json")
    whole = cache.read_bytes()
    for data in (b"", whole[:1000], b"\xff" * 9, b"[" * 100_000, b"[]", whole.replace(b"[", b"{").replace(b"]", b"}")):
        cache.write_bytes(data)
        assert check(folder).stdout == told
        assert cache.read_bytes() == whole
    cache.write_bytes(whole.replace(b"AT001", b"AT002"))
    assert check(folder).stdout == told.replace("AT001", "AT002"), "the cache was not asked"


def test_the_cache_knows_what_has_changed(folder: Path) -> None:
    """A file that is written to, also within its size, and one that may be read again."""
    told = check(folder).stdout
    assert told.count("AT001") == MANY
    file = folder / "0.py"
    file.write_bytes(file.read_bytes().replace(b"- 1]", b"- 0]"))
    assert check(folder).stdout.count("AT001") == MANY - 1
    file.write_bytes(old(0))
    file.chmod(0)
    assert check(folder, bound=True).stdout.count("AT000") == 1
    file.chmod(0o644)
    assert check(folder, bound=True).stdout == told


@pytest.mark.parametrize("arguments", [(), ("--fix",)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_silent(number: signal.Signals, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Exit 130 or 143 without a traceback, from the workers neither, and no process is left."""
    heavy = "".join(WRONG.replace("last", f"last_{n}") for n in range(300))
    for each in range(MANY):
        (tmp_path / f"{each}.py").write_text(heavy)
    for moment in (0.7, 1.0):
        with killed(tmp_path, ("--no-cache", *arguments), number, moment) as child:
            out, err = child.communicate(timeout=30)
        assert (child.returncode, out) == (130 if number == signal.SIGINT else 143, b"")
        assert err == (b"archtrace: interrupted\n" if number == signal.SIGINT else b"")
        assert gone(child.pid)


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    """No one is left behind to wait for work that will never come."""
    heavy = "".join(WRONG.replace("last", f"last_{n}") for n in range(300))
    for each in range(MANY):
        (tmp_path / f"{each}.py").write_text(heavy)
    with killed(tmp_path, ("--no-cache",), signal.SIGKILL, 1.0) as child:
        child.communicate(timeout=30)
    assert gone(child.pid)


def gone(group: int) -> bool:
    """Whether no process of a group is left, after a moment."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
