"""Contractions: sums of products, each written as its einsum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archtrace.ops import PRODUCTS
from archtrace.reach.flows import Mask
from archtrace.reach.marks import Shape
from archtrace.reach.rules.contractions import (
    LETTERS,
    SPARE,
    broadcast_axes,
    contraction,
    letters,
    reach,
    with_new_axes,
)
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import Call, Transfer, rule, shape_of, silent, single, value_of
from archtrace.reach.scales import scale_of_product


@rule("linear")
def linear(call: Call) -> Transfer:
    """y[*i, o] = sum_k x[*i, k] W[o, k] + b[o]; a weight of one axis leaves no o."""
    out = letters(len(call.shape))
    rows = len(shape_of(call["input"])) - 1
    factors = [(call["input"], out[:rows] + "K"), (call["weight"], out[rows:] + "K")]
    return contraction(call, factors, out, call["bias"])


@rule(*PRODUCTS)
def product(call: Call) -> Transfer:
    """A product of two tensors with fixed axes, and a term that may be added."""
    left, left_axes, right, right_axes, out, term = PRODUCTS[call.name]
    added = call[term] if term and call["beta"] != 0 else None
    if call["alpha"] == 0:
        step = single(call, reach(out, (added, broadcast_axes(shape_of(added), call.shape, out))),
                      scale=scale_of_product([call.value("beta"), value_of(added)]))  # fmt: skip
        return silent(step, call[left], call[right], call[term] if term else None)  # alpha * x * y = 0
    step = contraction(call, [(call[left], left_axes), (call[right], right_axes)], out, added)
    return silent(step, call[term]) if term and added is None else step  # beta * term = 0


@rule("matmul")
def matmul(call: Call) -> Transfer:
    """y[*b, i, j] = sum_k x[*b, i, k] z[*b, k, j]; vectors on either side lose their axis."""
    left, right = shape_of(call["self"]), shape_of(call["other"])
    out = letters(len(call.shape))
    # A vector on either side has no row, or no column, in the result.
    tail = (len(left) > 1) + (len(right) > 1)
    batch, ends = out[: len(out) - tail], out[len(out) - tail :]
    row = ends[0] if len(left) > 1 else ""
    column = ends[-1] if len(right) > 1 else ""
    sizes = call.shape[: len(batch)]
    left_axes = broadcast_axes(left[:-2], sizes, batch) + row + "K"
    right_axes = broadcast_axes(right[:-2], sizes, batch) + "K" + column
    return contraction(call, [(call["self"], left_axes), (call["other"], right_axes)], out)


@rule("bilinear")
def bilinear(call: Call) -> Transfer:
    """y[*i, o] = sum_jk x[*i, j] W[o, j, k] z[*i, k] + b[o]."""
    out = letters(len(call.shape))
    factors = [(call["input1"], out[:-1] + "J"), (call["input2"], out[:-1] + "K"), (call["weight"], out[-1] + "JK")]
    return contraction(call, factors, out, call["bias"])


@rule("einsum")
def einsum(call: Call) -> Transfer:
    """The equation itself names the axes; a letter that stands twice in one term is a diagonal."""
    tensors = call.listed("tensors")
    shapes = [shape_of(tensor) for tensor in tensors]
    terms, out = _lettered(str(call["equation"]).replace(" ", ""), [len(s) for s in shapes])
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for axis, size in zip(term, shape, strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))
    fresh = (a for a in LETTERS + SPARE if a not in sizes)
    named = [_distinct(term, shape, sizes, fresh) for term, shape in zip(terms, shapes, strict=True)]
    factors = [(t, axes) for t, (axes, _) in zip(tensors, named, strict=True)]
    return contraction(call, factors, out, links=tuple(m for _, masks in named for m in masks))


def _lettered(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The terms and the result of an equation, each axis one letter: dots are spelled out, an implied result is added.

    Letters are dealt anew, as Z means something else in a flow.
    """
    inputs, arrow, out = equation.partition("->")
    terms = inputs.split(",")
    if not arrow:
        once = sorted(a for a in set(inputs) - set(",.") if inputs.count(a) == 1)
        out = ("..." if "..." in inputs else "") + "".join(once)
    used = sorted(set(inputs) - set(",."))
    # Letters are dealt anew: in a flow Z is the label's.
    table = dict(zip(used, LETTERS + SPARE, strict=False))
    rest = (LETTERS + SPARE)[len(used) :]
    widths = [rank - len(t.replace("...", "")) if "..." in t else 0 for t, rank in zip(terms, ranks, strict=True)]
    dots = rest[: max(widths)]

    def spell(term: str, width: int) -> str:
        head, ellipsis, tail = term.partition("...")
        middle = dots[len(dots) - width :] if ellipsis else ""
        return "".join(table[a] for a in head) + middle + "".join(table[a] for a in tail)

    return [spell(t, w) for t, w in zip(terms, widths, strict=True)], spell(out, len(dots))


def _distinct(term: str, shape: Shape, sizes: dict[str, int], fresh: Iterator[str]) -> tuple[str, tuple[Mask, ...]]:
    """A term with a letter of its own for each axis that broadcasts or repeats, and the masks that tie repeats."""
    axes, masks = "", []
    for name, size in zip(term, shape, strict=True):
        if size == sizes[name] and name not in axes:
            axes += name
            continue
        axes += next(fresh)
        if size == sizes[name]:
            masks.append(Mask(name + axes[-1], np.eye(size, dtype=bool)))
    return axes, tuple(masks)


@rule("trace")
def trace(call: Call) -> Transfer:
    """y = sum_i x[i, i]."""
    diagonal = Mask("IJ", np.eye(*shape_of(call["self"]), dtype=np.bool_))
    return contraction(call, [(call["self"], "IJ")], "", links=(diagonal,))


@rule("cdist")
def cdist(call: Call) -> Transfer:
    """y[*b, i, j] = distance(x[*b, i, :], z[*b, j, :])."""
    out = letters(len(call.shape))
    axes = [
        broadcast_axes(shape_of(call[name])[:-2], call.shape[:-2], out[:-2]) + own + "K"
        for name, own in (("x1", out[-2]), ("x2", out[-1]))
    ]
    return single(call, reach(out, (call["x1"], axes[0]), (call["x2"], axes[1])), scale=scale_of_elements(call))


@rule("cosine_similarity", "pairwise_distance")
def comparison(call: Call) -> Transfer:
    """y[i] = f(x[i, :], z[i, :]), along `dim`; the operands broadcast first."""
    left, right = shape_of(call["x1"]), shape_of(call["x2"])
    # torch broadcasts first and looks for `dim` among the axes of that.
    both = np.broadcast_shapes(left, right)
    reduced = call.axes(len(both), [-1])
    names = letters(len(both))
    axes_left = with_new_axes(names, reduced) if call["keepdim"] else names
    out = "".join(a for i, a in enumerate(axes_left) if i not in reduced or call["keepdim"])
    sources = ((call[n], broadcast_axes(s, both, names)) for n, s in (("x1", left), ("x2", right)))
    scale = 1.0 if call.name == "aten::cosine_similarity" else scale_of_elements(call)
    return single(call, reach(out, *sources), scale=scale)
