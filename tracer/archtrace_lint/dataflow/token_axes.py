"""The dim of the tokens: transposes, slices and stacks of hidden states, and means over the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    Chunks,
    Hidden,
    Layer,
    TokenIds,
    Tokens,
    constant,
    has,
    items,
    only,
    singleton,
    tensors,
)
from archtrace_lint.dataflow.events import Mean
from archtrace_lint.dataflow.masking import slice_tokens
from archtrace_lint.dataflow.operations import TensorCall, operation
from archtrace_lint.dataflow.site import Site
from archtrace_lint.dataflow.spellings import AVERAGES, TOKEN_AVERAGES, word_set

MEANS = word_set("mean reduce_mean nanmean")
POOLING_FUNCTIONS = word_set("avg_pool1d adaptive_avg_pool1d")


@operation("transpose", "swapaxes", "swapdims", "movedim")
def _transpose(call: TensorCall) -> AbstractValues:
    dims = [constant(a) for a in call.arguments[:2]]
    return _move_axis(call.receiver, {dims[0]: dims[1], dims[1]: dims[0]} if len(dims) == 2 else {})


@operation("permute")
def _permute(call: TensorCall) -> AbstractValues:
    order = call.arguments if len(call.arguments) > 1 else items(call.other) or ()
    return _move_axis(call.receiver, {constant(old): new for new, old in enumerate(order)})


def _move_axis(value: AbstractValue, new_axes: dict[object, object]) -> AbstractValues:
    """The value with its token dim moved: `new_axes` maps old dims to new ones, counted from either end of three."""
    if not isinstance(value, Hidden):
        return singleton(value)
    # Dims count from either end: -1 is 2 of (batch, tokens, features).
    new = new_axes.get(value.axis, new_axes.get(value.axis - 3, value.axis))
    return singleton(replace(value, axis=new % 3) if isinstance(new, int) else value)


@operation("split", "chunk", "tensor_split")
def _split(call: TensorCall) -> AbstractValues:
    """Parts of a batch, or parts of the tokens, which may be free of pads."""
    value = call.receiver
    dims = [
        constant(v) for v in (*call.arguments[1:2], *(call.keywords[k] for k in ("dim", "axis") if k in call.keywords))
    ]
    if isinstance(value, Hidden):
        # Of a part of the tokens it is not known whether any is a pad.
        cut = bool(dims) and dims[0] in (value.axis, value.axis - 3) and value.kind != "scores"
        return singleton(Chunks(slice_tokens(value, partial=cut)))
    return singleton(Chunks(value) if isinstance(value, Tokens | TokenIds) else None)


def mean_call(site: Site) -> AbstractValues | None:
    """A mean over the tokens emits an event; a mean over layers gives hidden states again."""
    if site.name not in MEANS:
        return _average_pool(site)
    tensor = tensors(site.tensor)
    hidden = only(tensor, Hidden)
    if not hidden:
        return _average_pool(site)
    dim = TensorCall(site.node, AbstractValue(), site.rest, site.keywords).dim
    if any(over_tokens(h, dim) for h in hidden):
        _emit_mean(site, tensor)
    # A mean over layers that were stacked before or after the batch gives states.
    return frozenset(replace(h, several_layers=False) for h in hidden if h.several_layers and dim in (0, 1))


def over_tokens(hidden: Hidden, dim: object) -> bool:
    """Whether a dim is that of the tokens, counted from either end; with one number per token there is a dim less."""
    dims = 2 if hidden.kind == "scores" else 3
    return isinstance(dim, int) and dim in (hidden.axis, hidden.axis - dims)


def _average_pool(site: Site) -> AbstractValues | None:
    """`F.adaptive_avg_pool1d(hidden.transpose(1, 2), 1)`, as a function, or as a module made in this file.

    The width of `avg_pool1d` is taken for the length of the text unless it is a literal. Keras' layer takes a mask.
    """
    # Keras pools (batch, tokens, features) over its tokens, torch the last dim of (batch, features, tokens).
    if any(v.class_name in TOKEN_AVERAGES for v in only(site.base, Layer)):
        return _keras_average_pool(site)
    layer = any(v.class_name in AVERAGES for v in only(site.base, Layer))
    if not site.arguments or not (layer or site.name in POOLING_FUNCTIONS):
        return None
    values = tensors(site.arguments[0])
    # The windows run along the tokens only if the features were transposed before them.
    transposed = frozenset(h for h in only(values, Hidden) if h.axis == 2)
    size = constant(site.keywords.get("kernel_size", site.arguments[1] if len(site.arguments) > 1 else UNKNOWN))
    if transposed and (layer or size == 1 or (site.name == "avg_pool1d" and size is ...)):
        _emit_mean(site, transposed)
    return UNKNOWN if values else None


def _keras_average_pool(site: Site) -> AbstractValues:
    """`GlobalAveragePooling1D()(states)`; with `mask=` it leaves the pads out."""
    states = (
        frozenset(h for h in only(tensors(site.arguments[0]), Hidden) if h.axis == 1) if site.arguments else UNKNOWN
    )
    if states and "mask" not in site.keywords:
        _emit_mean(site, states)
    return UNKNOWN


def einops_mean(site: Site) -> AbstractValues | None:
    """`einops.reduce(hidden, "b s d -> b d", "mean")`: a mean that reduces the second axis."""
    if site.name != "reduce" or len(site.arguments) != 3 or constant(site.arguments[2]) != "mean":
        return None
    before, _, after = str(constant(site.arguments[1])).partition("->")
    # The names of axes are free, so their order counts: the second is reduced, the others stay.
    is_reduced = [axis not in after.split() for axis in before.split()]
    if has(tensors(site.arguments[0]), Hidden) and is_reduced == [False, True, False]:
        _emit_mean(site, tensors(site.arguments[0]))
    return UNKNOWN


def _emit_mean(site: Site, target: AbstractValues) -> None:
    """Emit a mean; the inputs of a pooling class are hidden states under any name."""
    owner = site.frame.owner
    # A pooling class may give the states any name: `MeanPooling.forward(self, x, mask)`.
    is_pooling_class = owner is not None and "pool" in owner.name.lower()
    if is_pooling_class:
        target = frozenset(replace(h, kind="hidden") if h.kind == "weak" else h for h in only(target, Hidden))
    sure = is_pooling_class or any(h.sure for h in only(target, Hidden))
    site.frame.emit(Mean(site.node, site.frame.scope(), target, site.frame.mask_in_sight(text=sure)))


def pooling_layer(site: Site) -> AbstractValues | None:
    """`nn.AdaptiveAvgPool1d(1)` and Keras' `GlobalAveragePooling1D()` as Layer values."""
    is_width_1 = constant(site.arguments[0]) == 1 if site.arguments else False
    is_pooling = (site.name in AVERAGES and is_width_1) or (site.name in TOKEN_AVERAGES and not site.arguments)
    return singleton(Layer(site.name)) if is_pooling else None


def concatenate(parts: Sequence[AbstractValues], dim: object) -> AbstractValues:
    """Hidden states concatenated along their features remain hidden states.

    So they do along the tokens if one of them is sure: its pads are still there.
    """
    hidden = [h for part in parts for h in only(tensors(part), Hidden)]
    masked = any(h.masked for h in hidden)
    # Beside each other along the features, as of the last four layers: one vector a token still.
    if hidden and dim in (-1, 2) and hidden[0].axis == 1:
        return singleton(replace(hidden[0], masked=masked, several_layers=False))
    texts = [h for h in hidden if h.sure and h.kind == "hidden" and over_tokens(h, dim)]
    return singleton(replace(texts[0], masked=masked, zeroed=False, several_layers=False)) if texts else UNKNOWN


def stack(parts: Sequence[AbstractValues]) -> AbstractValues:
    """Hidden states stacked along a new dim: `several_layers`."""
    return frozenset(replace(h, several_layers=True) for part in parts for h in only(tensors(part), Hidden))
