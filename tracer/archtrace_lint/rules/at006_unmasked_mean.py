"""AT006: a mean over hidden states that includes the pads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import Count, Hidden, MaskedSum, only
from archtrace_lint.dataflow.events import Divide, Mean, SourceModule
from archtrace_lint.dataflow.spellings import NO_TEXT, PARTS, word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import forward_slice, scope_of, without_same_shape_calls
from archtrace_lint.rules.invalid_at006 import INVALID
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.rules.valid_at006 import VALID
from archtrace_lint.source.syntax import FUNCTIONS, Function, last_word

#: Words that indicate a text, though they contain the name of a part of a model (`attention_mask`, `layers`).
_TEXT_WORDS = re.compile(r"\w*mask\w*|\b\w*layers\b")


def check(module: SourceModule) -> Iterator[Match]:
    """A mean that ignores an available mask, and a masked sum divided by the wrong number of tokens."""
    yield from _mean_matches(module)
    yield from _divisor_matches(module)


def _mean_matches(module: SourceModule) -> Iterator[Match]:
    for mean in module.events_of(Mean):
        states = [h for h in only(mean.target, Hidden) if not h.several_layers and _is_of_vectors(h)]
        zeroed = [h for h in states if h.zeroed]
        problem = ""
        if _includes_padding(mean, [h for h in states if not h.masked], module):
            problem = "counts padding in; weight the mean by the attention mask"
        # (h · m).mean(1) = Σ h·m / n with n the padded length, where Σ m is meant: the same vector, but for its length.
        elif _includes_padding(mean, zeroed, module) and not _length_is_irrelevant(mean.node, module):
            problem = "divides by the padded length; divide the sum by the mask's own"
        if problem:
            yield Match(mean.node, mean.scope.function, f"`{abbreviated(mean.node)}` {problem}")


def _includes_padding(mean: Mean, states: list[Hidden], module: SourceModule) -> bool:
    """Some of these states are those of pads."""
    if not states:
        return False
    encodings = [h.encoding for h in states if h.encoding]
    # The arguments of a tokenizer count more than the name of a mask: that of a single text is all ones.
    padded = any(e.padded for e in encodings) if encodings else mean.padded
    is_excluded = mean.scope.without_mask or _is_no_text(mean, sure=any(h.sure for h in states))
    is_single_row = any(h.axis == 0 for h in states)  # the batch is no longer first: `squeeze(0)` then takes no row
    return padded and not is_excluded and (is_single_row or not _uses_one_row(mean.node, module))


def _is_of_vectors(hidden: Hidden) -> bool:
    """Hidden states, or sure scores (one number per token)."""
    return hidden.kind == "hidden" or (hidden.kind == "scores" and hidden.sure)


def _uses_one_row(node: ast.AST, module: SourceModule) -> bool:
    """Only the first row of the result is used, so the batch is a single text without pads."""
    return any(_first_row(*pair) for pair in forward_slice(node, scope_of(node, module.tree)))


def _first_row(node: ast.AST, parent: ast.AST) -> bool:
    """`x[0]`, or `x.squeeze(0)`, of a mean x."""
    if isinstance(parent, ast.Subscript):
        return (
            isinstance(parent.slice, ast.Constant)
            and parent.slice.value == 0
            and without_same_shape_calls(parent.value) is node
        )
    if not isinstance(parent, ast.Call) or not isinstance(parent.func, ast.Attribute) or parent.func.attr != "squeeze":
        return False
    return [ast.unparse(a) for a in parent.args] in ([], ["0"]) and without_same_shape_calls(parent.func.value) is node


#: Functions whose result does not depend on the length of a vector.
_SCALES = word_set("normalize cosine_similarity cos_sim pairwise_cos_sim pytorch_cos_sim layer_norm l2_normalize")


def _is_normalized(node: ast.AST, module: SourceModule) -> bool:
    """The vector is normalized later, here or where the function is called."""
    tree = module.tree
    for _, parent in forward_slice(node, scope_of(node, tree)):
        if _normalizes(parent):
            return True
        # A function that pools is often normalized where it is called: `F.normalize(mean_pool(…))`.
        if isinstance(parent, ast.Return):
            name = next((f.name for f in ast.walk(tree) if isinstance(f, FUNCTIONS) and _within(parent, f)), "")
            calls = [c for c in ast.walk(tree) if isinstance(c, ast.Call) and last_word(c.func) == name]
            if any(_normalizes(n) for c in calls for _, n in forward_slice(c, scope_of(c, tree))):
                return True
    return False


def _within(node: ast.stmt, function: Function) -> bool:
    return any(n is node for n in ast.walk(function))


def _normalizes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        # normalize(c · v) = normalize(v) for any c > 0, and so it is with a cosine and a layer norm.
        return last_word(node.func) in _SCALES
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and "norm" in ast.unparse(node.right)


#: Callees that depend on the angle between vectors, not on their lengths.
_ANGLE_CALLEES = re.compile(r"(\w*_)?(cos_?sim|sim|similarity|similarities|normalize)|\w*cosine\w*", re.IGNORECASE)


def _length_is_irrelevant(node: ast.AST, module: SourceModule) -> bool:
    """The length of the vector does not matter in this module, or is corrected by a factor later."""
    callees = (last_word(n.func) for n in ast.walk(module.tree) if isinstance(n, ast.Call))
    # Anywhere in the file: vectors are seldom compared in the function that makes them.
    if any(map(_ANGLE_CALLEES.fullmatch, callees)) or _is_normalized(node, module):
        return True
    return any(_is_rescaled(parent) for _, parent in forward_slice(node, scope_of(node, module.tree)))


def _is_rescaled(node: ast.AST) -> bool:
    """`mean / mask.mean(1)`, `mean * (length / count)`: a product or a quotient without a literal."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div):
        return False
    # `0.5 * mean` does not correct the length; `mean * (n / count)` does.
    return not any(isinstance(side, ast.Constant) for side in (node.left, node.right))


