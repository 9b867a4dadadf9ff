"""Failure: why a numeric run of a program could not be made."""

from __future__ import annotations

from archtrace.capture.call_sites import short_path
from archtrace.capture.program import Node
from archtrace.errors import ArchtraceError, first_line


class RunError(ArchtraceError):
    """An op of a program that does not run on numbers: op, module, source line, and the op's own first line."""

    def __init__(self, node: Node, error: Exception) -> None:
        super().__init__(f"{described(node)}: {first_line(error)}")


def described(node: Node) -> str:
    """An op, the module that called it, and the line of the model's code."""
    module = f" in {node.module}" if node.module else ""
    line = next((f" ({short_path(f.file)}:{f.line})" for f in reversed(node.frames)), "")
    return f"{node.op or node.name}{module}{line}"


def reason(error: Exception) -> str:
    """What stopped a run, in one line."""
    return str(error) if isinstance(error, RunError) else first_line(error)
