"""docs/versions.md: the table of the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from matrix_rows import ROWS, Row

#: Column -> the file of tests that it counts.
COLUMNS = {
    "architectures": "test_architectures",
    "live modules": "test_live",
    "experts": "test_experts",
    "file.py:Class": "test_file",
    "command line": "test_command",
}
RELEASES = ("python", "torch", "transformers", "huggingface_hub", "tokenizers", "numpy")
INTRO = """\
# Versions

The releases of torch and transformers with which we tested archtrace. Each row is an environment in which they are
really installed. To make this page again:

    python tests/versions/matrix.py

This makes the environments and runs `tests/versions/answers` in each: twelve architectures (slice, kind, status
`exact`), live modules compared with their gradients, a mixture of experts, a class in a file, and the command line. If
a test fails, it is listed below the table with its first line.

transformers before 5.0 loops over the experts that its router chose. With these releases archtrace refuses such models,
and the message names 5.0; the column *experts* tests that it does. Up to 4.48, models of the GPT-2 family read the
position before the first pad id, wherever it is; since 4.49 they read the last position with another id.
[The atlas](atlas/versions.html) shows side by side what each sequence classifier in 4.48, 4.56 and 5.x reads.

If a release is too old, archtrace refuses it, and the message says which one it needs; the row *refused* tests that.
archtrace does not refuse newer releases, since it checks every answer while it makes it ([how](how-it-works.md)).
"""


def passed(result: Mapping[str, Any]) -> bool:
    """Whether tests ran, and none of them failed."""
    cases = [wrong for group in result.get("tests", {}).values() for wrong in group.values()]
    return bool(cases) and not any(cases)


def page(results: Mapping[Row, Mapping[str, Any]]) -> str:
    """The page; a row without a result is said not to have been run."""
    lines = [*_table(results), *_failures(results)]
    return INTRO + "\n" + "\n".join(lines) + "\n"


def _table(results: Mapping[Row, Mapping[str, Any]]) -> Iterator[str]:
    heads = [*RELEASES, *COLUMNS, "result", "on"]
    yield f"| {' | '.join(heads)} |"
    yield "|" + " --- |" * len(heads)
    for row in ROWS:
        yield f"| {' | '.join(_cells(row, results.get(row)))} |"


def _cells(row: Row, result: Mapping[str, Any] | None) -> list[str]:
    asked = {"torch": row.torch, "transformers": row.transformers}
    found = asked | (result or {}).get("releases", {})
    groups = (result or {}).get("tests", {})
    counted = [_counted(groups.get(group)) for group in COLUMNS.values()]
    return [
        *(found.get(name, "") for name in RELEASES),
        *counted,
        _verdict(row, result),
        (result or {}).get("date", ""),
    ]


def _counted(cases: Mapping[str, str] | None) -> str:
    return "" if cases is None else f"{sum(not wrong for wrong in cases.values())} of {len(cases)}"


def _verdict(row: Row, result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "not run"
    if not passed(result):
        return "**fails**"
    return "runs" if row.runs else "refused"


def _failures(results: Mapping[Row, Mapping[str, Any]]) -> Iterator[str]:
    told = [line for row, result in results.items() for line in _wrong(row, result)]
    if told:
        yield from ("", "## What fails", "", *told)


def _wrong(row: Row, result: Mapping[str, Any]) -> Iterator[str]:
    where = f"torch {row.torch}, transformers {row.transformers}"
    if "failed" in result:
        yield f"- {where}: {result['failed']}"
    for cases in result.get("tests", {}).values():
        yield from (f"- {where}: `{name}`: {wrong}" for name, wrong in cases.items() if wrong)
