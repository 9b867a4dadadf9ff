"""Ops on the last axes of a batch: matrices are mixed within, rows of the batch stay apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archtrace.ops import MATRICES
from archtrace.reach.flows import Mask
from archtrace.reach.rules.contractions import LETTERS, SPARE, Source, broadcast_axes, contraction, letters, reach
from archtrace.reach.rules.registry import Argument, Call, Transfer, rule, several, shape_of, single, unruled
from archtrace.reach.scales import largest_scale, scale_of_product


@rule(*MATRICES)
def matrices(call: Call) -> Transfer:
    """y[*b, ..] = f(A[*b, :, :], ..); any element of a matrix may reach all that is made of it."""
    return _by_rows(call, MATRICES[call.name])


@rule("linalg_solve")
def solve(call: Call) -> Transfer:
    """A[*b] y[*b] = B[*b], where B is a batch of vectors if it has the shape of A without its last axis."""
    left, right = shape_of(call["A"]), shape_of(call["B"])
    return _by_rows(call, {"A": 2, "B": 1 if len(right) == 1 or right == left[:-1] else 2})


@rule("linalg_solve_triangular")
def solve_triangular(call: Call) -> Transfer:
    """A y = B, or y A = B unless `left`: y is solved row by row (column by column), each from those before it.

    From the first on where A is lower and stands left, or upper and stands right; else from the last on.
    """
    left, right = shape_of(call["self"]), shape_of(call["B"])
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    names = LETTERS[: len(batch)]
    forward = call["left"] != call["upper"]
    solved = np.tri(left[-1], dtype=bool)
    # Y is the axis of the result that is solved along, X the other one; K and R are those of an operand.
    order = (Mask("YK", solved if forward else solved.T),)
    out, known, factor = ("YX", "KX", "KR") if call["left"] else ("XY", "XK", "RK")
    return single(
        call,
        reach(
            names + out,
            (call["self"], broadcast_axes(left[:-2], batch, names) + factor, order),
            (call["B"], broadcast_axes(right[:-2], batch, names) + known, order),
        ),
    )


def _by_rows(call: Call, own: Mapping[str, int]) -> Transfer:
    shapes = [shape_of(call[name])[: len(shape_of(call[name])) - count] for name, count in own.items()]
    batch = np.broadcast_shapes(*shapes)
    names = LETTERS[: len(batch)]
    followed = {id(call[name]) for name in own}
    tolerances = [o for o in call.operands if id(o) not in followed]  # one for each row, or one for all
    if any(len(o.value.shape) > len(batch) for o in tolerances):
        return unruled(call, f"{call.name} takes a tensor that is not followed")
    spare = SPARE[10:]
    sources: list[Source] = [
        (call[name], broadcast_axes(lead, batch, names) + spare[:count])
        for lead, (name, count) in zip(shapes, own.items(), strict=True)
    ]
    sources += [(o, broadcast_axes(o.value.shape, batch, names)) for o in tolerances]
    flows = tuple(reach(names + spare[4 : 4 + len(s.shape) - len(batch)], *sources) for s in call.results)
    # A grid picks among pixels; of what is made of a matrix no scale is stated.
    scale = largest_scale([call.value("input")]) if "grid" in own else None
    return Transfer(several(call, (), scale).outputs, flows)


@rule("linalg_cross")
def cross(call: Call) -> Transfer:
    """y[.., i, ..] = x[j] z[k] - x[k] z[j] for the other two j, k along `dim`."""
    out = letters(len(call.shape))
    axis = call.axis(len(out))
    axes = out[:axis] + "Y" + out[axis + 1 :]
    others = Mask("Y" + out[axis], ~np.eye(3, dtype=bool))
    return single(
        call,
        reach(
            out, *((call[n], broadcast_axes(shape_of(call[n]), call.shape, axes), (others,)) for n in ("self", "other"))
        ),
        scale=scale_of_product(call.value(n) for n in ("self", "other")),
    )


@rule("cov", "corrcoef")
def covariance(call: Call) -> Transfer:
    """y[i, j] = sum_k (x[i, k] - mean x[i]) (x[j, k] - mean x[j]), and divided by what stands at i, i and j, j."""
    rank, out = len(shape_of(call["self"])), letters(len(call.shape))
    rows = reach(out, *((call["self"], (axis + "K")[2 - rank :] if rank else "") for axis in (out or " ")))
    weights = ((call[n], "K"[: len(shape_of(call[n]))]) for n in ("fweights", "aweights"))
    return single(call, rows + reach(out, *weights))


@rule("tensordot")
def tensordot(call: Call) -> Transfer:
    """y[*i, *j] = sum_k x[*i, *k] z[*k, *j], the axes k as `dims_self` and `dims_other` pair them."""
    out = letters(len(call.shape))
    fresh = iter(out)
    factors: list[tuple[Argument, str]] = []
    for name, dims in (("self", "dims_self"), ("other", "dims_other")):
        rank = len(shape_of(call[name]))
        summed = {d % rank: SPARE[10 + i] for i, d in enumerate(call.integers(dims))}
        factors.append((call[name], "".join(summed[a] if a in summed else next(fresh) for a in range(rank))))
    return contraction(call, factors, out)
