"""What is released: both archives, what lies in them and what does not, and what an index shows of them."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from .conftest import ROOT, Release, do

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SOURCE, WHEEL = "archtrace-{}/", "archtrace-{}.dist-info/"
#: `*` stands for letters within a name, `**/` for any folders. Each file is of one of these, and each has a file.
PACKAGES = """
archtrace/**/*.py
archtrace/py.typed
archtrace/**/tables/*.toml
archtrace/setup/serving/servers/*.toml
archtrace/witness/*.json
archtrace_lint/**/*.py
archtrace_lint/py.typed
archtrace_lint/dataflow/*.toml
archtrace_reports/**/*.py
archtrace_reports/py.typed
archtrace_reports/**/assets/*.css
archtrace_reports/**/assets/*.js
archtrace_reports/**/templates/*.j2
archtrace_reports/formats/schema/*.json
archtrace_reports/asking/store/answers/*.z
"""
OF_WHEEL = f"{PACKAGES}INFO/METADATA\nINFO/WHEEL\nINFO/RECORD\nINFO/entry_points.txt\nINFO/licenses/LICENSE\n"
OF_SOURCE = "PKG-INFO\npyproject.toml\nconstraints.txt\nREADME.md\nLICENSE\n.gitignore\n" + PACKAGES.replace(
    "archtrace_reports/", "reports/archtrace_reports/"
).replace("\narchtrace", "\ntracer/archtrace")


def names(release: Release) -> dict[str, list[str]]:
    """The files of both archives, without the version that stands in their folders."""
    with zipfile.ZipFile(release.wheel) as wheel, tarfile.open(release.source) as source:
        info, top = WHEEL.format(release.version), SOURCE.format(release.version)
        inner = [member.name for member in source.getmembers() if member.isfile()]
        assert all(name.startswith(top) for name in inner)
        return {
            OF_WHEEL: [name.replace(info, "INFO/") for name in wheel.namelist()],
            OF_SOURCE: [name.removeprefix(top) for name in inner],
        }


def pattern(line: str) -> re.Pattern[str]:
    """A line of a list, as an expression."""
    return re.compile(re.escape(line).replace(r"\*\*/", "(?:[^/]+/)*").replace(r"\*", "[^/]*"))


@pytest.mark.parametrize("golden", [OF_WHEEL, OF_SOURCE], ids=["wheel", "source"])
def test_it_holds_what_it_needs_and_nothing_else(golden: str, release: Release) -> None:
    lines = [pattern(line) for line in golden.split()]
    found = names(release)[golden]
    assert [name for name in found if not any(line.fullmatch(name) for line in lines)] == []
    assert [line.pattern for line in lines if not any(line.fullmatch(name) for name in found)] == []


def test_an_index_takes_it(release: Release) -> None:
    """Warnings count: of a README that cannot be shown, say."""
    said = do(sys.executable, "-m", "twine", "check", "--strict", release.wheel, release.source, cwd=release.folder)
    assert said.count("PASSED") == 2


def test_the_version_stands_once(release: Release) -> None:
    (line,) = re.findall(
        r'^__version__ = "(.*)"$', (ROOT / "tracer/archtrace/answer/version.py").read_text("utf-8"), re.M
    )
    assert release.version == line
    assert "version" in PROJECT["dynamic"]
    for page in ("pre-commit", "github-action"):
        text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
        assert re.findall(r"archtrace/archtrace(?:@|\n  rev: )v(\S+)", text) == [line], page


def test_the_page_on_an_index_leads_back_to_the_repository(release: Release) -> None:
    """Each relative link and picture of the README is whole there, and the file that it names is in the repository."""
    with zipfile.ZipFile(release.wheel) as wheel:
        metadata = message_from_string(wheel.read(f"{WHEEL.format(release.version)}METADATA").decode())
    shown = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", metadata.get_payload())
    raw = PROJECT["urls"]["Homepage"].replace("github.com", "raw.githubusercontent.com") + "/main/"
    page = PROJECT["urls"]["Homepage"] + "/blob/main/"
    for picture, link in shown:
        if link.startswith((raw, page)):
            assert link.startswith(raw if picture else page)
            assert (ROOT / link.removeprefix(raw).removeprefix(page)).exists(), link
        else:
            assert link.startswith(("https://", "#")), link
    assert {picture for picture, _ in shown} == {"", "!"}


def test_the_wheel_alone_is_enough(release: Release, light: Path, tmp_path: Path) -> None:
    """Installed without anything of the tree; test_light.py runs the rest of it."""
    assert do(light / "archtrace", "--version", cwd=tmp_path).startswith(f"archtrace {release.version}")
