"""Contracts as their users hold them: through the real command line, on models of their own, each in its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from archtrace.contract.traced_model import ContractViolation, SourceRange
from archtrace.contract.verdict import Verdict
from archtrace_reports.asking.store.answer_store import AnswerStore
from archtrace_reports.check.contracts.declared_contracts import contracts
from archtrace_reports.check.contracts.verdict_cache import VerdictCache
from archtrace_reports.check.settings import settings

MODEL = """
import torch


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(64, 8)
        self.mix = torch.nn.Linear(8, 8)
        self.score = torch.nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.embed(input_ids)
        mask = attention_mask[:, None, :].bool()
        hidden = torch.nn.functional.scaled_dot_product_attention(hidden, hidden, hidden, attn_mask=mask)
        hidden = self.mix(hidden)
        return self.score(hidden[:, 0])
"""
FIRST = "return self.score(hidden[:, 0])"
CONTRACT = """\
[tool.archtrace.models.sentiment]
target = "models.py:Classifier"
reads = "mix[:, 0]"  # the first token
padding = "right"
"""
HERE = Path(__file__).parents[2]


class Project:
    """A scratch project with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.variables = {"XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}

    def write(self, name: str, text: str) -> Path:
        """A file of the project."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run(self, *command: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
        """Any program in it."""
        roots = os.pathsep.join([str(HERE / "tracer"), str(HERE / "reports")])
        variables = os.environ | self.variables | {"PYTHONPATH": roots}
        where = self.folder / cwd
        return subprocess.run(command, cwd=where, env=variables, capture_output=True, text=True, check=False)

    def check(self, *arguments: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
        """archtrace check."""
        return self.run(sys.executable, "-m", "archtrace_reports.commands.cli", "check", *arguments, cwd=cwd)

    def imports_torch(self) -> bool:
        """Whether holding the contracts does."""
        code = (
            "import sys; from archtrace_reports.commands.cli import run\n"
            "code = run(['check', '--only', 'contracts', '-q'])\n"
            "print({'torch', 'transformers', 'numpy', 'networkx'} & {*sys.modules}); sys.exit(code)"
        )
        done = self.run(sys.executable, "-c", code)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout != "set()\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One with a model and a contract that holds."""
    made = Project(tmp_path)
    made.write("models.py", MODEL)
    made.write("pyproject.toml", CONTRACT)
    return made


def test_held_kept_and_broken(project: Project) -> None:
    """What holds is silent, is answered without torch from then on, and told at its line when it breaks."""
    project.write("other.py", "x = 1\n")
    done = project.check()
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "archtrace: clean (2 files and 1 contract checked)\n"
    project.write("other.py", "x = 2\n")
    assert not project.imports_torch()
    project.write("models.py", MODEL.replace(FIRST, "return self.score(hidden.mean(1))"))
    done = project.check("--only", "contracts")
    line = MODEL[: MODEL.index(FIRST)].count("\n") + 1
    assert done.returncode == 1
    broken, unmasked = done.stdout.splitlines()
    assert broken == (
        f"models.py:{line}:27: AT100 sentiment: was `mix[:, 0]`, is now the mean of mix over all positions "
        "(`mix.mean(1)`)"
    )
    assert unmasked.startswith(f"models.py:{line}:27: AT006 sentiment reads mix.mean(1): pads are in the mean")
    assert done.stderr == "archtrace: 2 findings in 1 file (1 contract checked)\n"


def test_what_a_model_is_made_of_is_watched(project: Project) -> None:
    """A module that it imports, a file that it reads, the contract itself: a change of each is traced anew."""
    project.write("parts.py", "SIZE = 8\n")
    project.write("sizes.json", '{"labels": 2}')
    text = MODEL.replace("import torch\n", "import json\n\nimport torch\nfrom parts import SIZE\n")
    project.write("models.py", text.replace("Linear(8, 2)", 'Linear(SIZE, json.load(open("sizes.json"))["labels"])'))
    assert project.imports_torch()
    assert not project.imports_torch()
    for name, new in (("parts.py", "SIZE = 4 + 4\n"), ("sizes.json", '{"labels": 3}'), ("pyproject.toml", "")):
        project.write(name, new or CONTRACT.replace('"mix[:, 0]"', '"first"'))
        assert project.imports_torch(), name
    assert not project.imports_torch()


def test_what_is_read_once_is_watched_for_all(project: Project) -> None:
    """A module is loaded for the first contract that needs it; what it reads then counts for the second as well."""
    project.write("labels.json", "2")
    text = MODEL.replace("import torch\n", 'import json\n\nimport torch\nLABELS = json.load(open("labels.json"))\n')
    project.write("models.py", text.replace("Linear(8, 2)", "Linear(8, LABELS)"))
    project.write("more.py", "from models import Classifier as Other\n")
    second = CONTRACT.replace("sentiment", "second").replace("models.py:Classifier", "more:Other")
    project.write("pyproject.toml", CONTRACT.replace("models.py:", "models:") + second)
    assert project.imports_torch()
    kept = list(AnswerStore(Path(project.variables["XDG_CACHE_HOME"], "archtrace", "answers")).entries())
    assert len(kept) == 2
    for entry in kept:
        assert str(project.folder / "labels.json") in entry.files


def test_what_was_not_there_is_watched(project: Project) -> None:
    """A file that was asked for and a module that was tried: once they are there, another model may come of it."""
    tried = "try:\n    import local_settings\nexcept ImportError:\n    pass\n"
    asked = 'try:\n    open("over.json")\nexcept OSError:\n    pass\n'
    project.write("models.py", tried + asked + MODEL)
    assert project.imports_torch()
    assert not project.imports_torch()
    for name in ("local_settings.py", "over.json"):
        project.write(name, "")
        assert project.imports_torch(), name
    assert not project.imports_torch()


def test_what_is_written_meanwhile_is_no_source(project: Project) -> None:
    """A log, and the bytecode that Python keeps of a module: the answer is kept after one run."""
    project.variables["PYTHONDONTWRITEBYTECODE"] = ""
    project.write("parts.py", "SIZE = 8\n")
    log = 'import time\n\nfrom parts import SIZE\nopen("train.log", "a").write(str(time.time()))\n'
    project.write("models.py", log + MODEL)
    assert project.imports_torch()
    assert not project.imports_torch()
    (project.folder / "parts.py").touch()
    assert not project.imports_torch()


def test_what_changes_under_one_version_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that was installed from a folder, and a .pth: their names stay when they are installed anew."""
    (tmp_path / "pyproject.toml").write_text(CONTRACT)
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (declared,) = contracts(settings(str(tmp_path)))
    store, verdict = VerdictCache(str(tmp_path)), Verdict((), (), {})
    for name in ("direct_url.json", "RECORD", "../mine.pth"):
        store.put(declared, verdict, [], since=0)
        assert store.get(declared) == verdict
        (info / name).write_text(name)
        kept = store.get(declared)
        assert (kept is None) == (name != "direct_url.json")


def test_a_kept_verdict_that_is_broken_is_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off anywhere, or of another shape: not known; and one whose file has changed meanwhile is not kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", project.variables["XDG_CACHE_HOME"])
    model = project.folder / "models.py"
    (declared,) = contracts(settings(str(project.folder)))
    store = VerdictCache(str(project.folder))
    verdict = Verdict(
        (ContractViolation("AT100", "told", "reads", 0),), (SourceRange(str(model), 1, 2, 3, "f"),), {"reads": "first"}
    )
    store.put(declared, verdict, [str(model)], since=model.stat().st_mtime_ns - 1)
    assert store.get(declared) is None
    store.put(declared, verdict, [str(model)], since=time.time_ns())
    assert store.get(declared) == verdict
    os.utime(model, ns=(1, 1))
    store.put(declared, verdict._replace(terms={}), [str(model)], since=model.stat().st_ctime_ns - 1)
    assert store.get(declared) == verdict, "an older file that was put in its place"
    (kept,) = Path(project.variables["XDG_CACHE_HOME"]).rglob("answers/*")
    whole = kept.read_bytes()
    others = (zlib.compress(text) for text in (b"[]", b"null", b'{"format": 1}\n1\n1', b"\0"))
    for content in (*(whole[:end] for end in range(0, len(whole), 7)), *others):
        kept.write_bytes(content)
        assert store.get(declared) is None


TABLES = {
    '[tool.archtrace.models.mine]\n\ntarget = "x"\n# reads\nreads = "first"\n': {"target": 3, "reads": 5, "padding": 1},
    '[tool.archtrace]\nmodels = { mine = { target = "x" } }\n': {"target": 2, "reads": 2},
    '[tool.archtrace.models]\nmine.target = "x"\nmine.reads = [\n"first",\n]\n': {"target": 2, "reads": 3},
    'a = """\n[tool.archtrace.models.mine]\n"""\n[tool.archtrace.models."mine"]\ntarget = "x"': {
        "target": 5,
        "pad_leak": 4,
    },
    '[tool.archtrace.models.other]\ntarget = "x"\n[tool.archtrace.models.mine]\ntarget = "x"\n': {
        "target": 4,
        "reads": 3,
    },
}


@pytest.mark.parametrize("text", TABLES, ids=range(len(TABLES)))
def test_terms_have_lines(text: str, tmp_path: Path) -> None:
    """However the table is written: the line with which the file says a term, else the table's."""
    (tmp_path / "pyproject.toml").write_text(text)
    declared = next(each for each in contracts(settings(str(tmp_path))) if each.name == "mine")
    assert {term: declared.line(term) for term in TABLES[text]} == TABLES[text]


def test_update_writes_what_holds_and_leaves_the_rest(project: Project) -> None:
    """Comments and other tables stay; a second update has nothing to write; then torch is not needed."""
    other = "\n[tool.other]\nkey = [1,  2]  # as it was\n"
    project.write("pyproject.toml", CONTRACT.replace("mix[:, 0]", "masked_mean").replace("right", "either") + other)
    done = project.check("--update", "--only", "contracts")
    assert done.returncode == 0, done.stdout
    assert 'archtrace: wrote sentiment: reads = "mix[:, 0]", was "masked_mean"\n' in done.stderr
    text = (project.folder / "pyproject.toml").read_text()
    assert text == CONTRACT + "pad_leak = false\ndead_parameters = []\n" + other
    assert not project.imports_torch()
    assert "wrote" not in project.check("--update", "--only", "contracts").stderr


def test_noqa_in_code_and_in_toml(project: Project) -> None:
    """On the line of the finding; an unused one is told where both parts have spoken, and not before."""
    project.write("models.py", MODEL.replace(FIRST, f"{FIRST}  # noqa: AT004"))
    project.write("pyproject.toml", CONTRACT.replace("right", "left") + "pad_leak = true  # noqa: AT100\n")
    assert project.check().stdout == ""
    project.write("pyproject.toml", CONTRACT)
    assert project.check("--only", "source").stdout == ""
    line = MODEL[: MODEL.index(FIRST)].count("\n") + 1
    assert project.check().stdout == f"models.py:{line}:42: AT099 noqa: nothing here is AT004\n"


def test_code_of_a_package_is_told_at_the_contract(project: Project) -> None:
    """The line of the term, and in brackets the line that does it; a model of transformers, offline."""
    config = "config = { num_hidden_layers = 1 }\n"
    project.write("pyproject.toml", f'[tool.archtrace.models.base]\ntarget = "bert"\n{config}reads = "mean"\n')
    done = project.check("--only", "contracts")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "pyproject.toml:4:1: AT100 base: was the mean of the hidden states over all positions"
    )
    assert "[modeling_bert.py:" in done.stdout
    assert done.stdout.endswith("BertPooler.forward]\n")


