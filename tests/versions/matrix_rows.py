"""The rows of the matrix: which releases are tried together, and what is expected of each row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One environment. `runs` is False where archtrace must refuse it."""

    torch: str
    transformers: str
    runs: bool = True

    @property
    def name(self) -> str:
        """The row's folder in the cache."""
        return f"torch-{self.torch}-transformers-{self.transformers}"


#: The oldest that is allowed and the one before it, the first and the last of each line, and what lies between.
ROWS = (
    Row("2.13.0", "4.47.1", runs=False),
    Row("2.13.0", "4.48.3"),
    Row("2.13.0", "4.56.2"),
    Row("2.13.0", "4.57.6"),
    Row("2.13.0", "5.0.0"),
    Row("2.13.0", "5.10.4"),
    Row("2.13.0", "5.23.0"),
    Row("2.13.0", "5.24.0"),
    Row("2.10.0", "4.48.3"),
    Row("2.10.0", "5.24.0"),
)
