"""A real cluster: workers are killed, the run is ended and goes on; nothing is lost, and nothing is traced twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from archtrace.errors import MissingError, TargetError
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas import cluster, worker
from archtrace_reports.text.report import versions

from .conftest import Project, environment, gone, wait

Started = list[subprocess.Popen[str]]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalCluster]:
    """Two workers, each a process under a nanny, that find what this process tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as found:
            yield found


def workers(local: LocalCluster) -> set[int]:
    """The processes of the workers that the scheduler knows."""
    with Client(local.scheduler_address, set_as_default=False) as client:
        return {*client.run(os.getpid).values()}


def idle(local: LocalCluster) -> bool:
    """Whether the scheduler has no task, and its workers work on none."""
    with Client(local.scheduler_address, set_as_default=False) as client:
        tasks = client.run(lambda dask_worker: len(dask_worker.state.tasks))
        return not any(tasks.values()) and not local.scheduler.tasks


def test_nothing_is_lost_and_nothing_is_traced_twice(local: LocalCluster, tmp_path: Path, started: Started) -> None:
    """Of six models two are held: the worker of one is killed, and later the run is ended while both are asked. A
    question that was asked and not answered is asked again, and no other."""
    project = Project(tmp_path, ["a", "crash", "held", "also_held", "b", "c"], held=("held", "also_held"))
    asked = project.start("--scheduler", local.scheduler_address)
    started.append(asked)
    wait(lambda: {"held", "also_held"} <= {*project.traced()})
    before, (child,) = workers(local), project.traced()["held"]
    (parent,) = {pid for pid in before if _ancestor(child, pid)}
    os.kill(parent, signal.SIGKILL)
    wait(lambda: len(project.traced()["held"]) == 2)
    wait(lambda: gone(child))
    answered = project.kept()
    assert {"a"} <= answered <= {"a", "b", "c"}

    asked.send_signal(signal.SIGINT)
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == 130
    assert "the same command goes on from here" in said
    wait(lambda: all(gone(pid) for pids in project.traced().values() for pid in pids))
    wait(lambda: idle(local))
    kept = project.kept()
    assert answered <= kept == {name for name, each in project.shown().items() if "reason" not in each}

    project.release("held", "also_held")
    again = project.start("--scheduler", local.scheduler_address)
    started.append(again)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 2, said
    shown = project.shown()
    assert {*shown} == {*["a", "held", "also_held", "b", "c", "crash"]}
    assert "its process died (SIGKILL)" in shown["crash"]["reason"]
    assert all(shown[name]["status"] == "exact" for name in shown if name != "crash")
    times = {name: len(pids) for name, pids in project.traced().items()}
    assert times == {"a": 1, "b": 1, "c": 1, "held": 3, "also_held": 2, "crash": 2}
    assert len(workers(local)) == 2
    wait(lambda: idle(local))


def _ancestor(pid: int, wanted: int) -> bool:
    """Whether a process descends from another."""
    while pid > 1 and pid != wanted:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == wanted


def test_a_config_need_not_lie_where_the_workers_are(local: LocalCluster, tmp_path: Path, started: Started) -> None:
    """Its fields travel: the folder is named as seen from here, and its answer bears that name."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": 99, **sizes}))
    project = Project(tmp_path, ["here"])
    (tmp_path / "list.txt").write_text("one\ntwo\nmodels.py:here\n")
    asked = project.start("--scheduler", local.scheduler_address)
    started.append(asked)
    _, said = asked.communicate(timeout=60)
    assert (asked.returncode, "3 targets, 2 to trace" in said) == (0, True), said
    rows = json.loads((tmp_path / "atlas" / "atlas.json").read_text())["rows"]
    assert {row["target"]: row["answers"][0]["status"] for row in rows} == dict.fromkeys(
        ["one", "two", "models.py:here"], "exact"
    )


def test_code_that_a_worker_does_not_see_is_not_run(local: LocalCluster, tmp_path: Path) -> None:
    Project(tmp_path, ["mine"])
    name = f"{tmp_path}/models.py:mine"
    bounds = {"seconds": 60.0, "gigabytes": 4.0}
    with Client(local.scheduler_address, set_as_default=False) as client:
        asked = (json.dumps(asdict(Question(name))), "the digest of another file", bounds, versions())
        told = json.loads(client.submit(worker.answer, *asked, pure=False).result(timeout=60))
    assert told["unanswered"]["target"] == name
    assert told["unanswered"]["reason"].startswith(f"a worker does not see the code of {name}\n")
    assert not (tmp_path / "log").exists()


def test_other_versions_are_named_before_anything_is_asked(local: LocalCluster, tmp_path: Path) -> None:
    """A worker on whose path another release lies; it does not answer either when it is asked all the same."""
    release = tmp_path / "transformers-9.8.7.dist-info"
    release.mkdir()
    (release / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 9.8.7\n")
    with Client(local.scheduler_address, set_as_default=False) as client:
        place = sorted(client.scheduler_info()["workers"])[0]
        client.run(_first_on_path, str(tmp_path), workers=[place])
        try:
            with pytest.raises(TargetError) as caught:
                next(cluster.outcomes([Question("bert")], Limits(), local.scheduler_address))
            asked = ('{"target": "bert"}', "", {"seconds": 60.0, "gigabytes": 4.0}, versions())
            told = json.loads(client.submit(worker.answer, *asked, pure=False, workers=[place]).result(timeout=60))
        finally:
            client.run(_off_path, str(tmp_path), workers=[place])
    mine = versions()["transformers"]
    what, where, _, do = str(caught.value).splitlines()
    assert what == "1 of 2 workers would not answer as this machine does"
    assert where == f"  where: {place} has transformers 9.8.7 and not {mine}"
    assert f"transformers=={mine}" in do
    assert told["unanswered"]["reason"] == f"a worker has other versions: transformers 9.8.7 and not {mine}"


def _first_on_path(folder: str) -> None:
    import sys

    sys.path.insert(0, folder)


def _off_path(folder: str) -> None:
    import sys

    sys.path.remove(folder)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.require()
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"\n  do: pip install 'archtrace\[cluster\]'$"):
        cluster.require()


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(
        TargetError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9\n  where: .*\n  why: .+\n  do: "
    ):
        next(cluster.outcomes([Question("bert")], Limits(), "tcp://127.0.0.1:9"))


def test_a_scheduler_that_goes_is_told(tmp_path: Path, started: Started) -> None:
    """While a question is asked: what was answered is kept."""
    project = Project(tmp_path, ["a", "held"], held=("held",))
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as found:
        asked = project.start("--scheduler", found.scheduler_address)
        started.append(asked)
        wait(lambda: "held" in project.traced())
    _, said = asked.communicate(timeout=120)
    assert asked.returncode == 2
    assert "the scheduler is gone" in said
    assert project.kept() == {"a"}