@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_what_cannot_be_held_is_exit_2_and_the_others_go_on(project: Project, style: str) -> None:
    """A target that is not there, and a term that cannot be; the third contract is still held."""
    broken = '[tool.archtrace.models.gone]\ntarget = "nowhere.py:Classifier"\n[tool.archtrace.models.odd]\nread = 1\n'
    project.write("pyproject.toml", broken + CONTRACT.replace("right", "left"))
    done = project.check("--only", "contracts", "--output-format", style)
    assert done.returncode == 2
    assert "archtrace: pyproject.toml:2: gone: no file nowhere.py" in done.stderr
    assert "odd: the contract odd has no term 'read'" in done.stderr
    assert "did you mean reads?" in done.stderr
    assert "AT004" in done.stdout
    if style == "json":
        assert len(json.loads(done.stdout)["failures"]) == 2


def test_a_package_in_src_held_from_a_folder_inside(project: Project) -> None:
    """The project's package is found from its root; paths are told from where one stands; prints are no findings."""
    project.write("src/pkg/__init__.py", "")
    project.write("src/pkg/models.py", 'print("loud")\n' + MODEL)
    project.write("pyproject.toml", CONTRACT.replace("models.py:", "pkg.models:").replace("right", "left"))
    done = project.check("--only", "contracts", cwd="src/pkg")
    assert done.stdout.startswith("models.py:18:27: AT004 ")
    assert "loud" in done.stderr


