"""What is known: asked once on the real command line, then told without torch until something behind it changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
import torch
import transformers

from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.answer_store import new_entry
from archtrace_reports.asking.store.environment import packages
from archtrace_reports.asking.store.known_answers import _deciding_places, _key, known_answer, user_store
from archtrace_reports.asking.store.portable_paths import HUB, hub_cache, located, portable

ROOT = Path(__file__).parents[2]
SMALL = ["hidden_size=16", "num_hidden_layers=1", "num_attention_heads=2", "intermediate_size=24"]
MODEL = """
import json
from pathlib import Path

import torch

from parts import WIDTH

LABELS = json.loads(Path(__file__).with_name("labels.json").read_text())
try:
    import local_settings
except ImportError:
    pass


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(64, WIDTH)
        self.score = torch.nn.Linear(WIDTH, LABELS)

    def forward(self, input_ids):
        return self.score(self.embed(input_ids)[:, 0])
"""
KNOWN = """
import json, sys
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import known_answer
found = known_answer(Question(**json.loads(sys.argv[1])))
print(json.dumps([found is not None and found.kept, sorted({"torch", "transformers", "rich"} & {*sys.modules})]))
"""


@dataclass
class Place:
    """A folder to ask from, with a cache of its own, and what is on Python's path before all else."""

    folder: Path
    path: list[Path] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Any program there."""
        roots = os.pathsep.join(map(str, [*self.path, ROOT / "tracer", ROOT / "reports"]))
        caches = {"XDG_CACHE_HOME": str(self.folder / ".cache"), "HF_HOME": str(self.folder / ".cache/huggingface")}
        here = {"PYTHONPATH": roots, "HF_HUB_OFFLINE": "1", **caches}
        environment = os.environ | here | self.variables | variables
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """archtrace ..., which must answer."""
        done = self.run(sys.executable, "-m", "archtrace_reports.commands.cli", *arguments)
        assert done.returncode == 0, done.stderr
        return done

    def knows(self, question: Question, **variables: str) -> bool:
        """Whether the answer is known; nothing heavy is imported to tell."""
        done = self.run(sys.executable, "-c", KNOWN, json.dumps(asdict(question)), **variables)
        assert done.returncode == 0, done.stderr
        known, heavy = json.loads(done.stdout)
        assert heavy == []
        return bool(known)


@contextmanager
def changed(file: Path, content: str) -> Iterator[None]:
    """For a while the file holds something else, or is there at all."""
    before = file.read_bytes() if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    try:
        yield
    finally:
        file.unlink() if before is None else file.write_bytes(before)


OWN = Question("models.py:Classifier")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A class of one's own that imports a module and reads a file, traced once."""
    place = Place(tmp_path_factory.mktemp("own"))
    for name, text in {"models.py": MODEL, "parts.py": "WIDTH = 8\n", "labels.json": "2"}.items():
        (place.folder / name).write_text(text)
    assert not place.knows(OWN)
    assert "cached" not in place.ask(OWN.target).stderr
    return place


def test_it_is_told_once_it_is_known(own: Place) -> None:
    """The same answer, which says that it was kept and from when."""
    again = own.ask(OWN.target)
    assert again.stderr.startswith("archtrace: models.py:Classifier: exact, cached on 20")
    assert "\n  cached      on 20" in again.stdout


@pytest.mark.parametrize("variables", [{}, {"COLUMNS": "120", "FORCE_COLOR": "1"}, {"NO_COLOR": "1", "COLUMNS": "44"}])
@pytest.mark.parametrize("flags", [[], ["-q"]])
def test_the_short_way_tells_what_the_long_one_tells(own: Place, variables: dict[str, str], flags: list[str]) -> None:
    """`archtrace NAME` does without the commands where the answer is known."""
    command = [sys.executable, "-m", "archtrace_reports.commands.cli"]
    short, long = (own.run(*command, *named, OWN.target, *flags, **variables) for named in ([], ["trace"]))
    assert (short.returncode, short.stdout, short.stderr) == (long.returncode, long.stdout, long.stderr)
    assert ("cached" in short.stderr) == (not flags)


def test_json_is_the_same_but_for_the_run(own: Place) -> None:
    """With --fresh it is traced; what differs then can be left out."""
    first, again = (json.loads(own.ask(OWN.target, *more, "--format", "json").stdout) for more in (["--fresh"], []))
    assert [made["results"][0].pop("run")["kept"] for made in (first, again)] == [False, True]
    assert first == again
    assert json.loads(own.ask(OWN.target, "--reproducible", "--format", "json").stdout) == first


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("models.py", MODEL + "\n"),
        ("parts.py", "WIDTH = 4 + 4\n"),
        ("labels.json", "3"),
        ("local_settings.py", ""),
    ],
)
def test_a_change_of_what_it_came_from(own: Place, name: str, content: str) -> None:
    with changed(own.folder / name, content):
        assert not own.knows(OWN)
    assert own.knows(OWN)


