"""What can be drawn of a traced model: the cone, the path, the modules, the source. Frozen, so that reports only draw.

The cone has a row for each state (a tensor on the way from the tokens to the logits) and a cell for each of its
positions. The path is the graph from the read tensors to the logits. A block is a module with its children.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from archtrace.answer.positions import Rows

#: tokens: the ids. hidden: a hidden state. read: a read tensor. head: behind it, still with positions. vector: behind
#: it, without. logits: the end.
StateRole: TypeAlias = Literal["tokens", "hidden", "read", "head", "vector", "logits"]

#: input: of the model. read: a read tensor. index: an op that computes which position to take (no weights touched it).
#: op: an op in a forward that has modules of its own. module: a module without submodules, with all its ops.
PathRole: TypeAlias = Literal["input", "read", "index", "op", "module"]


@dataclass(frozen=True)
class State:
    """A tensor of the cone: its name, the module whose output it is, its shape, and its number of positions (1 for a
    vector)."""

    name: str
    role: StateRole
    module: str
    shape: tuple[int, ...]
    positions: int


@dataclass(frozen=True)
class Slices:
    """One layout of the cone. `padding`: per row of the batch the positions of tokens that are padding; `reaching`:
    per state, per row of the batch the positions that may reach the logits (the bound).

    `each`: of an output with positions the same for each of them, in order. Rows that are those of the state before
    stand as (): a hundred layers are mostly alike."""

    layout: str
    padding: Rows
    reaching: tuple[Rows, ...]
    each: tuple[tuple[Rows, ...], ...] = ()


@dataclass(frozen=True)
class PathNode:
    """A node of the path. `label` names it (a module's path, an op's name, an input), `detail` says what it does,
    `place` is its source line ("modeling_bert.py:460") or empty."""

    key: str
    role: PathRole
    label: str
    detail: str
    shape: tuple[int, ...]
    place: str


@dataclass(frozen=True)
class Path:
    """Nodes in execution order, and edges (from key, to key) in the direction of the data."""

    nodes: tuple[PathNode, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Block:
    """A module: its name within its parent ("encoder", or "0 to 11" where `count` alike ones stand in a row), its
    class, the number of its parameters (elements; of one, where there are several), the shape of its output (empty
    where it was not called), the names of the siblings whose values it takes, whether any of it reaches the logits."""

    name: str
    class_name: str
    count: int
    parameters: int
    shape: tuple[int, ...]
    takes: tuple[str, ...]
    reaches: bool
    children: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Excerpt:
    """Lines of a source file around one line of it; `first` is the number of the first line."""

    file: str
    line: int
    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Anatomy:
    """Everything to draw. `excerpts` has an entry for each readout, None where no file tells."""

    states: tuple[State, ...]
    slices: tuple[Slices, ...]
    path: Path
    root: Block
    excerpts: tuple[Excerpt | None, ...]
