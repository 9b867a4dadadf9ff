"""What the tests of the installed package share: the tree as a repository, an environment without extras, a project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from archtrace.answer.version import __version__

ROOT = Path(__file__).parents[2]
#: What the package is built of.
PARTS = (
    "tracer", "reports", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", ".gitignore",
    ".pre-commit-hooks.yaml",
)  # fmt: skip
#: Variables that would show a child the sources instead of what is installed, or another repository than its own.
MISLEADING = ("PYTHONPATH", "VIRTUAL_ENV", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"
RIGHT = "def first(hidden_states):\n    return hidden_states[:, 0]\n"


def run(*command: str | Path, cwd: Path, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, without what would mislead it."""
    env = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    env |= {name: str(value) for name, value in variables.items()}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)


def do(*command: str | Path, cwd: Path) -> str:
    """The same for what must succeed; what it printed."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path) -> str:
    """Make a folder a repository of one commit; its name."""
    do("git", "init", "-q", cwd=folder)
    do("git", "add", "--all", cwd=folder)
    do("git", *AUTHOR, "commit", "-q", "--no-verify", "-m", "as it stands", cwd=folder)
    return do("git", "rev-parse", "HEAD", cwd=folder).strip()


@dataclass(frozen=True)
class Repository:
    """A folder under git, and the commit that it stands at."""

    folder: Path
    rev: str


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The package's sources as they are now, changes not committed included, files that git ignores not, with the
    tag that their release would get."""
    folder = tmp_path_factory.mktemp("tree")
    listed = do("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS, cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    rev = commit(folder)
    do("git", "tag", f"v{__version__}", cwd=folder)
    return Repository(folder, rev)


@dataclass(frozen=True)
class Release:
    """Both archives in a folder, and the version in their names."""

    folder: Path
    source: Path
    wheel: Path

    @property
    def version(self) -> str:
        """That of the wheel: archtrace-VERSION-py3-none-any.whl."""
        return self.wheel.name.split("-")[1]


@pytest.fixture(scope="session")
def release(tree: Repository, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """What would be released of the tree: the sources, and the wheel that is built from these."""
    folder = tmp_path_factory.mktemp("release")
    do(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=tree.folder)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Release(folder, source, wheel)


@pytest.fixture(scope="session")
def light(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment in which the wheel is installed, without extras and without the tree."""
    folder = tmp_path_factory.mktemp("light")
    do(sys.executable, "-m", "venv", folder, cwd=folder)
    do(folder / "bin" / "pip", "install", "-q", "-c", ROOT / "constraints.txt", release.wheel, cwd=folder)
    return folder / "bin"


@dataclass(frozen=True)
class Project:
    """A user's project, with pre-commit set up: `configure` it, `write` files, `run` the hooks over all of them."""

    folder: Path
    tree: Repository
    home: Path

    def configure(self, hook: str, *args: str) -> None:
        """Use one hook of the tree under test."""
        given = f", args: [{', '.join(args)}]" if args else ""
        self.write(
            ".pre-commit-config.yaml",
            f"repos:\n- repo: {self.tree.folder}\n  rev: {self.tree.rev}\n  hooks:\n  - {{id: {hook}{given}}}\n",
        )

    def write(self, name: str, text: str) -> None:
        """Write a file, and stage all."""
        (self.folder / name).write_text(text, "utf-8")
        do("git", "add", "--all", cwd=self.folder)

    def run(self, **variables: str | Path) -> subprocess.CompletedProcess[str]:
        """pre-commit run --all-files. A hook of the project's own environment finds its program by PATH."""
        here = {"PRE_COMMIT_HOME": self.home, "VIRTUALENV_OVERRIDE_APP_DATA": self.home / "virtualenv"}
        command = (sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose", "--color", "never")
        return run(*command, cwd=self.folder, **here | variables)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environments of hooks, made once for all tests."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def project(tmp_path: Path, tree: Repository, home: Path) -> Project:
    """An empty project under git."""
    do("git", "init", "-q", cwd=tmp_path)
    return Project(tmp_path, tree, home)


def requirements(*extras: str) -> set[str]:
    """The names of what the package requires, or what these extras require, as modules are spelt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [project["optional-dependencies"][extra] for extra in extras] or [project["dependencies"]]
    return {module(requirement) for group in listed for requirement in group}


def module(requirement: str) -> str:
    """ "graphviz-pure>=0.2" is graphviz_pure."""
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0].lower().replace("-", "_")


@pytest.fixture(scope="session")
def heavy() -> set[str]:
    """What an environment for the source rules must not hold."""
    return requirements("trace")
