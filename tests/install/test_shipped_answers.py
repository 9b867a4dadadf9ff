"""What comes with archtrace, really installed: every known classifier is answered at once, and while that holds."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers

from .conftest import ROOT, do, run

sys.path.insert(0, str(ROOT / "docs"))

#: How many times what `python -c pass` costs a known answer may cost.
MOST = 12
#: Tells for each name whether its answer is known, and what was imported to tell.
EACH = """
import json, sys
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import known_answer
unknown = [name for name in json.load(sys.stdin) if known_answer(Question(name)) is None]
print(json.dumps([unknown, sorted({"torch", "transformers", "numpy"} & {*sys.modules})]))
"""


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of this environment without archtrace, with a transformers whose files may be mended."""
    folder = tmp_path_factory.mktemp("around") / "site-packages"
    folder.mkdir()
    source = Path(transformers.__file__).parents[1]
    for each in source.iterdir():
        if "archtrace" not in each.name.lower() and each.name != "transformers":
            (folder / each.name).symlink_to(each)
    shutil.copytree(source / "transformers", folder / "transformers", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def variables(around: Path, tmp_path: Path) -> dict[str, str]:
    """Those of a user who has these packages, and asked nothing yet."""
    caches = {"XDG_CACHE_HOME": str(tmp_path), "HF_HOME": str(tmp_path / "huggingface")}
    return {"PYTHONPATH": str(around), "HF_HUB_OFFLINE": "1", **caches}


def cost(command: list[str | Path], folder: Path, variables: dict[str, str]) -> float:
    """CPU seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(*command, cwd=folder, **variables)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.fixture
def programs(light: Path) -> Iterator[Path]:
    """Those of an environment in which transformers is installed too, which brings a program of its own name."""
    (light / "transformers").touch()
    yield light
    (light / "transformers").unlink()


@pytest.mark.parametrize("name", ["bert-base-uncased", "gpt2", "xlnet"])
def test_a_known_answer_costs_little(name: str, programs: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    """Both are run by turns, so that what else the machine does meets both."""
    asked: list[str | Path] = [programs / "archtrace", name]
    passed: list[str | Path] = [programs / "python", "-c", "pass"]
    first = run(*asked, cwd=tmp_path, **variables)  # compiles
    assert f"{name}: exact, cached on " in first.stderr
    costs = [(cost(passed, tmp_path, variables), cost(asked, tmp_path, variables)) for _ in range(11)]
    ratio = statistics.median(x for _, x in costs) / statistics.median(x for x, _ in costs)
    assert ratio <= MOST


def known(light: Path, folder: Path, variables: dict[str, str], *names: str) -> list[str]:
    """Those that are not known; nothing heavy is imported to tell."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    done = subprocess.run(
        [light / "python", "-c", EACH], input=json.dumps(names), cwd=folder, env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    unknown, heavy = json.loads(done.stdout)
    assert heavy == []
    return list(unknown)


def test_every_type_and_every_known_id(light: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    from make_shipped_answers import targets

    names = [*targets()]
    assert len(names) > 300
    assert known(light, tmp_path, variables, *names) == []


@pytest.mark.parametrize("name", ["models/bert/modeling_bert.py", "modeling_layers.py", "modeling_utils.py"])
def test_not_with_another_file(name: str, light: Path, around: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    file = around / "transformers" / name
    whole = file.read_bytes()
    file.write_bytes(whole + b"# mended\n")
    try:
        assert known(light, tmp_path, variables, "bert") == ["bert"]
    finally:
        file.write_bytes(whole)
    assert known(light, tmp_path, variables, "bert") == []


VERSIONS = {"transformers": transformers.__version__, "torch": torch.__version__}


@pytest.mark.parametrize("name", VERSIONS)
def test_not_with_another_version(
    name: str, light: Path, around: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    info = around / f"{name}-{VERSIONS[name]}.dist-info"
    other = info.with_name(f"{name}-99.0.dist-info")
    info.rename(other)
    try:
        assert known(light, tmp_path, variables, "bert") == ["bert"]
    finally:
        other.rename(info)
    assert known(light, tmp_path, variables, "bert") == []


def test_not_with_a_package_that_brings_other_code(
    light: Path, around: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    kernels = around / "kernels-1.0.dist-info"
    kernels.mkdir()
    try:
        assert known(light, tmp_path, variables, "bert") == ["bert"]
    finally:
        kernels.rmdir()


def test_not_where_the_name_means_something_else(light: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    (tmp_path / "bert-base-uncased").mkdir()
    assert known(light, tmp_path, variables, "bert-base-uncased", "bert") == ["bert-base-uncased"]
    revision = tmp_path / "huggingface/hub/models--google-bert--bert-base-uncased/refs/main"
    revision.parent.mkdir(parents=True)
    revision.write_text("abc")
    (tmp_path / "bert-base-uncased").rmdir()
    assert known(light, tmp_path, variables, "bert-base-uncased", "bert") == ["bert-base-uncased"]


def test_it_is_in_the_wheel(light: Path, tmp_path: Path) -> None:
    code = "from archtrace_reports.asking.store import shipped_answers as it; print(len([*it.entries()]), it.FOLDER)"
    count, folder = do(light / "python", "-c", code, cwd=tmp_path).split()
    assert int(count) > 300
    assert "site-packages" in folder
