"""Account: what the modules on the way do with what is read, and which parameters training reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Readout, Result, Step
from archtrace_reports.tokens import choices
from archtrace_reports.words import enumerate_words

#: Of a longer way the first and the last modules are named.
LONGEST = 5
#: Steps that only move values.
MOVES = ("view", "reshape", "select", "slice", "squeeze", "unsqueeze", "transpose", "permute", "contiguous", "index")
#: Steps that are not worth a word: those, what does nothing in a trained model, and the parts of a formula.
SILENT = frozenset(("", "dropout", "add", "mul", *MOVES))
#: Steps of a module that is known by its name; another is told by what it does.
LAYERS = ("linear", "conv", "norm", "bilinear", "embedding", "lstm", "gru", "rnn")
#: Of more modules the rest is counted.
FEW = 2


def account(result: Result) -> str:
    """The sentences behind the headline; the first is left out where several tensors are read."""
    return " ".join(filter(None, (_way(result), _training(result))))


def _way(result: Result) -> str:
    if len(result.readouts) != 1 or result.relations:
        return ""
    (readout,) = result.readouts
    taken, then = _taken(readout, result), _then(readout.steps)
    if not taken:
        return f"From there on {then}." if then else ""
    return f"{taken[:1].upper()}{taken[1:]}{f'; {then}' if then else ''}."


def _taken(readout: Readout, result: Result) -> str:
    """BertPooler does not pool: it takes index 0."""
    done = KINDS[readout.kind].done.format(by=_by(readout, result))
    if readout.source is None or not done:
        return ""
    name = (readout.source.function.rpartition(".")[0] or readout.source.function).rpartition(".")[2]
    name = "its forward" if name == result.class_name else name
    pools = "pool" in name.lower() and KINDS[readout.kind].predict is not None
    return f"{name} does not pool: it {done}" if pools else f"{name} {done}"


def _by(readout: Readout, result: Result) -> str:
    """The inputs that an index looks at, and those that could tell padding and that it does not look at."""
    looked = readout.index.depends_on
    ignored = [name for name in choices(result.layouts) if name not in looked]
    return enumerate_words(looked) + (f" (not by {enumerate_words(ignored)})" if ignored else "")


def _then(steps: Sequence[Step]) -> str:
    """The modules that follow, by the last part of their path: "dense, tanh and classifier follow"."""
    names = [*_names(steps)]
    if len(names) > LONGEST:
        names = [*names[:2], f"{len(names) - 3} more steps", names[-1]]
    return f"{enumerate_words(names)} follow{'s' if len(names) == 1 else ''}" if names else ""


def _names(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.detail in SILENT:
            continue
        layer = any(part in step.detail for part in LAYERS)
        yield step.module.rpartition(".")[2] if layer and step.module else step.detail


def _training(result: Result) -> str:
    """Which parameters a gradient reaches. That the others get none is certain; that these get one only if exact."""
    dead, total = len(result.dead_parameters), result.parameters
    if dead:
        never = f"training never reaches {dead:,} of the {total:,} parameter tensors ({_held(result)})"
        given = enumerate_words([*dict.fromkeys(name for layout in result.layouts for name in layout.inputs)])
        return f"Given {given}, {never}."
    return f"Training reaches all {total:,} parameter tensors." if result.status == "exact" and total > 1 else ""


def _held(result: Result) -> str:
    """The modules that hold what training never reaches."""
    names = result.dead_modules or result.dead_parameters
    shown = [*names] if len(names) <= FEW else [*names[: FEW - 1], f"{len(names) - FEW + 1:,} more"]
    return enumerate_words(shown)
