"""AT022: the end of the longer text of a pair, taken for the end of both."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.events import SourceModule
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.dataflow.subscripts import literal
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import FunctionNodes, definitions, scope_in
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.source.syntax import Function, functions, last_word, statements

_MAXIMA = word_set("max maximum fmax")

#: Names of sequences whose values matter; ids that are cut a little too late do no harm.
_VALUES = word_set("reward rewards score scores value values logit logits hidden state states output outputs")


def check(module: SourceModule) -> Iterator[Match]:
    """`end = max(end_a, end_b)`, where two sequences are read at that end, or at the last item of a slice up to it."""
    for name, function in functions(module.tree):
        for end, maximum in _larger_ends(function):
            sequences = _sequences_read_at(end, scope_in(function))
            # A single sequence has only one end; ids that are sliced there are compared, not read.
            if len(sequences) > 1 and any(_VALUES.intersection(sequence.lower().split("_")) for sequence in sequences):
                message = f"`{abbreviated(maximum, 26)}` is the end of the longer only; read each text at its own end"
                yield Match(maximum, name, message)


def _larger_ends(function: Function) -> Iterator[tuple[str, ast.Call]]:
    """Names bound to the larger of two different ends, with the call that takes the maximum."""
    for node in statements(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            call = node.value
            if (
                last_word(call.func) in _MAXIMA
                and len(call.args) == 2
                and not call.keywords
                and _are_two_ends(*call.args)
            ):
                yield node.targets[0].id, call


def _are_two_ends(first: ast.expr, second: ast.expr) -> bool:
    """Both are ends by their names, and neither is a bound such as `0` or `max_length`."""
    names = [_name(first), _name(second)]
    # `max(end, start)` and `max(n, min_length)` are bounds.
    return all(names) and names[0] != names[1] and not any("min" in n or "max" in n or "start" in n for n in names)


def _name(node: ast.expr) -> str:
    """`a` of `a`, `a[i]`, `a.item()`, and of `a - 1`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        return _name(node.left)
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Call):
        return _name(node.func.value) if isinstance(node.func, ast.Attribute) and not node.args else ""
    return last_word(node)


def _sequences_read_at(end: str, scope: FunctionNodes) -> set[str]:
    """The sequences of which the last value before `end` is read: `x[i, end - 1]`, and `part[-1]` of `x[i][:end]`."""
    sequences = set()
    for node in scope.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            last = _parts(node)[-1]
            if _is_end_minus_1(last, end):
                sequences.add(_name(node.value))
            elif literal(last) == -1:
                sequences |= {_name(cut.value) for cut in _slices_ending_at(node.value, end, scope)}
    return sequences - {""}


def _parts(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _is_end_minus_1(node: ast.expr, end: str) -> bool:
    """`end - 1`."""
    subtracts_1 = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and literal(node.right) == 1
    return subtracts_1 and isinstance(node, ast.BinOp) and last_word(node.left) == end


def _slices_ending_at(node: ast.expr, end: str, scope: FunctionNodes) -> Iterator[ast.Subscript]:
    """The slices up to `end`, directly or through a name."""
    for value in [node, *(definitions(node.id, scope) if isinstance(node, ast.Name) else ())]:
        last = _parts(value)[-1] if isinstance(value, ast.Subscript) else None
        upper = last.upper if isinstance(last, ast.Slice) else None
        if isinstance(value, ast.Subscript) and upper is not None and last_word(upper) == end:
            yield value


RULE = Rule(
    code="AT022",
    name="end-of-the-longer",
    summary="The end of the longer text of a pair is used for both: for the shorter text, a pad is read.",
    why="""The larger of two ends is right if both texts should be cut at the same place, as for a loss that
compares them token by token. But the last value before it belongs only to the longer text; for the shorter one it
is the value at a pad. A reward model that compares these values compares a text with padding.""",
    real=("CarperAI/trlx: the reward model of its summarization example",),
    instead="""```python
chosen_score = chosen_rewards[i, chosen_end - 1]
rejected_score = rejected_rewards[i, rejected_end - 1]
```""",
    unseen="""An end under another name than the one to which the maximum was assigned; a maximum of more than two;
a gather with the ends of a whole batch. The rule reports only if two different sequences are read there, and if the
name of one says that it contains rewards, scores, logits or states.""",
    valid={
        "each at its own end": """
            def scores(rewards_a, rewards_b, end_a, end_b):
                end = max(end_a, end_b)
                loss = (rewards_a[:end] - rewards_b[:end]).mean()
                return loss, rewards_a[end_a - 1], rewards_b[end_b - 1]
            """,
        "one text": """
            def last(rewards, end, start):
                end = max(end, start)
                return rewards[end - 1]
            """,
        "ids that are cut": """
            def longest(chosen, rejected, n_chosen, n_rejected):
                end = max(n_chosen, n_rejected)
                return chosen[:end], rejected[:end]
            """,
    },
    invalid={
        "the last value of what is cut": """
            import torch


            def loss(chosen_rewards, rejected_rewards, chosen_ends, rejected_ends, starts):
                last_chosen, last_rejected = [], []
                for i in range(len(chosen_rewards)):
                    end = max(chosen_ends[i], rejected_ends[i])
                    chosen = chosen_rewards[i][starts[i] : end]
                    rejected = rejected_rewards[i][starts[i] : end]
                    last_chosen.append(chosen[-1])
                    last_rejected.append(rejected[-1])
                return torch.stack(last_chosen), torch.stack(last_rejected)
            """,
        "one before the end": """
            def margin(values_a, values_b, length_a, length_b):
                length = max(length_a, length_b)
                return values_a[length - 1] - values_b[length - 1]
            """,
        "with torch": """
            import torch


            def compare(logits_a, logits_b, end_a, end_b):
                end = torch.maximum(end_a, end_b)
                return logits_a[0, end - 1] > logits_b[0, end - 1]
            """,
        "cut and read in one expression": """
            def compare(scores, other_scores, n_first, n_second):
                stop = max(n_first.item(), n_second.item())
                return scores[:stop][-1], other_scores[:stop][-1]
            """,
    },
    check=check,
)
