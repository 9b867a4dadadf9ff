"""View: what reaches the logits in one layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.answer.positions import Rows, runs
from archtrace.answer.texts import Texts
from archtrace.errors import TargetError, did_you_mean
from archtrace.reach.bound import token_axis
from archtrace.readout.analysis import Analysis
from archtrace.readout.read_tokens import texts_of
from archtrace.readout.tensors import calls

#: A repr shows as many rows of a batch.
SHOWN = 8


class View:
    """One layout of a traced model. All answers are bounds: what they leave out cannot reach the logits.

    `view[name]` is `view.reaching(name)`, for the names in `view.names`. `written` are the rows as a person
    writes them, where the layout is that of texts.
    """

    def __init__(self, analysis: Analysis, written: Sequence[Sequence[str]] = ()) -> None:
        self._analysis = analysis
        self._written = written
        self._name, self._bound = next(iter(analysis.bounds.items()))

    def __repr__(self) -> str:
        reads = [f"{name} at {_written(rows)}" for name, rows in self.reads.items()]
        first = " and ".join(reads) or "no hidden state that is sliced"
        text = f"reads {first}\n{self._analysis.ids} that reach: {_written(self.tokens)}, of {self._analysis.length}"
        return text if self.texts is None else "\n".join([text, *self.texts.lines])

    def __getitem__(self, name: str) -> Rows:
        return self.reaching(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def _ipython_key_completions_(self) -> list[str]:
        """What Tab offers after `view[`."""
        return list(self.names)

    @property
    def reads(self) -> dict[str, Rows]:
        """Per read tensor: for each row, the sorted positions that reach the logits."""
        return dict(next(iter(self._analysis.positions.values())).reads)

    @property
    def tokens(self) -> Rows:
        """For each row, the sorted positions of the tokens that reach the logits."""
        return self._bound.tokens(self._analysis.program.inputs[self._analysis.ids])

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of the output that is asked about, the rows first."""
        return tuple(self._bound.run.shape(self._analysis.program.output))

    @property
    def texts(self) -> Texts | None:
        """The tokens by name, and which of them stand where a hidden state is read; None where no text was given."""
        return texts_of(self._analysis, self._name, self._written, self.reads) if self._written else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that `reaching` knows: inputs and module outputs, those of the backbone without its path."""
        program = self._analysis.program
        names = [*program.tensors, *calls(program)]
        own = (name.removeprefix(f"{self._analysis.backbone}.") for name in names)
        return tuple(dict.fromkeys([*program.inputs, *names, *own]))

    def reaching(self, name: str) -> Rows:
        """For each row, the sorted positions of a tensor that reach the logits.

        `name`: an input, the path of any module (its output, all calls together; of one call "dropout (call 2)"),
        "last_hidden_state" or "hidden_states[k]" of the backbone. Raises TargetError for a name that the model does
        not have, or whose tensor has no positions in the rows of the logits: nothing is not an answer to that.
        """
        program = self._analysis.program
        nodes = self._nodes(name)
        if not nodes:
            near = _near(name, [*program.inputs, *program.tensors])
            raise TargetError(f"no input or module output is named {name!r}{near}")
        if nodes == (program.inputs[self._analysis.ids],):
            return self.tokens
        rows = [self._bound.rows(node, axis) for node in nodes if (axis := self._axis(node)) is not None]
        # constants of a read tensor are read, though nothing that the model does makes them reach
        rows += [self.reads[t.name] for t in self._analysis.tensors(self._name) if t.node in nodes]
        if not rows:
            raise TargetError(f"{name!r} has no axis of positions beside the rows of the logits")
        if len({len(row) for row in rows}) > 1:
            raise TargetError(f"{name!r} has other rows in each call: ask for one, as '{name} (call 1)'")
        return tuple(tuple(sorted(set().union(*row))) for row in zip(*rows, strict=True))

    def _axis(self, node: int) -> int | None:
        read = dict(self._analysis.reads(self._name).values())
        if node in read:
            return read[node]
        run = self._bound.run
        return token_axis(run.shape(node), run.shape(self._analysis.program.output)[0], self._analysis.length)

    def _nodes(self, name: str) -> tuple[int, ...]:
        program = self._analysis.program
        if name in program.inputs:
            return (program.inputs[name],)
        named = {**{call: (node,) for call, node in calls(program).items()}, **program.tensors}
        return named.get(name) or named.get(f"{self._analysis.backbone}.{name}", ())


def _near(name: str, names: list[str]) -> str:
    return f"; {suggestion.strip()}" if (suggestion := did_you_mean(name, names)) else ""


def _written(rows: Rows) -> str:
    """Positions row by row, said once where all rows are alike: "0 to 3, 7"."""
    texts = [", ".join(_runs(row)) or "none" for row in rows]
    if len(set(texts)) == 1:
        return texts[0] + (" in each row" if len(rows) > 1 else "")
    more = f", … ({len(rows) - SHOWN} more rows)" if len(rows) > SHOWN else ""
    return ", ".join(f"[{text}]" for text in texts[:SHOWN]) + more


def _runs(row: Sequence[int]) -> list[str]:
    """Sorted positions, neighbours together."""
    return [f"{a} to {b}" if b - a > 1 else ", ".join(map(str, range(a, b + 1))) for a, b in runs(row)]