def test_what_cannot_be_said_or_run_is_no_defect(project: Project) -> None:
    """Each with its reason; a model that ends the program ends no check; nothing found is not called clean."""
    project.write("ends.py", MODEL + "\n    def __new__(cls):\n        raise SystemExit(5)\n")
    tables = {"ends": 'target = "ends.py:Classifier"'}
    tables["rows"] = 'target = "models.py:Classifier"\ninputs = { input_ids = [[1, 2], [1]] }'
    tables["side"] = 'target = "models.py:Classifier"\npadding = ["left"]'
    project.write("pyproject.toml", "\n".join(f"[tool.archtrace.models.{n}]\n{t}" for n, t in tables.items()))
    done = project.check("--only", "contracts")
    assert (done.returncode, done.stdout) == (2, "")
    assert "pyproject.toml:2: ends: its code ends the program (SystemExit: 5)\n" in done.stderr
    assert "side: padding is no side: ['left']\n" in done.stderr
    assert "rows: the input input_ids is no tensor\n" in done.stderr
    assert "defect" not in done.stderr
    assert done.stderr.endswith("archtrace: no findings (0 files checked)\n")


def test_contracts_that_are_no_tables(project: Project) -> None:
    """An array of tables, which looks much the same."""
    project.write("pyproject.toml", "[[tool.archtrace.models]]\n" + CONTRACT.split("\n", 1)[1])
    done = project.check()
    assert done.returncode == 2
    assert done.stderr.endswith("models is no table; write [tool.archtrace.models.NAME] above each contract\n")


