"""What the tests of the installed package share: the tree as a repository, and an environment without extras."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What the package is built of.
PARTS = (
    "tracer", "reports", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", ".gitignore",
)  # fmt: skip
#: Variables that would show a child the sources instead of what is installed, or another repository than its own.
MISLEADING = ("PYTHONPATH", "VIRTUAL_ENV", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


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
    """The package's sources as they are now, changes not committed included, files that git ignores not."""
    folder = tmp_path_factory.mktemp("tree")
    listed = do("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS, cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return Repository(folder, commit(folder))


@pytest.fixture(scope="session")
def light(tree: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment in which the plain package is installed, without extras."""
    folder = tmp_path_factory.mktemp("light")
    do(sys.executable, "-m", "venv", folder, cwd=folder)
    do(folder / "bin" / "pip", "install", "-q", "-c", "constraints.txt", ".", cwd=tree.folder)
    return folder / "bin"


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