def test_another_question_place_or_environment(own: Place, tmp_path: Path) -> None:
    assert not own.knows(Question(OWN.target, num_labels=3))
    assert not own.knows(Question(OWN.target, trust_remote_code=True))
    assert not own.knows(OWN, HF_HOME=str(tmp_path))
    assert not own.knows(OWN, PYTHONPATH=os.pathsep.join(map(str, [tmp_path, ROOT / "tracer", ROOT / "reports"])))
    elsewhere = shutil.copytree(own.folder, tmp_path / "elsewhere", ignore=shutil.ignore_patterns(".cache"))
    same = {"XDG_CACHE_HOME": str(own.folder / ".cache"), "HF_HOME": str(own.folder / ".cache/huggingface")}
    assert not Place(elsewhere, variables=same).knows(OWN)


def test_an_installed_package_of_another_version(own: Place, tmp_path: Path) -> None:
    (tmp_path / "some_package-1.0.dist-info").mkdir()
    place = Place(own.folder, [tmp_path])
    place.ask(OWN.target)
    assert place.knows(OWN)
    (tmp_path / "some_package-1.0.dist-info").rename(tmp_path / "some_package-1.1.dist-info")
    assert not place.knows(OWN)


def test_a_model_that_cannot_be_answered_is_asked_again(own: Place) -> None:
    with changed(own.folder / "models.py", MODEL.replace("[:, 0]", "[:, 0].missing")):
        done = own.run(sys.executable, "-m", "archtrace_reports.commands.cli", OWN.target)
        assert done.returncode == 2
        assert not own.knows(OWN)


CHECKPOINT = Question("./checkpoint")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder with a config, traced once."""
    place = Place(tmp_path_factory.mktemp("saved"))
    sizes = {key: int(value) for key, value in (each.split("=") for each in SMALL)}
    config = transformers.BertConfig(architectures=["BertForSequenceClassification"], vocab_size=90, **sizes)
    config.save_pretrained(place.folder / "checkpoint")
    place.ask(CHECKPOINT.target)
    return place


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "adapter_config.json", "modules.json"])
def test_a_folder_whose_files_change_or_come(checkpoint: Place, name: str) -> None:
    assert checkpoint.knows(CHECKPOINT)
    file = checkpoint.folder / "checkpoint" / name
    content = file.read_text() + "\n" if file.exists() else "{}"
    with changed(file, content):
        assert not checkpoint.knows(CHECKPOINT)
    assert checkpoint.knows(CHECKPOINT)


def test_a_given_config(checkpoint: Place) -> None:
    given = checkpoint.folder / "given.json"
    shutil.copy(checkpoint.folder / "checkpoint" / "config.json", given)
    checkpoint.ask("bert", "--config", "given.json")
    question = Question("bert", config="given.json")
    assert checkpoint.knows(question)
    with changed(given, given.read_text().replace('"num_hidden_layers": 1', '"num_hidden_layers": 2')):
        assert not checkpoint.knows(question)
    assert not checkpoint.knows(Question("bert"))


LIBRARY = Question("bert", overrides={key: int(value) for key, value in (each.split("=") for each in SMALL)})


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A type of a transformers of its own, whose files may be mended, traced once."""
    folder = tmp_path_factory.mktemp("library")
    installed = folder / "site-packages"
    source = Path(transformers.__file__).parent
    shutil.copytree(source, installed / "transformers", ignore=shutil.ignore_patterns("__pycache__"))
    (installed / f"transformers-{transformers.__version__}.dist-info").mkdir()
    for each in source.parent.glob(f"transformers-{transformers.__version__}.dist-info/*"):
        if each.is_file():
            shutil.copy(each, installed / each.parent.name)
    place = Place(folder, [installed])
    place.ask("bert", *(part for each in SMALL for part in ("--config-set", each)))
    return place


@pytest.mark.parametrize("name", ["models/bert/modeling_bert.py", "modeling_layers.py", "masking_utils.py"])
def test_a_modeling_file_and_what_it_imports(library: Place, name: str) -> None:
    assert library.knows(LIBRARY)
    file = library.folder / "site-packages" / "transformers" / name
    with changed(file, file.read_text() + "# mended\n"):
        assert not library.knows(LIBRARY)
    assert library.knows(LIBRARY)


