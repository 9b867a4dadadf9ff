"""Parts: lines of Python of which random programs are made, with the arguments that vary in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: Picks one of several; hypothesis or a seeded generator stands behind it.
Choose: TypeAlias = Callable[[Sequence[Any]], Any]

#: Vocabulary, width and classes of every program. The engine's own ids go up to 42.
VOCABULARY, WIDTH, CLASSES = 44, 8, 3
#: Ids that a program may compare with. They are special in a program whose source names them, and in no other.
PAD, EOS, CUES = 0, 2, (7, 30)

#: What stands in braces in a part, and the values that it takes.
ARGUMENTS: Mapping[str, Sequence[Any]] = {
    "k": (0, 1, 2, -1, -2, 3),
    "late": (1, 2, 3),
    "n": (2, 3),
    "cue": CUES,
    "pad": (PAD,),
    "eos": (EOS,),
    "gap": (1e4, 1e9),
    "act": ("torch.tanh", "F.gelu", "F.relu", "torch.sigmoid", "torch.exp", "F.silu", "torch.abs", "torch.erf"),
    "norm": ("LayerNorm", "RMSNorm"),
}


@dataclass(frozen=True)
class Part:
    """One step of a program. `forward` reads and writes `h`, of shape (rows, positions, width); a head writes `y`,
    of shape (rows, width); `init` makes its modules. `{i}` is the step's own number.

    `moves`: positions are no longer those of the mask afterwards. `aligned`: they must be those of the mask before.
    `single`: it runs in single precision only. `drawn`: two runs differ unless seeded.
    """

    name: str
    family: str
    forward: str
    init: str = ""
    moves: bool = False
    aligned: bool = False
    single: bool = False
    drawn: bool = False

    def arguments(self) -> tuple[str, ...]:
        """The names in braces in its lines."""
        return tuple(name for name in ARGUMENTS if f"{{{name}}}" in self.forward + self.init)


@dataclass(frozen=True)
class Step:
    """A part with its arguments."""

    part: Part
    values: Mapping[str, Any] = field(default_factory=dict)

    def lines(self, text: str, number: int) -> list[str]:
        """The part's lines with arguments put in."""
        for name, value in {**self.values, "i": number}.items():
            text = text.replace(f"{{{name}}}", str(value))
        return [line for line in text.split("\n") if line.strip()]

    def specials(self) -> set[int]:
        """The ids that the step compares with."""
        return {int(self.values[name]) for name in ("cue", "pad", "eos") if name in self.values}


def step(part: Part, choose: Choose) -> Step:
    """Draw a part's arguments."""
    return Step(part, {name: choose(ARGUMENTS[name]) for name in part.arguments()})
