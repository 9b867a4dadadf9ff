"""The source rules of `archtrace check`: wrong readouts found in Python code, by what flows where.

>>> from archtrace_lint import check_source
>>> source = b"def last(logits, attention_mask):\\n    return logits[:, attention_mask.sum(1) - 1]\\n"
>>> [(v.code, v.line, v.col) for v in check_source("example.py", source)]
[('AT001', 2, 22)]
"""

from archtrace_lint.linter import check_source, edited, fixed
from archtrace_lint.rules import RESERVED, RETIRED, rules
from archtrace_lint.source.parse import parsed
from archtrace_lint.violation import Edit, FlowStep, UnreadableError, Violation

__all__ = [
    "RESERVED",
    "RETIRED",
    "Edit",
    "FlowStep",
    "UnreadableError",
    "Violation",
    "check_source",
    "edited",
    "fixed",
    "parsed",
    "rules",
]
