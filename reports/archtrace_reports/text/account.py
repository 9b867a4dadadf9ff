"""Account: what the modules on the way do with what is read, and which parameters training reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import PathStep, Readout, Result
from archtrace_reports.text.field_lines import without_tokens
from archtrace_reports.text.tokens import ignored_inputs, unreached
from archtrace_reports.text.wording import enumerate_words, of_given

#: Of a longer way the first and the last modules are named.
LONGEST = 5
#: Steps that only move values.
MOVES = ("view", "reshape", "select", "slice", "squeeze", "unsqueeze", "transpose", "permute", "contiguous", "index")
#: Steps that are not worth a word: those, what does nothing in a trained model, and the parts of a formula.
SILENT = frozenset(("", "dropout", "add", "mul", *MOVES))
#: Steps of a module that is known by its name; any other is described by what it does.
LAYERS = ("linear", "conv", "norm", "bilinear", "embedding", "lstm", "gru", "rnn")
#: As many modules without a gradient are named; of more one is.
FEW = 3


def account(result: Result) -> str:
    """The sentences behind the headline; the first is left out where several tensors are read."""
    return " ".join(filter(None, (_path_words(result), _inner(result), _training(result))))


def _path_words(result: Result) -> str:
    """ "BertPooler does not pool: it takes index 0; dense, tanh and classifier follow." """
    if len(result.readouts) != 1 or result.relations:
        return ""
    (readout,) = result.readouts
    early, late = ([step for step in readout.steps if step.early is wanted] for wanted in (True, False))
    first, taken, then = (
        _run(early, "run", " on every position"),
        _selection_words(readout, result),
        _run(late, "follow"),
    )
    if not first and not taken:
        return f"From there on {then}." if then else ""
    return "; ".join(part for part in (first, taken, then) if part) + "."


def _run(steps: Sequence[PathStep], verb: str, where: str = "") -> str:
    """The modules of some steps, by the last part of their path: "dense, tanh and classifier follow"."""
    names = [*_names(steps)]
    if len(names) > LONGEST:
        names = [*names[:2], f"{len(names) - 3} more steps", names[-1]]
    return f"{enumerate_words(names)} {verb}{'s' if len(names) == 1 else ''}{where}" if names else ""


def _names(steps: Sequence[PathStep]) -> Iterator[str]:
    for step in steps:
        if step.detail in SILENT:
            continue
        layer = any(part in step.detail for part in LAYERS)
        yield step.module.rpartition(".")[2] if layer and step.module else step.detail


def _selection_words(readout: Readout, result: Result) -> str:
    """What the code that picks or joins the positions does: "BertPooler does not pool: it takes index 0"."""
    kind = KINDS[readout.kind]
    single, by = kind.predict is not None, _by(readout, result)
    # Neither one batch of given inputs nor an index that looks at no input shows by which rule a position is picked.
    unknown = (single and of_given(result)) or ("{by}" in kind.done and not by)
    if readout.source is None or not kind.done or unknown:
        return ""
    done = kind.done.format(by=by)
    name = (readout.source.function.rpartition(".")[0] or readout.source.function).rpartition(".")[2]
    pools = "pool" in name.lower() and single
    return f"{name} does not pool: it {done}" if pools else f"{name} {done}"


def _by(readout: Readout, result: Result) -> str:
    """The inputs that an index looks at, and those that show padding and that it ignores."""
    looked = readout.index.depends_on
    if not looked:
        return ""
    ignored = ignored_inputs(readout, result)
    return enumerate_words(looked) + (f", ignoring {enumerate_words(ignored)}" if ignored else "")


def _inner(result: Result) -> str:
    """That a state that is read carries other tokens too: layers below it have mixed them."""
    ran = [layout for layout in result.layouts if layout.refused is None]
    partly = len(result.readouts) == 1 and KINDS[result.readouts[0].kind].partial and not result.relations
    if not partly or result.status != "exact" or without_tokens(result) or any(map(unreached, ran)):
        return ""
    return "All other tokens reach the logits through that state."


def _training(result: Result) -> str:
    """Which parameters get no gradient, which is certain; that all others get one, some batches may not show."""
    dead, total = len(result.dead_parameters), result.parameters
    if not dead:
        return ""
    given = enumerate_words([*dict.fromkeys(name for layout in result.layouts for name in layout.inputs)])
    return f"Given {given}, {dead:,} of the {total:,} parameter tensors get no gradient{_without_gradient(result)}."


def _without_gradient(result: Result) -> str:
    """The modules, and the parameters outside of them, that get none."""
    within = tuple(f"{module}." for module in result.dead_modules)
    names = [*result.dead_modules, *(name for name in result.dead_parameters if not name.startswith(within))]
    return f": {enumerate_words(names)}" if len(names) <= FEW else f", among them {names[0]}"
