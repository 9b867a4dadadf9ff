"""Results: what a trace says, as frozen values. Reports turn them into text and compute nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.fields import Fields
from archtrace.answer.positions import Positions, Rows
from archtrace.answer.relations import Relation
from archtrace.answer.texts import SpecialTokens, Texts
from archtrace.answer.work import Work

if TYPE_CHECKING:
    from archtrace.answer.drawing import Anatomy
else:  # whoever resolves the hints of a Result need not import what only drawings need
    Anatomy = Any

#: A row of `answer.kinds.KINDS`, which alone says what kinds there are.
KindName: TypeAlias = str

#: exact: bound and witness agree. bound: the answer may be wider than the truth, never narrower.
Status: TypeAlias = Literal["exact", "bound"]

ConfigSource: TypeAlias = Literal["bundled", "cache", "hub", "local", "default", "given"]


@dataclass(frozen=True)
class Finding:
    """Something that the user should know: `code` is stable, `message` is for people, `field` is the config's field
    that it is about, if it is about one."""

    code: str
    message: str
    field: str = ""


@dataclass(frozen=True)
class Source:
    """The code that picks a slice: file (relative to its package), line, exact expression, enclosing function."""

    file: str
    line: int
    expression: str
    function: str


@dataclass(frozen=True)
class Index:
    """The rule that picks positions, in terms of the inputs, and the inputs that it depends on."""

    expression: str
    depends_on: tuple[str, ...]


@dataclass(frozen=True)
class PathStep:
    """One module (or free op) on the way from a slice to the logits: its path and what it does. `early`: it runs on
    every position, before the positions are picked or joined."""

    module: str
    detail: str
    early: bool = False


@dataclass(frozen=True)
class Readout:
    """A tensor that the classifier reads: which slice, by which rule, at which line, and the modules that follow."""

    tensor: str
    module: str
    kind: KindName
    slice: str
    index: Index
    status: Status
    source: Source | None
    path: tuple[str, ...]
    steps: tuple[PathStep, ...]

    def __str__(self) -> str:
        place = f" at {self.source.file.rsplit('/', 1)[-1]}:{self.source.line}" if self.source else ""
        return " → ".join([f"{self.slice} ({self.kind.replace('_', ' ')}){place}", *self.path])


@dataclass(frozen=True)
class LayoutResult:
    """One layout: its inputs, the bound, and the witness. `refused` is the model's own reason not to run it.

    `each` and `witness_each`: bound and witness of each position of an output that has some, in order. `work`: what the
    forward computes, and how much of it in vain; None where a run contradicts the analysis.
    `padding`: by each input that holds tokens, and by each read tensor, the positions that are padding (of a tensor,
    those that carry a padded token); what nothing tells of is left out. `texts`: the tokens by name, where the layout
    is that of texts.
    """

    name: str
    inputs: Mapping[str, Any]
    bound: Positions
    witness: Positions | None
    status: Status
    refused: str | None = None
    each: tuple[Positions, ...] = ()
    witness_each: tuple[Positions, ...] = ()
    work: Work | None = None
    padding: Mapping[str, Rows] = field(default_factory=dict)
    texts: Texts | None = None


@dataclass(frozen=True)
class Padding:
    """leaks: a masked token reaches the logits though no readout falls on it. reads_padding: layouts in which a
    readout falls on padding."""

    leaks: bool
    reads_padding: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything that a trace says of one target, in the order of its JSON. `anatomy` is what drawings need; None where
    there is none.

    `outputs` are the floating tensors that the forward returns; what an answer says of "logits" it says of `output`.
    `relations`: of an output with positions what reaches each, where that has a name. `fields`: what of an image or a
    sound stands at the positions of what is read. `frame`: what the tokenizer sets around a text, where it is known.
    `setup`: whether model and tokenizer go together; None where no text was given and no tokenizer is at hand.
    `traced`: when, in UTC, as ISO 8601 has it; `kept`: it was answered before, and nothing behind it has changed since.
    """

    target: str
    class_name: str
    model_type: str | None
    config_source: ConfigSource
    setup: Diagnosis | None = None
    output: str = "logits"
    outputs: tuple[str, ...] = ("logits",)
    fields: tuple[Fields, ...] = ()
    relations: tuple[Relation, ...] = ()
    frame: SpecialTokens | None = None
    readouts: tuple[Readout, ...]
    layouts: tuple[LayoutResult, ...]
    padding: Padding
    parameters: int
    dead_parameters: tuple[str, ...]
    dead_modules: tuple[str, ...]
    findings: tuple[Finding, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    traced: str = ""
    seconds: Mapping[str, float]
    kept: bool = False
    anatomy: Anatomy | None = None

    @property
    def status(self) -> Status:
        """exact when every layout that the model runs is exact."""
        ran = [layout for layout in self.layouts if layout.refused is None]
        return "exact" if ran and all(layout.status == "exact" for layout in ran) else "bound"

    def __str__(self) -> str:
        """The answer in one line, then a line a readout, with where its slice is taken and what follows."""
        slices, sure = " and ".join(r.slice for r in self.readouts) or "no hidden state", self.status == "exact"
        first = f"{self.class_name} reads {'' if sure else 'at most '}{slices} ({self.status})"
        notes = (f"{finding.code}: {finding.message}" for finding in self.findings)
        return "\n  ".join([first, *map(str, self.readouts), *notes])
