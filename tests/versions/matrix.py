"""The matrix of versions: archtrace installed beside each pair of torch and transformers of matrix_rows.py.

python tests/versions/matrix.py [--cache FOLDER] [--only TEXT] [--again]

It makes an environment a row, runs the tests of tests/versions/answers in it, and writes docs/versions.md. Interrupt it
at will: what is done is kept, and the next run goes on from there, until the tree changes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matrix_page
from matrix_environments import ROOT, MakingError, digest, environment_of, python_of, variables, wheel_of
from matrix_rows import ROWS, Row

HERE = Path(__file__).parent
#: Prints the releases that an environment really has, and where its archtrace lies.
RELEASES = """
import importlib.metadata as m, importlib.util, json, platform
names = ("torch", "transformers", "huggingface_hub", "tokenizers", "numpy")
found = {"python": platform.python_version(), **{name: m.version(name) for name in names}}
print(json.dumps([found, importlib.util.find_spec("archtrace").origin]))
"""
#: Seconds after which the tests of a row count as hanging.
LIMIT = 900


def releases(environment: Path) -> dict[str, str]:
    """The exact releases in an environment, whose archtrace must be the installed one."""
    command = [python_of(environment), "-c", RELEASES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables(), cwd=environment)
    found, origin = json.loads(done.stdout)
    if not Path(origin).is_relative_to(environment):
        raise MakingError(f"archtrace is not the installed one: {origin}")
    return dict(found)


def tests(row: Row, environment: Path) -> dict[str, dict[str, str]]:
    """Run the row's tests: file -> test -> "" where it passed, else the first line of what went wrong."""
    report = environment / "report.xml"
    report.unlink(missing_ok=True)
    what = HERE / ("answers" if row.runs else "refusal.py")
    command = [python_of(environment), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command += ["--rootdir", ROOT, "-c", ROOT / "pyproject.toml", "-o", "filterwarnings=default", what]
    own = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    places = {"HF_HOME": environment / "hub", "XDG_CACHE_HOME": environment / "cache"}
    with (environment / "tests.log").open("w") as log:
        subprocess.run(
            command, check=False, cwd=environment, env=variables(**own, **places), stdout=log, stderr=log, timeout=LIMIT
        )
    if not report.exists():
        raise MakingError(f"the tests did not run: {environment / 'tests.log'}")
    return read(report)


def read(report: Path) -> dict[str, dict[str, str]]:
    """The outcomes in a report of pytest."""
    found: dict[str, dict[str, str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        wrong = [child for child in case if child.tag in ("failure", "error", "skipped")]
        told = [each.get("message", each.tag).strip().split("\n", 1)[0] or each.tag for each in wrong]
        group = case.get("classname", "").rsplit(".", 1)[-1]
        found.setdefault(group, {})[case.get("name", "")] = "; ".join(told)
    return found


def tried(row: Row, cache: Path, wheel: Path) -> dict[str, Any]:
    """Make and test one row."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    try:
        environment = environment_of(row, cache, wheel)
        return {"date": today, "releases": releases(environment), "tests": tests(row, environment)}
    except (MakingError, subprocess.SubprocessError) as error:
        return {"date": today, "failed": str(error)}


def told(result: Mapping[str, Any]) -> str:
    """A row's result in a line."""
    if "failed" in result:
        return f"FAILED: {result['failed']}"
    return ", ".join(
        f"{group.removeprefix('test_')} {sum(not wrong for wrong in cases.values())} of {len(cases)}"
        for group, cases in result["tests"].items()
    )


def run(row: Row, kept: Path, name: str, cache: Path, *, again: bool) -> dict[str, Any]:
    """A row's result: the one that is kept if the tree is still the same, else a new one."""
    if kept.exists() and not again and (found := json.loads(kept.read_text("utf-8")))["tree"] == name:
        return dict(found)
    result = {"tree": name, **tried(row, cache, wheel_of(cache, name))}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result, indent=1), "utf-8")
    return result


def results(cache: Path, only: str, *, again: bool) -> bool:
    """Run the rows whose name has a text, one by one; whether all is well."""
    name, well = digest(), True
    rows = [row for row in ROWS if only in row.name]
    for number, row in enumerate(rows, 1):
        start = time.monotonic()
        print(f"[{number}/{len(rows)}] torch {row.torch}, transformers {row.transformers} …", end=" ", flush=True)
        result = run(row, cache / "results" / f"{row.name}.json", name, cache, again=again)
        print(f"{told(result)} ({time.monotonic() - start:.0f} s)", flush=True)
        well &= matrix_page.passed(result)
    return well


def kept(cache: Path) -> dict[Row, dict[str, Any]]:
    """All results there are; of an older tree too, which the page tells by their date."""
    places = {row: cache / "results" / f"{row.name}.json" for row in ROWS}
    return {row: json.loads(file.read_text("utf-8")) for row, file in places.items() if file.exists()}


def main() -> int:
    """0 where every row passed, 1 where one did not, 130 where it was interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path.home() / ".cache" / "archtrace" / "versions"
    parser.add_argument("--cache", type=Path, default=default, help="where environments are kept (%(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name has this text")
    parser.add_argument("--again", action="store_true", help="run rows again that were done")
    given = parser.parse_args()
    cache = given.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    try:
        code = 0 if results(cache, given.only, again=given.again) else 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    (ROOT / "docs" / "versions.md").write_text(matrix_page.page(kept(cache)), "utf-8")
    sys.path.insert(0, str(ROOT / "docs"))
    import made_at

    made_at.stamp(ROOT / "docs" / "versions.md", __file__)
    return code


if __name__ == "__main__":
    sys.exit(main())
