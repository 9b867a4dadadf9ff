"""No page of figures is older than what it measures: it names a commit and a command, and neither has changed much.

The rule, for whoever makes a page: CONTRIBUTING.md. A page is made anew by its command, which writes its last line.
"""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
from functools import cache
from pathlib import Path

import pytest

from .pages import PAGES, ROOT

MADE_AT = runpy.run_path(str(ROOT / "docs" / "made_at.py"))
LINE, SOURCES, git = MADE_AT["LINE"], MADE_AT["SOURCES"], MADE_AT["git"]
STAMPED = [page for page in PAGES if LINE.search(page.read_text("utf-8"))]
#: Every program that writes into a page of the docs, by itself or by what it imports.
COMMANDS = {
    path.relative_to(ROOT).as_posix()
    for path in [*(ROOT / "docs").rglob("make*.py"), ROOT / "tests" / "versions" / "matrix.py"]
}
#: Commits to the sources after which figures are made anew, whatever the commits did.
MOST = 400

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="there is no repository: commits cannot be asked for"
)


def measuring() -> set[str]:
    """The commands whose figures are of the sources at a commit; what all others make is held up to date by tests."""
    return {command for command in COMMANDS if re.search(r"^\s*import made_at\b", (ROOT / command).read_text(), re.M)}


@cache
def made(page: Path) -> tuple[str, str]:
    """At which commit, and by which command."""
    found = LINE.search(page.read_text("utf-8"))
    assert found
    return found["commit"], found["command"]


def substance(code: str) -> str:
    """What a program does: its tree without imports, and without text that is no program itself."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        for body in (value for _, value in ast.iter_fields(node) if isinstance(value, list)):
            body[:] = [part for part in body if not isinstance(part, ast.Import | ast.ImportFrom) and not stamps(part)]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = substance(node.value) if is_program(node.value) else ""
    return ast.dump(tree)


def stamps(part: object) -> bool:
    """Whether this is the call that writes the last line of a page, or the path to it."""
    return isinstance(part, ast.Expr) and bool(re.search(r"made_at\.(line|stamp)|sys\.path\.insert", ast.unparse(part)))


def is_program(text: str) -> bool:
    """Whether a text is code that the program hands to an interpreter."""
    if "\nimport " not in text:
        return False
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def test_every_command_that_measures_has_one_page() -> None:
    assert sorted(made(page)[1] for page in STAMPED) == sorted(measuring())


@pytest.mark.parametrize("page", STAMPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_not_older_than_what_it_measures(page: Path) -> None:
    commit, command = made(page)
    again = f"{page.relative_to(ROOT)} is out of date: run {command}"
    try:
        git("merge-base", "--is-ancestor", commit, "HEAD")
        then = git("show", f"{commit}:{moved(command, commit)}")
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{again}\nit was measured at {commit}, which is no part of this history: {error.stderr}")
    assert substance(then) == substance((ROOT / command).read_text("utf-8")), f"{again}\nthe command has changed since"
    behind = int(git("rev-list", "--count", f"{commit}..HEAD", "--", *SOURCES))
    assert behind <= MOST, f"{again}\nthe sources have changed by {behind} commits since"


def moved(command: str, commit: str) -> str:
    """Where a command stood at a commit: a file that was moved is the same command."""
    names = git("log", "--follow", "--format=", "--name-only", f"{commit}..HEAD", "--", command).split()
    return names[-1] if names else command


def test_what_voids_a_page_and_what_does_not() -> None:
    code = '"""Words."""\nimport a\nRUNS = 3\nCODE = """\nimport b\nb.run(1)\n"""\nprint("# Title")\n'
    assert substance(code) == substance(code.replace("Words", "Other words").replace("Title", "Name"))
    assert substance(code) == substance(code.replace("import a", "from a.b import a"))
    assert substance(code) == substance(f"{code}import made_at\nmade_at.stamp(1, __file__)\n")
    assert substance(code) != substance(code.replace("RUNS = 3", "RUNS = 5"))
    assert substance(code) != substance(code.replace("b.run(1)", "b.run(2)"))