def test_a_modeling_file_of_another_model_is_none_of_it(library: Place) -> None:
    file = library.folder / "site-packages/transformers/models/xlnet/modeling_xlnet.py"
    with changed(file, file.read_text() + "# mended\n"):
        assert library.knows(LIBRARY)


def test_a_name_that_comes_to_mean_something_else(library: Place) -> None:
    """A folder of that name, and a revision of it in the Hub's cache."""
    with changed(library.folder / "bert" / "config.json", "{}"):
        assert not library.knows(LIBRARY)
    shutil.rmtree(library.folder / "bert")
    with changed(library.folder / ".cache/huggingface/hub/models--bert/refs/main", "abc"):
        assert not library.knows(LIBRARY)
    assert library.knows(LIBRARY)


@pytest.mark.parametrize("name", ["transformers", "torch"])
def test_another_version(library: Place, name: str) -> None:
    module = {"transformers": transformers, "torch": torch}[name]
    info = library.folder / "site-packages" / f"{name}-{module.__version__}.dist-info"
    other = info.with_name(f"{name}-99.0.dist-info")
    info.rename(other) if info.exists() else other.mkdir()
    try:
        assert not library.knows(LIBRARY)
    finally:
        other.rename(info) if name == "transformers" else other.rmdir()
    assert library.knows(LIBRARY)


@pytest.mark.parametrize(
    ("target", "revision"),
    {
        "https://huggingface.co/org/name": "models--org--name/refs/main",
        "hf://org/name": "models--org--name/refs/main",
        "org/name@v2": "models--org--name/refs/v2",
        "bert-base-uncased": "models--google-bert--bert-base-uncased/refs/main",
    }.items(),
)
def test_whatever_form_an_id_has_its_revision_counts(target: str, revision: str) -> None:
    assert f"{HUB}{revision}" in set(map(portable, _deciding_places(target)))


def test_an_answer_in_a_form_that_is_not_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    question = Question("no/such-model")
    assert user_store().put(
        new_entry(question.target, [], {"target": "no/such-model"}), time.time_ns(), *_key(question)
    )
    assert user_store().get(*_key(question)) is not None
    assert known_answer(question) is None


def test_of_two_on_the_path_the_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        (tmp_path / name / f"torch-{name}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert packages(["torch"]) == {"torch": "first"}
    (tmp_path / "first" / "torch").touch()  # a program, which nobody imports
    (tmp_path / "second" / "torch").mkdir()
    assert [*located(("{installed}/torch/nn.py",))] == [str(tmp_path / "second" / "torch" / "nn.py")]


def test_a_place_leads_back_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a package that another folder of the path hides keeps its whole path."""
    for folder in ("a/site-packages", "b/site-packages"):
        (tmp_path / folder / "mine").mkdir(parents=True)
        (tmp_path / folder / "mine" / "x.py").touch()
    files = [str(tmp_path / folder / "site-packages/mine/x.py") for folder in ("a", "b")]
    monkeypatch.setattr(sys, "path", [str(Path(file).parents[1]) for file in files])
    places = tuple(map(portable, files))
    assert places == ("{installed}/mine/x.py", files[1])
    assert [*located(places)] == files


HOMES: list[dict[str, str]] = [
    {},
    {"HF_HOME": "/a/b"},
    {"HF_HUB_CACHE": "/c"},
    {"HUGGINGFACE_HUB_CACHE": "~/d"},
    {"HF_HUB_CACHE": "/c", "HUGGINGFACE_HUB_CACHE": "/d", "HF_HOME": "/e"},
    {"XDG_CACHE_HOME": "/f"},
    {"HF_HOME": "$HOME/g"},
]


@pytest.mark.parametrize("given", HOMES, ids=" ".join)
def test_the_cache_is_where_the_hub_says(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert hub_cache() == told


def test_what_is_known_is_listed_and_forgotten(own: Place) -> None:
    rows = json.loads(own.ask("ls", "models*", "--here", "--format", "json").stdout)
    assert [(row["target"], row["reads"], row["status"], row["origin"]) for row in rows if row["holds"]] == [
        ("models.py:Classifier", "embed[:, 0]", "exact", "here")
    ]
    told = own.ask("ls", "--here").stdout
    assert "models.py:Classifier  embed[:, 0]" in told
    own.ask("ls", "--forget")
    assert not own.knows(OWN)
    assert own.run(sys.executable, "-m", "archtrace_reports.commands.cli", "ls", "--here").returncode == 1
