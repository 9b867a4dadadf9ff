"""Diagnosis: what the doctor says of a setup, which is a checkpoint, its tokenizer, and a batch of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: right: what is read of each text alone is read of it in a batch, and is what such a model is made to read.
#: wrong: it is not. unknown: what is read could not be told token by token.
Opinion: TypeAlias = Literal["right", "wrong", "unknown"]
#: The code that a wrong setup has in checks and in code scanning.
WRONG = "AT101"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what is read, what is meant, and the line of code or config that changes it."""

    code: str
    read: str
    meant: str
    change: str

    @property
    def in_words(self) -> str:
        """What is wrong, within a sentence."""
        return f"read is {self.read}; meant is {self.meant}"


@dataclass(frozen=True)
class Diagnosis:
    """`reason` says why the setup is right or unknown, `faults` why it is wrong; `read` tells what is read of which
    text; `notes` what is no fault, and yet worth knowing."""

    target: str
    opinion: Opinion
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    read: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
