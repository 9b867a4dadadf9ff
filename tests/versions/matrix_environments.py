"""Environments of the matrix: one per release of torch, which all rows of that torch share, and one per row.

A row's environment sees torch's through a .pth file, so that a gigabyte is installed once.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from matrix_rows import Row

ROOT = Path(__file__).parents[2]
#: Packages whose release follows from that of torch or of transformers; all others are as constraints.txt has them.
FREE = {"torch", "transformers", "huggingface-hub", "tokenizers", "hf-xet", "setuptools", "typer"}
#: Variables that would show an environment other code than its own.
MISLEADING = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class MakingError(Exception):
    """An environment could not be made; the text is pip's last word."""


def variables(**own: str | Path) -> Mapping[str, str]:
    """The variables of a process in an environment."""
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    return kept | {name: str(value) for name, value in own.items()}


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def do(*command: str | Path) -> None:
    """Run what must succeed; its output is shown only where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables())
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line and "WARNING" not in line]
        errors = [line for line in said if line.startswith("ERROR")] or said[-1:] or ["no word"]
        raise MakingError(errors[0].removeprefix("ERROR: ").split(" (from versions", maxsplit=1)[0])


def pip(environment: Path, *arguments: str | Path) -> None:
    """Run pip in an environment."""
    do(python_of(environment), "-m", "pip", *arguments[:1], "-q", "--disable-pip-version-check", *arguments[1:])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(requirement: str) -> str:
    return _normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def _shared() -> list[str]:
    """The requirements of tracing that no row chooses, and the tests' own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["trace"], "pytest"]
    return [requirement for requirement in listed if _name(requirement) not in FREE]


def _constraints(cache: Path) -> Path:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    file = cache / "constraints.txt"
    file.write_text("".join(f"{line}\n" for line in lines if "==" in line and _name(line) not in FREE), "utf-8")
    return file


def _made(environment: Path, *requirements: str, sees: Path | None = None) -> Path:
    """Make an environment, unless it was made to its end before."""
    marker = environment / "made"
    if not marker.exists():
        do(sys.executable, "-m", "venv", "--clear", environment)
        if sees is not None:
            (_site(environment) / "shared.pth").write_text(f"{_site(sees)}\n", "utf-8")
        pip(environment, "install", "-c", _constraints(environment.parent), *requirements)
        marker.touch()
    return environment


def _site(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)}))


def environment_of(row: Row, cache: Path, wheel: Path) -> Path:
    """The row's environment with this tree's archtrace in it. Raises MakingError."""
    shared = _made(cache / f"torch-{row.torch}", f"torch=={row.torch}", *_shared())
    environment = _made(cache / row.name, f"transformers=={row.transformers}", sees=shared)
    pip(environment, "uninstall", "-y", "archtrace")
    if row.runs:  # pip itself holds the ranges of pyproject.toml against what is here
        pins = (f"torch=={row.torch}", f"transformers=={row.transformers}")
        pip(environment, "install", f"archtrace[trace] @ {wheel.as_uri()}", *pins)
    else:
        pip(environment, "install", "--no-deps", wheel)
    return environment


def files() -> Iterator[Path]:
    """What a result depends on, beside the releases: the package's files and the tests that a row runs."""
    here = Path(__file__).parent
    yield from (ROOT / "pyproject.toml", here / "refusal.py")
    for folder in (ROOT / "tracer", ROOT / "reports", here / "answers"):
        yield from sorted(f for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts)


def digest() -> str:
    """A name for the tree as it is."""
    found = hashlib.sha256()
    for file in files():
        found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def wheel_of(cache: Path, name: str) -> Path:
    """The wheel of this tree, built once. Raises MakingError."""
    folder = cache / "wheels" / name
    if not [*folder.glob("*.whl")]:
        do(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    return next(folder.glob("*.whl"))