def test_update_keeps_the_ends_of_lines(project: Project) -> None:
    """Those of the file, for the new lines too; and it says at once what it cannot do."""
    file = project.write("pyproject.toml", "")
    text = 'other = """\none\ntwo"""\n' + CONTRACT
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert project.check("--update", "--only", "contracts").returncode == 0
    made = file.read_bytes()
    assert b"pad_leak = false\r\n" in made
    assert made.count(b"\n") == made.count(b"\r\n")
    refused = project.check("--update", "--only", "source")
    assert refused.returncode == 2
    assert "--update writes contracts, which --only source leaves out" in refused.stderr


def test_codes_can_be_chosen(project: Project) -> None:
    """--select, --ignore and per-file ignores hold for contracts too."""
    project.write("pyproject.toml", CONTRACT.replace("right", "left"))
    assert project.check("--select", "AT004").returncode == 1
    assert project.check("--ignore", "AT004").returncode == 0
    assert project.check("--select", "AT100").returncode == 0
    ignored = '[tool.archtrace.per-file-ignores]\n"models.py" = ["AT004"]\n'
    project.write("pyproject.toml", CONTRACT.replace("right", "left") + ignored)
    assert project.check().returncode == 0


def test_contracts_are_tests(project: Project) -> None:
    """pytest --archtrace: an item a contract, its findings as they are; without the flag, nothing."""
    project.write("sub/nothing.txt", "")
    project.write("test_mine.py", "def test_mine():\n    pass\n")
    assert "1 passed" in project.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider").stdout
    held = project.run(sys.executable, "-m", "pytest", "-q", "--archtrace", "-W", "error", "test_mine.py")
    assert "2 passed" in held.stdout, held.stdout
    project.write("pyproject.toml", CONTRACT.replace("right", "left") + "[tool.pytest.ini_options]\narchtrace = true\n")
    broken = project.run(sys.executable, "-m", "pytest", "-q")
    assert "FAILED pyproject.toml::sentiment - models.py:17:27: AT004" in broken.stdout
    assert "1 failed, 1 passed" in broken.stdout
    assert "Captured log" not in broken.stdout
    named = project.run(sys.executable, "-m", "pytest", "-q", "test_mine.py::test_mine")
    assert "1 passed" in named.stdout, named.stdout
    assert "1 failed" in project.run(sys.executable, "-m", "pytest", "-q", "pyproject.toml::sentiment").stdout
    elsewhere = project.run(sys.executable, "-m", "pytest", "--archtrace", "--rootdir=sub", "test_mine.py")
    assert "archtrace: no contracts, no pyproject.toml in " in elsewhere.stdout
