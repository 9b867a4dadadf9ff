"""Golden files of real traces: Markdown, DOT and terminal forms of five models of different kinds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report

from .conftest import GOLDEN, REAL, scrubbed

ENDINGS = {"markdown": "md", "dot": "dot", "terminal": "txt"}


@pytest.mark.parametrize("style", ENDINGS)
@pytest.mark.parametrize("name", REAL)
def test_real(name: str, style: str, real: dict[str, Result], golden: Callable[[str, str], None]) -> None:
    text = formats.load(style).render(report([real[name]]), Look())
    golden(f"real_{name}.{ENDINGS[style]}", scrubbed(text))


def test_every_golden_file_of_a_real_trace_is_compared() -> None:
    found = {file.name for file in GOLDEN.iterdir() if file.name.startswith("real_")}
    assert found == {f"real_{name}.{ending}" for name in REAL for ending in ENDINGS.values()}
