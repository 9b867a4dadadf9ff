"""Programs: an embedding, a few steps and a head, printed as an nn.Module and made into one."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from types import ModuleType

import torch
from torch import nn

from programs.bodies import BODIES
from programs.embeddings import EMBEDDINGS, PLAIN
from programs.heads import HEADS
from programs.inputs import Inputs, drawn_inputs
from programs.part import CLASSES, EOS, PAD, VOCABULARY, WIDTH, Choose, Part, Step, step
from programs.telling import TELLING
from programs.wilder import WILDER

PREAMBLE = f"""import torch
import torch.nn.functional as F
from torch import nn

V, D = {VOCABULARY}, {WIDTH}
"""
DOUBLE = '''

class Double(torch.autograd.Function):
    """Twice as much, with a derivative of its own."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2
'''
#: Names the files in which linecache keeps the sources.
_NUMBER = count()


@dataclass(frozen=True)
class Program:
    """A program, the inputs that it is traced with (None: archtrace's own), and the ids that it names as attributes."""

    embedding: Step
    body: tuple[Step, ...]
    head: Step
    attributes: tuple[str, ...] = ()
    outputs: int = 1
    inputs: Inputs | None = None
    telling: str = "mask"

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in order."""
        return (self.embedding, *self.body, self.head)

    @property
    def specials(self) -> set[int]:
        """The ids that are not ordinary here."""
        named = {"pad_token_id": PAD, "eos_token_id": EOS}
        return {named[name] for name in self.attributes}.union(
            *(s.specials() for s in self.steps), TELLING[self.telling].specials
        )

    @property
    def given(self) -> dict[str, torch.Tensor] | None:
        """The inputs that trace is given, if any."""
        return TELLING[self.telling].inputs(*self.inputs.tensors()) if self.inputs else None

    @property
    def plain(self) -> dict[str, torch.Tensor]:
        """Inputs without padding and without special ids, of the size of archtrace's own."""
        ids = torch.arange(3, 41).reshape(2, 19)
        return TELLING[self.telling].inputs(ids, torch.ones_like(ids))

    @property
    def single(self) -> bool:
        """Whether it runs in single precision only."""
        return any(s.part.single for s in self.steps)

    @property
    def drawn(self) -> bool:
        """Whether two runs differ unless seeded."""
        return any(s.part.drawn for s in self.steps)

    @property
    def aligned(self) -> bool:
        """Whether every step that needs the mask's positions has them."""
        moved = False
        for s in self.steps:
            if moved and s.part.aligned:
                return False
            moved |= s.part.moves and s.part.name != "compact"
        return True

    def source(self) -> str:
        """The program as it would be pasted."""
        made = [line for n, s in enumerate(self.steps) for line in s.lines(s.part.init, n)]
        telling = TELLING[self.telling]
        run = [line for n, s in enumerate(self.steps) for line in s.lines(s.part.forward, n)]
        run = [telling.line, *run] if telling.line else run
        values = {"pad_token_id": PAD, "eos_token_id": EOS}
        made += [f"self.{name} = {values[name]}" for name in self.attributes]
        made += [f"self.out{n} = nn.Linear(D, {CLASSES})" for n in range(self.outputs)]
        run += ["return " + ", ".join(f"self.out{n}(y)" for n in range(self.outputs))]
        extra = DOUBLE if any("Double" in line for line in run) else ""
        return "\n".join([PREAMBLE + extra, *CLASS, *_deep(made), "", telling.signature, *_deep(run), ""])

    def build(self) -> nn.Module:
        """The module, its source in linecache so that lines can be told."""
        name = f"<program {next(_NUMBER)}>"
        text = self.source()
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        # torch.compile (within flex_attention) looks the module of a lambda up by its name.
        home = sys.modules["random_program"] = ModuleType("random_program")
        exec(compile(text, name, "exec"), vars(home))
        torch.manual_seed(0)
        module: nn.Module = vars(home)["M"]()
        return module.eval()

    def smaller(self) -> list[Program]:
        """The programs with one thing less, for shrinking without hypothesis."""
        fewer = [replace(self, body=self.body[:n] + self.body[n + 1 :]) for n in range(len(self.body))]
        plain = [replace(self, embedding=Step(PLAIN)), replace(self, head=Step(HEADS[0]))]
        plainer = [
            replace(self, attributes=()),
            replace(self, outputs=1),
            replace(self, inputs=None),
            replace(self, telling="mask"),
        ]
        return [p for p in fewer + plain + plainer if p != self]


CLASS = ("", "class M(nn.Module):", "    def __init__(self):", "        super().__init__()")


def _deep(lines: Sequence[str]) -> list[str]:
    return ["        " + line for line in lines]


def program(choose: Choose) -> Program:
    """Draw a program that is well formed."""
    size = choose((0, 1, 1, 1, 2, 2, 3, 4, 5))
    embedding = _one(choose, (PLAIN,) if choose((True, False)) else EMBEDDINGS)
    body = tuple(_one(choose, choose((BODIES, WILDER))) for _ in range(size))
    head = _one(choose, HEADS)
    attributes = choose(((), ("pad_token_id",), ("pad_token_id", "eos_token_id")))
    telling = choose(("mask", "mask", "mask", "ids", "lengths", "padding_mask"))
    made = Program(embedding, body, head, attributes, choose((1, 1, 1, 2)), telling=telling)
    made = made if made.aligned else replace(made, body=tuple(s for s in body if not s.part.moves))
    return replace(made, inputs=drawn_inputs(choose, made) if choose((True, False, False)) else None)


def _one(choose: Choose, parts: Sequence[Part]) -> Step:
    return step(choose(parts), choose)
