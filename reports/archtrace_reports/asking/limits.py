"""Limits: what a process that answers one question may use."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Limits:
    """For each child; `jobs` children run at once."""

    seconds: float = 600
    gigabytes: float = 8
    jobs: int = field(default_factory=cores)

    @classmethod
    def given(cls, seconds: float | None, gigabytes: float | None, jobs: int | None) -> Limits:
        """The limits that the command line gives; what is None has its default."""
        return cls(seconds or cls.seconds, gigabytes or cls.gigabytes, jobs or cores())
