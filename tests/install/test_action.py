"""The GitHub Action: each of its shells runs in a real repository; what only GitHub can do is looked at as YAML."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Repository

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

MODEL = """
import torch


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(32, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.embed(input_ids)
        return self.score({pooled})
"""
WRONG = """
def pool(self, input_ids, logits):
    lengths = torch.ne(input_ids, self.config.pad_token_id).sum(-1) - 1
    return logits[torch.arange(len(logits)), lengths]
"""
#: What GitHub's command line is asked, and what it says of the comments that there are.
GH = """#!/bin/sh
printf '%s ' "$@" >> "$CALLS"; echo >> "$CALLS"
case "$*" in *--paginate*) echo "$KNOWN";; esac
"""


def test_it_is_an_action_that_runs_here_and_pins_others() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert all(step.get("shell") == "bash" for step in STEPS.values() if "run" in step)
    used = [step["uses"] for step in STEPS.values() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", name) for name in used)


def test_nothing_that_others_write_becomes_part_of_a_script() -> None:
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")


def test_every_name_that_an_expression_uses_is_there() -> None:
    known = {f"inputs.{name}" for name in ACTION["inputs"]}
    known |= {"github.action_path", "github.event_name", "github.repository", "github.token"}
    known |= {"github.event.pull_request.base.sha", "github.event.pull_request.number"}
    known |= {"steps.check.outputs.code", "steps.check.outputs.sarif", "steps.compare.outputs.changed"}
    text = (ROOT / "action.yml").read_text("utf-8")
    used = {*re.findall(r"\b(?:inputs|github|steps|runner)\.[\w.]+", text)}
    assert used <= known
    assert all(f"id: {name.split('.')[1]}\n" in text for name in used if name.startswith("steps."))


def test_the_page_names_every_input_and_output() -> None:
    page = (ROOT / "docs" / "github-action.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in (*ACTION["inputs"], *ACTION["outputs"]))
    workflow = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    given = workflow["jobs"]["archtrace"]["steps"][-1]["with"]
    assert set(given) <= set(ACTION["inputs"])


class Runner:
    """A machine of GitHub's, as far as the shells can tell."""

    def __init__(self, folder: Path) -> None:
        self.temp, self.outputs, self.calls = folder / "temp", folder / "outputs", folder / "calls"
        self.repository, origin, tools = folder / "repository", folder / "origin", folder / "tools"
        for place in (self.temp, tools):
            place.mkdir()
        self.calls.touch()
        _executable(tools / "archtrace", f'#!/bin/sh\nexec {sys.executable} -m archtrace_reports "$@"\n')
        _executable(tools / "gh", GH)
        (tools / "python").symlink_to(sys.executable)
        roots = os.pathsep.join([str(ROOT / "tracer"), str(ROOT / "reports")])
        self.environment = os.environ | {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": roots, "HF_HUB_OFFLINE": "1",
            "RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(self.outputs), "CALLS": str(self.calls), "KNOWN": "",
            "XDG_CACHE_HOME": str(folder / "cache"), "GIT_CONFIG_GLOBAL": os.devnull,
        }  # fmt: skip
        self.git(folder, "init", "-q", "--bare", "-b", "main", str(origin))
        self.git(folder, "clone", "-q", str(origin), str(self.repository))

    def git(self, folder: Path, *arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=folder, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, pooled: str) -> str:
        """Write the project with a model that pools so; the commit."""
        (self.repository / "tiny.py").write_text(MODEL.format(pooled=pooled), "utf-8")
        (self.repository / "wrong.py").write_text(WRONG, "utf-8")
        table = '[tool.archtrace.models.tiny]\ntarget = "tiny.py:Tiny"\n'
        (self.repository / "pyproject.toml").write_text(table, "utf-8")
        self.git(self.repository, "add", "-A")
        self.git(self.repository, "commit", "-q", "-m", "a")
        self.git(self.repository, "push", "-q", "origin", "HEAD:main")
        return self.git(self.repository, "rev-parse", "HEAD")

    def run(self, name: str, values: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
        """A step, as GitHub runs its shell, with the values of its expressions."""
        step = STEPS[name]
        env = {key: EXPRESSION.sub(lambda found: values[found[1]], text) for key, text in step["env"].items()}
        line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        environment = self.environment | env | more
        return subprocess.run(line, cwd=self.repository, env=environment, capture_output=True, text=True, check=False)


def _executable(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    file.chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_a_check_keeps_its_findings_and_its_code(runner: Runner) -> None:
    runner.commit("hidden[:, 0]")
    for paths, code, found in (("wrong.py", "1", True), ("tiny.py", "0", False), ("no such.py", "2", False)):
        runner.outputs.unlink(missing_ok=True)
        done = runner.run("Check", {"inputs.paths": f"{paths} --only source"})
        assert done.returncode == 0, done.stderr
        log = runner.temp / "archtrace.sarif"
        assert runner.outputs.read_text() == f"code={code}\nsarif={log}\n"
        assert ('"ruleId": "AT001"' in log.read_text()) is found
        assert runner.run("Fail", {"steps.check.outputs.code": code}).returncode == int(code)


def test_what_could_not_run_uploads_nothing(runner: Runner) -> None:
    runner.commit("hidden[:, 0]")
    done = runner.run("Check", {"inputs.paths": "--no-such-option"})
    assert done.returncode == 0
    assert runner.outputs.read_text() == "code=2\n"


def test_a_pull_request_is_told_what_its_models_read_now(runner: Runner) -> None:
    base = runner.commit("hidden[:, 0]")
    runner.commit("hidden.mean(1)")
    done = runner.run("Compare", {"github.event.pull_request.base.sha": base})
    assert done.returncode == 0, done.stderr
    assert runner.outputs.read_text() == "changed=true\n"
    comment = (runner.temp / "comment.md").read_text("utf-8")
    start = "<!-- archtrace -->\n`tiny.py:Tiny`: **Index 0 of embed became the mean of embed over all positions.**\n"
    assert comment.startswith(start)
    assert "| slice | embed\\[:, 0\\] | embed.mean(1) |\n" in comment
    assert "```diff\n- embed[:, 0]\n+ embed.mean(1)\n  score (linear)\n  logits\n```\n" in comment
    assert runner.git(runner.repository, "status", "--porcelain") == ""
    assert runner.git(runner.repository, "worktree", "list").count("\n") == 0

    asked = {"inputs.token": "t", "github.repository": "o/n", "github.event.pull_request.number": "7"}
    for changed, known, wanted in (("true", "", "POST repos/o/n/issues/7/comments"), ("false", "", ""),
                                   ("false", "42", "PATCH repos/o/n/issues/comments/42")):  # fmt: skip
        runner.calls.write_text("")
        done = runner.run("Comment", {**asked, "steps.compare.outputs.changed": changed}, KNOWN=known)
        assert done.returncode == 0, done.stderr
        written = [line for line in runner.calls.read_text().splitlines() if "--method" in line]
        assert len(written) == bool(wanted)
        assert all(wanted in line and line.rstrip().endswith(f"body=@{runner.temp}/comment.md") for line in written)


def test_without_declared_models_nothing_is_said(runner: Runner) -> None:
    runner.commit("hidden[:, 0]")
    (runner.repository / "pyproject.toml").write_text("", "utf-8")
    runner.git(runner.repository, "commit", "-qam", "a")
    base = runner.git(runner.repository, "rev-parse", "HEAD")
    runner.git(runner.repository, "push", "-q", "origin", "HEAD:main")
    done = runner.run("Compare", {"github.event.pull_request.base.sha": base})
    assert done.returncode == 0, done.stderr
    assert not runner.outputs.exists()


def test_it_installs_itself(runner: Runner, light: Path, tree: Repository) -> None:
    runner.environment |= {"PATH": f"{light}{os.pathsep}{os.environ['PATH']}", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    (light / "archtrace").unlink()
    done = runner.run("Install", {"github.action_path": str(tree.folder), "inputs.extra": ""})
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (light / "archtrace").is_file()
