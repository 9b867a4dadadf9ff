"""Contractions: sums of products, each written as its einsum."""

from __future__ import annotations

from archtrace.rules.axes import contraction, letters
from archtrace.rules.registry import Call, Step, everything, rule, shape_of


@rule("linear")
def linear(call: Call) -> Step:
    """y[*i, o] = sum_k x[*i, k] W[o, k] + b[o]."""
    if len(shape_of(call["weight"])) == 1:
        return everything(call)
    out = letters(len(call.shape))
    factors = [(call["input"], out[:-1] + "K"), (call["weight"], out[-1] + "K")]
    return contraction(call, factors, out, [call["bias"]])


#: op -> its two factors and its result, as in an einsum, and the names of the arguments.
PRODUCTS = {
    "mm": ("self", "ik", "mat2", "kj", "ij", None),
    "bmm": ("self", "bik", "mat2", "bkj", "bij", None),
    "mv": ("self", "ik", "vec", "k", "i", None),
    "dot": ("self", "k", "tensor", "k", "", None),
    "outer": ("self", "i", "vec2", "j", "ij", None),
    "addmm": ("mat1", "ik", "mat2", "kj", "ij", "self"),
    "addmv": ("mat", "ik", "vec", "k", "i", "self"),
    "baddbmm": ("batch1", "bik", "batch2", "bkj", "bij", "self"),
}


@rule(*PRODUCTS)
def product(call: Call) -> Step:
    """A product of two tensors with fixed axes, and a term that may be added."""
    left, left_axes, right, right_axes, out, term = PRODUCTS[call.name.removeprefix("aten::")]
    names = dict(zip(out, letters(len(out)), strict=True)) | {"k": "K"}
    factors = [(call[n], "".join(names[a] for a in axes)) for n, axes in ((left, left_axes), (right, right_axes))]
    added = [call[term]] if term and call["beta"] != 0 else []
    return contraction(call, factors, letters(len(out)), added)


@rule("matmul")
def matmul(call: Call) -> Step:
    """y[*b, i, j] = sum_k x[*b, i, k] z[*b, k, j]; vectors on either side lose their axis."""
    left, right = shape_of(call["self"]), shape_of(call["other"])
    out = letters(len(call.shape))
    tail = (len(left) > 1) + (len(right) > 1)
    batch, ends = out[: len(out) - tail], out[len(out) - tail :]
    row = ends[0] if len(left) > 1 else ""
    column = ends[-1] if len(right) > 1 else ""
    sizes = call.shape[: len(batch)]
    left_axes = _batch(left[:-2], batch, sizes) + row + "K"
    right_axes = _batch(right[:-2], batch, sizes) + "K" + column
    return contraction(call, [(call["self"], left_axes), (call["other"], right_axes)], out)


def _batch(shape: tuple[int, ...], names: str, sizes: tuple[int, ...]) -> str:
    offset = len(names) - len(shape)
    return "".join(chr(ord("P") + i) if n == 1 and sizes[i + offset] != 1 else names[i + offset] for i, n in enumerate(shape))


@rule("einsum")
def einsum(call: Call) -> Step:
    """The equation itself names the axes."""
    equation = call["equation"].replace(" ", "")
    if "." in equation or len(set(equation.split("->")[0].split(",")[0])) != len(equation.split("->")[0].split(",")[0]):
        return everything(call)
    inputs, _, out = equation.partition("->")
    if "->" not in equation:
        out = "".join(sorted(a for a in set(inputs) - {","} if inputs.count(a) == 1))
    terms = inputs.split(",")
    if any(len(set(t)) != len(t) for t in terms):
        return everything(call)
    return contraction(call, list(zip(call["tensors"], terms, strict=True)), out)
