"""The hooks, run by pre-commit itself on a project of their own: clean, failing, fixed."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from .conftest import RIGHT, ROOT, WRONG, Project, Repository, do


def test_clean_then_failing(project: Project) -> None:
    project.configure("archtrace")
    project.write("a.py", RIGHT)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"archtrace \(source rules\)\.+Passed", done.stdout)
    project.write("a.py", WRONG)
    done = project.run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\na.py:2:22: AT001 " in done.stdout


def test_fix_mends_the_file_and_the_next_run_passes(project: Project) -> None:
    project.configure("archtrace", "--fix")
    project.write("a.py", "import torch\n\n\n" + WRONG)
    done = project.run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "files were modified by this hook" in done.stdout
    text = (project.folder / "a.py").read_text()
    assert "sum(1)" not in text
    project.write("a.py", text)
    assert project.run().returncode == 0


def test_args_select(project: Project) -> None:
    project.configure("archtrace", "--select=AT002")
    project.write("a.py", WRONG)
    assert project.run().returncode == 0


def test_a_notebook_is_read_and_other_files_are_not(project: Project) -> None:
    project.configure("archtrace")
    project.write("notes.md", WRONG)
    assert "(no files to check)Skipped" in project.run().stdout
    project.write("n.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": WRONG}]}))
    done = project.run()
    assert done.returncode == 1
    assert "\nn.ipynb:cell 1:2:22: AT001 " in done.stdout


def test_the_page_s_configuration_works_as_it_is_pasted(project: Project, tree: Repository) -> None:
    """From the tag of the release that the page names."""
    text = (ROOT / "docs" / "pre-commit.md").read_text("utf-8")
    pasted = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    here = re.sub(r"repo: .*", f"repo: {tree.folder}", pasted)
    project.write(".pre-commit-config.yaml", here)
    project.write("a.py", RIGHT)
    done = project.run(SKIP="archtrace-contracts")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"archtrace \(contracts\)\.+Skipped", done.stdout)


def test_the_environment_of_the_source_rules_has_no_torch(project: Project, home: Path, heavy: set[str]) -> None:
    project.configure("archtrace")
    project.write("a.py", RIGHT)
    project.run()
    pythons = [*home.glob("repo*/py_env-*/bin/python")]  # one a revision that some test has asked for
    assert pythons
    code = "from importlib.metadata import distributions as all; print(*(d.metadata['Name'] for d in all()))"
    for python in pythons:
        installed = set(do(python, "-c", code, cwd=project.folder).lower().replace("-", "_").split())
        assert {"archtrace", "click"} <= installed
        assert not installed & heavy


@pytest.mark.parametrize("name", ["model.py", "pyproject.toml", "checkpoint.json"])
def test_contracts_run_in_the_project_s_own_environment(name: str, project: Project, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "archtrace").write_text('#!/bin/sh\necho "asked: $*."\n')
    (programs / "archtrace").chmod(0o755)
    project.configure("archtrace-contracts")
    project.write(name, "")
    done = project.run(PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "asked: check --only contracts." in done.stdout


MODEL = """\
import torch


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(64, 8)
        self.score = torch.nn.Linear(8, 2)

    def forward(self, input_ids):
        return self.score(self.embed(input_ids)[:, -1])
"""
CONTRACT = """\
[tool.archtrace.models.mine]
target = "model.py:Classifier"
reads = "last"
"""


def test_contracts_clean_failing_fixed(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The second hook for real: it holds, the model changes, the change is written down as meant."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": programs, "XDG_CACHE_HOME": tmp_path_factory.mktemp("cache")}
    project.configure("archtrace-contracts")
    project.write("model.py", MODEL)
    project.write("pyproject.toml", CONTRACT)
    done = project.run(**variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"archtrace \(contracts\)\.+Passed", done.stdout)
    project.write("model.py", MODEL.replace("[:, -1]", ".mean(1)"))
    done = project.run(**variables)
    assert done.returncode == 1
    assert (
        "\nmodel.py:11:27: AT100 mine: was the last index of the hidden states, is now the mean of embed" in done.stdout
    )
    project.write("pyproject.toml", CONTRACT.replace('"last"', '"mean"  # noqa: AT006'))
    project.write("model.py", MODEL.replace("[:, -1]", ".mean(1)").replace(".mean(1))", ".mean(1))  # noqa: AT006"))
    done = project.run(**variables)
    assert done.returncode == 0, done.stdout