def _is_no_text(mean: Mean, *, sure: bool) -> bool:
    """The names of class and tensor indicate images or audio; or, unless the states are sure, a layer of a model."""
    owner = mean.scope.owner.name if mean.scope.owner else ""
    # ViT, CLAP and Whisper have hidden states as well, and patches or frames are not padded like tokens.
    names = f"{owner} {_TEXT_WORDS.sub('', ast.unparse(mean.node))}"
    return bool(NO_TEXT.search(names) or (not sure and PARTS.search(names)))


def _divisor_matches(module: SourceModule) -> Iterator[Match]:
    for divide in module.events_of(Divide):
        padded = all(m.encoding is None or m.encoding.padded for m in only(divide.numerator, MaskedSum))
        # `mask.sum()` counts the tokens of all rows: each mean is too small by about the number of rows.
        counts_whole_batch = any(c.whole_batch for c in only(divide.denominator, Count))
        if padded and counts_whole_batch and not _is_normalized(divide.node, module):
            denominator = divide.node.right if isinstance(divide.node, ast.BinOp) else divide.node
            yield Match(
                divide.node,
                divide.scope.function,
                f"`{abbreviated(denominator)}` counts the whole batch's tokens; use `.sum(-1, keepdim=True)`",
            )


RULE = Rule(
    code="AT006",
    name="unmasked-mean",
    summary="A mean over hidden states that includes pads, or divides by the number of tokens in the whole batch.",
    why="""`hidden.mean(1)` adds the vectors of pads, which are not zero, and divides by the padded length. So the
vector of a text depends on the longest text in its batch. `(hidden * mask).mean(1)` adds zeros for the pads but
still divides by the padded length, so a short text gets a short vector.""",
    real=(
        "LightRAG pull request 3675: embeddings of short texts",
        "SeanLee97/AnglE pull request 102",
        "kongds/scaling_sentemb, evaluation.py: zeros for the pads, in a mean over the padded length",
        "ModernBERT's mean pooling in transformers 5.x, when no mask is passed",
    ),
    instead="""```python
mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
```""",
    unseen="""Hidden states if the code in sight does not show which dim is the tokens; a mask that another function
applied, or that is used only after the mean; means over windows or sentences, some of which are all padding; losses
and other numbers per token; logits of which only the name is in sight; batches of one text, which have no pads. The
rule assumes that the query of an attention module has the pads of the mask next to it, although in cross-attention
these may be the keys'. It reports only if there is a mask, or a batch with `padding=True`, in the same function. It
says nothing if the mask is None or all ones, about a mean over a slice of the tokens or over those that a mask
selects, if pads were set to zero and the module compares vectors only by their angle, or if the name of the class
or tensor says that these are not tokens of a text (image, patch, audio; attention, layer ... unless a model in
sight made them).""",
    valid=VALID,
    invalid=INVALID,
    check=check,
)
