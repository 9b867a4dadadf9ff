"""Views: what the page says of each model, as text; templates only place it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archtrace.answer.diagnosis import Fault, Opinion
from archtrace.answer.positions import Rows
from archtrace.answer.relations import Relation
from archtrace.answer.result import LayoutResult, Readout, Result, Status
from archtrace_reports.formats.drawing import Drawing, path_drawing
from archtrace_reports.formats.html.strip import PositionStrip, strip
from archtrace_reports.text.account import account
from archtrace_reports.text.cautions import Caution, cautions, others
from archtrace_reports.text.cone import ConeLayout, Sign, cones, meanings, ranges, states
from archtrace_reports.text.diagnosis_lines import short_opinion
from archtrace_reports.text.facts import config_words, labelled_facts
from archtrace_reports.text.field_lines import without_tokens
from archtrace_reports.text.tokens import ignored_inputs
from archtrace_reports.text.wording import enumerate_words, headline, meaning

if TYPE_CHECKING:
    from archtrace.answer.drawing import Block, Excerpt, PathNode

#: What a status promises.
STATUS: Mapping[Status, str] = {
    "exact": "the analysis and a numeric run agree in every layout tried",
    "bound": "nothing else is read, but some of this may turn out not to matter",
}
#: The look of a setup's opinion: that of a status.
BADGES: Mapping[Opinion, str] = {"right": "exact", "wrong": "none", "unknown": "bound"}


@dataclass(frozen=True)
class CodeLine:
    """A line of source: its number, and its text around the marked expression (`mark` may be empty)."""

    number: int
    before: str
    mark: str
    after: str
    chosen: bool


@dataclass(frozen=True)
class ReadoutView:
    """One readout."""

    slice: str
    kind: str
    status: Status
    meaning: str
    tensor: str
    index: str
    looks: str
    place: str
    function: str
    expression: str
    code: tuple[CodeLine, ...]


@dataclass(frozen=True)
class LayoutView:
    """One layout in words: for each tensor its name and, for each row of the batch, what bound and witness hold."""

    name: str
    status: str
    refused: str
    tensors: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class StateView:
    """A row of the cone in words."""

    name: str
    note: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class ModelView:
    """Everything that the page says of a model. `key` names its section."""

    key: str
    target: str
    class_name: str
    sentence: str
    account: str
    cautions: tuple[Caution, ...]
    status: Status
    promise: str
    versions: str
    config: str
    readouts: tuple[ReadoutView, ...]
    cones: tuple[ConeLayout, ...]
    noun: str
    all: tuple[tuple[str, str], ...]
    meanings: Mapping[Sign, str]
    position: str
    relations: tuple[tuple[str, str], ...]
    strip: PositionStrip
    states: tuple[tuple[str, tuple[StateView, ...]], ...]
    drawing: Drawing
    path: tuple[PathNode, ...]
    root: Block | None
    facts: tuple[tuple[str, str], ...]
    layouts: tuple[LayoutView, ...]
    dead: tuple[str, ...]
    findings: tuple[tuple[str, str], ...]
    seconds: str
    padding: str
    setup: str
    badge: str
    faults: tuple[Fault, ...]

    @property
    def kinds(self) -> str:
        """Of all readouts."""
        return enumerate_words([*dict.fromkeys(r.kind for r in self.readouts)]) or "none"

    @property
    def picked(self) -> str:
        """The layout that is shown first: one with padding shows more."""
        names = [layout.name for layout in self.cones if layout.rows]
        return "right padded" if "right padded" in names else next(iter(names), "")

    def panel(self, layout: ConeLayout) -> int:
        """The number of the picture that shows a layout: one for all that look the same."""
        shown = [cone.name for cone in self.cones if not cone.as_]
        return shown.index(layout.as_ or layout.name)

    @property
    def legend(self) -> list[Sign]:
        """The signs that occur in a cone, in the order in which they are explained."""
        return [sign for sign in self.meanings if any(sign in layout.signs for layout in self.cones)]

    @property
    def slices(self) -> str:
        """Of all readouts."""
        return enumerate_words([r.slice for r in self.readouts])

    @property
    def index(self) -> str:
        """Of all readouts."""
        return enumerate_words([r.index for r in self.readouts if r.index])


def model_view(result: Result, key: str) -> ModelView:
    """A result as text."""
    anatomy = result.anatomy
    drawn = tuple(cones(result))
    excerpts = anatomy.excerpts if anatomy else (None,) * len(result.readouts)
    return ModelView(
        key=key,
        target=result.target,
        class_name=result.class_name,
        sentence=headline(result),
        account=account(result),
        cautions=tuple(cautions(result)),
        status=result.status,
        promise=STATUS[result.status],
        versions=", ".join(f"{name} {number}" for name, number in result.versions.items()),
        config=config_words(result),
        readouts=tuple(_readout(r, e, result) for r, e in zip(result.readouts, excerpts, strict=False)),
        cones=drawn,
        noun="input" if without_tokens(result) else "text",
        all=tuple((row.name, row.note) for row in states(result)),
        meanings=meanings(result),
        position=f"{result.output}[:, i]",
        relations=tuple(_relation(relation) for relation in result.relations),
        strip=strip(result),
        states=tuple((layout.name, tuple(_states(layout))) for layout in drawn if layout.rows),
        drawing=path_drawing(anatomy.path, result.target) if anatomy else Drawing("", "nothing is known of its path"),
        path=anatomy.path.nodes if anatomy else (),
        root=anatomy.root if anatomy else None,
        facts=tuple(labelled_facts(result)),
        layouts=tuple(map(_layout, result.layouts)),
        dead=result.dead_parameters,
        findings=tuple((finding.code, finding.message) for finding in others(result)),
        seconds=_run(result),
        padding=_padding(result),
        setup=short_opinion(result.setup) if result.setup else "",
        badge=BADGES[result.setup.opinion] if result.setup else "",
        faults=result.setup.faults if result.setup else (),
    )


def _relation(relation: Relation) -> tuple[str, str]:
    """The positions of a tensor as code, and in words; of tokens in words alone, which include padding."""
    return ("" if relation.of == "tokens" else f"{relation.of}{relation.slice()}", relation.words)


def _run(result: Result) -> str:
    """When it was traced, and how long that took."""
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
    return f"traced on {result.traced[:10]}: {stages}" if result.traced else stages


def _padding(result: Result) -> str:
    """Padding behaviour in a few words, for the matrix."""
    read = enumerate_words([name.replace("_", " ") for name in result.padding.reads_padding])
    parts = [f"read in {read}"] if read else []
    return "; ".join([*parts, *(["leaks"] if result.padding.leaks else [])]) or "never read"


def _readout(readout: Readout, excerpt: Excerpt | None, result: Result) -> ReadoutView:
    source = readout.source
    return ReadoutView(
        slice=readout.slice,
        kind=readout.kind,
        status=readout.status,
        meaning=meaning(readout, result),
        tensor=readout.tensor,
        index=readout.index.expression,
        looks=_looks(readout, result),
        place=f"{source.file}:{source.line}" if source else "",
        function=source.function if source else "",
        expression=source.expression if source else "",
        code=tuple(_code(excerpt, source.expression if source else "")) if excerpt else (),
    )


def _looks(readout: Readout, result: Result) -> str:
    """What the index looks at, and which of the inputs that show padding it ignores."""
    looked = readout.index.depends_on
    if not looked:
        return "at no input: it is a constant" if readout.index.expression else ""
    ignored = ignored_inputs(readout, result)
    return f"at {enumerate_words(looked)}" + (f", not at {enumerate_words(ignored)}" if ignored else "")


def _code(excerpt: Excerpt, expression: str) -> Iterator[CodeLine]:
    """The lines, common indentation taken off; the expression marked in its line."""
    indents = [len(line) - len(line.lstrip()) for line in excerpt.lines if line.strip()]
    margin = min(indents, default=0)
    for number, line in enumerate(excerpt.lines, excerpt.first):
        text, chosen = line[margin:], number == excerpt.line
        start = text.find(expression) if chosen and expression else -1
        if start < 0:
            yield CodeLine(number, text, "", "", chosen)
        else:
            end = start + len(expression)
            yield CodeLine(number, text[:start], text[start:end], text[end:], chosen)


def _states(layout: ConeLayout) -> Iterator[StateView]:
    for row in layout.rows:
        reached = [[p for p, sign in enumerate(cells) if sign in ("yes", "leak", "may")] for cells in row.cells]
        words = tuple(f"{ranges(r)} of {len(cells)}" for r, cells in zip(reached, row.cells, strict=True))
        yield StateView(row.name, row.note, words)


def _layout(layout: LayoutResult) -> LayoutView:
    witness = layout.witness
    tensors = [
        (name, _rows(rows), _rows(witness.reads.get(name, ())) if witness else "not run")
        for name, rows in layout.bound.reads.items()
    ]
    tokens = ("tokens", _rows(layout.bound.tokens), _rows(witness.tokens) if witness else "not run")
    rows = (*tensors, tokens) if layout.refused is None else ()
    return LayoutView(layout.name.replace("_", " "), layout.status, layout.refused or "", tuple(rows))


def _rows(rows: Rows) -> str:
    """Positions for each row of the batch; written once where all rows are alike."""
    return "; ".join(dict.fromkeys(map(ranges, rows))) or "none"
