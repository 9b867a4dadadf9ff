"""Laws that hold between rules, as tables; and the flows against dense boolean matrices."""

# ruff: noqa: E501 (tables read best a row a line)
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_oracle import matrix
from rule_samples import floats, integers, make

from archtrace.reach.flows import Contraction, Everything, Flow, Mask, Pairs, Take
from archtrace.reach.known import blank
from archtrace.reach.marks import shrink, spread
from archtrace.reach.rules.registry import Call, Operand, Spec, apply, bind, invoke, rebuild
from archtrace.reach.values import Unknown, free

aten = torch.ops.aten
#: Stands for the value so far.
X = object()
Link = tuple[Any, tuple[Any, ...]]

#: Chains of ops that give back what went in.
THERE_AND_BACK: dict[str, list[Link]] = {
    "view": [(aten.view.default, (X, [3, 8])), (aten.view.default, (X, [2, 3, 4]))],
    "permute": [(aten.permute.default, (X, [2, 0, 1])), (aten.permute.default, (X, [1, 2, 0]))],
    "split, cat": [(aten.split.Tensor, (X, 2, 2)), (aten.cat.default, (X, 2))],
    "unbind, stack": [(aten.unbind.int, (X, 1)), (aten.stack.default, (X, 1))],
    "chunk, cat": [(aten.chunk.default, (X, 2, 0)), (aten.cat.default, (X, 0))],
    "pad, slice": [(aten.constant_pad_nd.default, (X, [1, 2], 0.0)), (aten.slice.Tensor, (X, 2, 1, 5))],
    "unsqueeze, squeeze": [(aten.unsqueeze.default, (X, 1)), (aten.squeeze.dim, (X, 1))],
    "flip twice": [(aten.flip.default, (X, [1])), (aten.flip.default, (X, [1]))],
    "roll": [(aten.roll.default, (X, [1], [2])), (aten.roll.default, (X, [-1], [2]))],
    "expand, select": [(aten.expand.default, (X, [5, 2, 3, 4])), (aten.select.int, (X, 0, 3))],
    "transpose": [(aten.transpose.int, (X, 1, 2)), (aten.transpose.int, (X, 1, 2))],
    "pack, unpack": [
        (aten._pack_padded_sequence.default, (X, integers([3, 3]), True)),
        (aten._pad_packed_sequence.default, (X, integers([2, 2, 2]), True, 0.0, 3)),
    ],
}

MASK = integers([1, 1, 0], [1, 0, 0]).double()
ADDITIVE = (1 - MASK) * torch.finfo(torch.float32).min
#: Chains on an unknown [2, 3], and where the result is certainly zero.
CERTAIN: dict[str, tuple[list[Link], list[list[int]]]] = {
    "mask multiply": ([(aten.mul.Tensor, (X, MASK))], [[0, 0, 1], [0, 1, 1]]),
    "masked sum of a row": ([(aten.mul.Tensor, (X, MASK * integers([1], [0]))), (aten.sum.dim_IntList, (X, [1]))], [0, 1]),
    "minus infinity": ([(aten.add.Tensor, (X, MASK.log())), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "additive mask": ([(aten.add.Tensor, (X, ADDITIVE)), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "mask of -10000": ([(aten.add.Tensor, (X, (1 - MASK) * -1e4)), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "through scaling, views, dropout": (
        [
            (aten.sub.Tensor, (X, -ADDITIVE)),
            (aten.div.Tensor, (X, 8.0)),
            (aten.add.Tensor, (X, 3.0)),
            (aten.view.default, (X, [3, 2])),
            (aten.dropout.default, (X, 0.1, False)),
            (aten.view.default, (X, [2, 3])),
            (aten.softmax.int, (X, -1)),
        ],
        [[0, 0, 1], [0, 1, 1]],
    ),
    "masked_fill": ([(aten.masked_fill.Scalar, (X, MASK == 0, -1e9)), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "a full row masked": ([(aten.add.Tensor, (X, ADDITIVE[:1] * 0 - 1e9)), (aten.softmax.int, (X, 1))], [[0, 0, 0], [0, 0, 0]]),
    "mask clamped": ([(aten.add.Tensor, (X, ADDITIVE)), (aten.maximum.default, (X, ADDITIVE.min())), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "mask scaled up": ([(aten.add.Tensor, (X, (1 - MASK) * -1e4)), (aten.mul.Tensor, (X, 1e3)), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "two masks": ([(aten.add.Tensor, (X, (MASK - 1) * 1e9)), (aten.add.Tensor, (X, (MASK - 1) * 1e9)), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
    "negated twice": ([(aten.rsub.Scalar, (X, 0)), (aten.add.Tensor, (X, (1 - MASK) * 1e4)), (aten.neg.default, (X,)), (aten.softmax.int, (X, 1))], [[0, 0, 1], [0, 1, 1]]),
}  # fmt: skip


def _apply(op: Any, args: Any, value: Any, kwargs: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """The step of one op in a chain, and its result as the next op's operand."""
    operands = iter(range(99))

    def given_(leaf: Any) -> Any:
        if leaf is X:
            return (
                [Operand(next(operands), v) for v in value]
                if isinstance(value, list)
                else Operand(next(operands), value)
            )
        return leaf

    bound = bind(op, tuple(given_(a) for a in args), kwargs or {})
    shown = {k: rebuild(v, lambda v: blank(v.value) if isinstance(v, Operand) else v) for k, v in bound.items()}
    results = invoke(op, shown)
    listed = list(results) if isinstance(results, list | tuple) else [results]
    call = Call(op, op._schema.name, bound, tuple(Spec(tuple(r.shape), r.dtype) for r in listed))
    step = apply(call)
    parts = [o for o in step.outputs if isinstance(o, Unknown)]
    return step, parts if len(parts) > 1 else parts[0]


def _chain(links: list[Link], shape: tuple[int, ...]) -> tuple[np.ndarray, Unknown]:
    """The relation from the first value to the last, and the last."""
    size = int(np.prod(shape))
    value: Any = Unknown(shape, torch.float64, free(len(shape)))
    marks: Any = np.eye(size, dtype=bool).reshape(*shape, size)
    for op, args in links:
        step, value = _apply(op, args, value)
        sources = marks if isinstance(marks, list) else [marks]
        results = []
        for flows, output in zip(step.flows, step.outputs, strict=True):
            found = np.zeros((*output.shape, size), dtype=bool)
            for slot, flow in flows:
                found |= flow.push(sources[slot])
            results.append(found)
        marks = results if isinstance(value, list) else results[0]
    return marks.reshape(-1, size), value


@pytest.mark.parametrize("name", THERE_AND_BACK)
def test_there_and_back(name: str) -> None:
    relation, _ = _chain(THERE_AND_BACK[name], (2, 3, 4))
    assert (relation == np.eye(24, dtype=bool)).all()


@pytest.mark.parametrize("name", CERTAIN)
def test_certain_zeros(name: str) -> None:
    links, zeros = CERTAIN[name]
    relation, value = _chain(links, (2, 3))
    certain = np.broadcast_to(value.certain, value.shape)
    assert ((certain == 0) == np.array(zeros, dtype=bool)).all()
    assert not relation[np.array(zeros, dtype=bool).ravel()].any()


def test_a_masked_key_reaches_no_weight() -> None:
    relation, _ = _chain(CERTAIN["additive mask"][0], (2, 3))
    assert not relation[:, [2, 4, 5]].any()
    assert relation[0, [0, 1]].all()


def test_the_one_key_left_has_weight_one_whatever_its_score() -> None:
    relation, value = _chain(CERTAIN["additive mask"][0], (2, 3))
    assert value.certain[1, 0] == 1
    assert not relation[3].any()


#: Shifts by a large number that mask nothing: all may change, and all flows.
NO_MASK: dict[str, list[Link]] = {
    "scaled back": [(aten.add.Scalar, (X, -1e5)), (aten.mul.Scalar, (X, 1e-5))],
    "sigmoid of a sharp threshold": [(aten.mul.Tensor, (X, 1e5)), (aten.add.Scalar, (X, -2e4)), (aten.sigmoid.default, (X,))],
    "sigmoid of a mask": [(aten.add.Tensor, (X, ADDITIVE)), (aten.sigmoid.default, (X,))],
    "exp": [(aten.add.Tensor, (X, ADDITIVE)), (aten.exp.default, (X,))],
    "there and back": [(aten.sub.Tensor, (X, (1 - MASK) * 1e4)), (aten.add.Tensor, (X, (1 - MASK) * 1e4))],
}  # fmt: skip
#: The same before a softmax: each reaches all of its row.
NO_MASK_IN_A_ROW: dict[str, list[Link]] = {
    "there and back": NO_MASK["there and back"],
    "a mask no larger than the scores": [(aten.mul.Tensor, (X, 1e5)), (aten.add.Tensor, (X, (MASK - 1) * 2e4))],
    "sharp scores, taken": [(aten.mul.Tensor, (X, 1e5)), (aten.flip.default, (X, [1])), (aten.add.Tensor, (X, (MASK - 1) * 2e4))],
    "sharp scores, summed up": [(aten.mul.Tensor, (X, 1e5)), (aten.cumsum.default, (X, 1)), (aten.add.Tensor, (X, (MASK - 1) * 2e4))],
    "a whole row": [(aten.add.Tensor, (X, ADDITIVE[:1] * 0 - 1e9))],
    "scaled to nothing": [(aten.add.Tensor, (X, (MASK - 1) * 1e4)), (aten.mul.Scalar, (X, 1e-4))],
    "through a bounded function": [(aten.add.Tensor, (X, ADDITIVE)), (aten.sigmoid.default, (X,))],
    "a factor that may be anything": [(aten.add.Tensor, (X, (MASK - 1) * 1e4)), (aten.square.default, (X,))],
}  # fmt: skip


#: Products that add a mask of -2e4 to scores of a spread of 1e5: no mask, as a real softmax shows.
SHARP: dict[str, tuple[Any, tuple[Any, ...], dict[str, float]]] = {
    "addmm, alpha": (aten.addmm.default, ((MASK - 1) * 2e4, X, torch.eye(3).double()), {"alpha": 1e5}),
    "addmm, a sharp factor": (aten.addmm.default, ((MASK - 1) * 2e4, X, 1e5 * torch.eye(3).double()), {}),
    "addmm, beta": (aten.addmm.default, ((MASK - 1) * 4e4, X, torch.eye(3).double()), {"alpha": 1e5, "beta": 0.5}),
    "baddbmm, alpha": (aten.baddbmm.default, ((MASK - 1)[:, None] * 2e4, X, torch.eye(3).double().expand(2, 3, 3)), {"alpha": -1e5}),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARP)
def test_a_softmax_sees_sharp_scores_below_a_mask(name: str) -> None:
    op, args, kwargs = SHARP[name]
    shape = (2, 1, 3) if name.startswith("baddbmm") else (2, 3)
    x = torch.zeros(shape, dtype=torch.float64)
    x[0, ..., 2] = np.sign(kwargs.get("alpha", 1))  # the last of row 0 is masked, and wins
    real = op(*(x if a is X else a for a in args), **kwargs).softmax(-1)
    assert real[0, ..., 2] > 0.5
    _, scores = _apply(op, args, Unknown(shape, torch.float64, free(len(shape))), kwargs)
    step, _ = _apply(aten.softmax.int, (X, -1), scores)
    relation = matrix(step.flows[0][0][1], shape, shape)
    assert (relation == np.kron(np.eye(2), np.ones((3, 3)))).all()


@pytest.mark.parametrize("name", NO_MASK)
def test_a_large_shift_masks_nothing_by_itself(name: str) -> None:
    relation, value = _chain(NO_MASK[name], (2, 3))
    assert (relation == np.eye(6, dtype=bool)).all()
    assert np.isnan(value.certain).all()


@pytest.mark.parametrize("name", NO_MASK_IN_A_ROW)
def test_a_softmax_sees_all_that_no_mask_lies_on(name: str) -> None:
    relation, _ = _chain([*NO_MASK_IN_A_ROW[name], (aten.softmax.int, (X, 1))], (2, 3))
    assert (relation == np.kron(np.eye(2), np.ones((3, 3)))).all()


def test_log_softmax_keeps_what_is_masked_to_itself() -> None:
    relation, _ = _chain([(aten.add.Tensor, (X, (MASK - 1) * 1e4)), (aten.log_softmax.int, (X, 1))], (2, 3))
    assert relation.astype(int)[:3, :3].tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    assert relation.astype(int)[3:, 3:].tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 1]]


def test_a_maximum_does_not_see_what_is_masked() -> None:
    relation, _ = _chain([(aten.add.Tensor, (X, ADDITIVE)), (aten.amax.default, (X, [1]))], (2, 3))
    assert relation.astype(int).tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]


def test_what_is_taken_or_sorted_is_as_sharp_as_before() -> None:
    index = Operand(1, Unknown((2, 3), torch.int64, free(2)))
    sharp = Unknown((2, 3), torch.float64, free(2), scale=1e5)
    for op, args in ((aten.gather.default, (X, 1, index)), (aten.sort.default, (X, 1)), (aten.cumsum.default, (X, 1))):
        step = apply(
            Call(
                op,
                op._schema.name,
                bind(op, (Operand(0, sharp), *args[1:]), {}),
                tuple(Spec((2, 3), torch.float64) for _ in op._schema.returns),
            )
        )
        assert step.narrowed
        assert step.outputs[0].scale == 1e5


def test_rows_are_written_where_an_unknown_mask_holds() -> None:
    """x[mask] = v: row k of v lands at the k-th True, and columns stay columns."""
    x, rows = torch.zeros(3, 2).double(), torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
    case = make(aten.index_put.default, x, [torch.tensor([True, False, True])], rows, unknown=(0, 1, 2))
    flows = {slot: matrix(flow, tuple(case.tensors[slot].shape), (3, 2)) for slot, flow in case.step().flows[0]}
    other = case.run({1: torch.tensor([False, True, True])})[0]
    changed = (other != case.run({})[0]).reshape(-1).numpy()  # element 1 of the mask tells what stands in row 1
    assert (flows[1][1] >= changed).all()
    assert (flows[0] == np.eye(6, dtype=bool)).all()
    assert (flows[2] == np.tile(np.eye(2, dtype=bool), (2, 3))).all()


def test_cumsum_reads_what_came_before() -> None:
    relation, _ = _chain([(aten.cumsum.default, (X, 0))], (4,))
    assert (relation == np.tri(4, dtype=bool)).all()


def test_write_and_read_back() -> None:
    relation, _ = _chain(
        [(aten.slice_scatter.default, (X, torch.zeros(2, 1), 1, 0, 1)), (aten.select.int, (X, 1, 0))], (2, 3)
    )
    assert not relation.any()


Q = floats(2, 2, 3, 2)
LSTM = [floats(8, 4), floats(8, 2), floats(8), floats(8)]
#: Calls on a batch of two, batch first; all tensors but the first are known.
BATCHED = {
    "linear": (aten.linear.default, (floats(2, 3, 4), floats(5, 4))),
    "layer_norm": (aten.layer_norm.default, (floats(2, 3, 4), [4])),
    "softmax": (aten.softmax.int, (floats(2, 3, 4), -1)),
    "attention": (aten.scaled_dot_product_attention.default, (Q, Q, Q)),
    "conv1d": (aten.conv1d.default, (floats(2, 3, 4), floats(3, 3, 2), None, [1], [1])),
    "max_pool1d": (aten.max_pool1d.default, (floats(2, 3, 4), [2])),
    "adaptive_avg_pool1d": (aten.adaptive_avg_pool1d.default, (floats(2, 3, 4), [2])),
    "group_norm": (aten.group_norm.default, (floats(2, 4, 3), 2)),
    "batch_norm": (aten.batch_norm.default, (floats(2, 3, 4), None, None, floats(3), floats(3) ** 2, False, 0.1, 1e-5, False)),
    "instance_norm": (aten.instance_norm.default, (floats(2, 3, 4), None, None, None, None, True, 0.1, 1e-5, False)),
    "cumsum": (aten.cumsum.default, (floats(2, 3, 4), 1)),
    "mean": (aten.mean.dim, (floats(2, 3, 4), [1])),
    "max": (aten.max.dim, (floats(2, 3, 4), 1)),
    "topk": (aten.topk.default, (floats(2, 3, 4), 2, 1)),
    "fft": (aten.fft_fft2.default, (floats(2, 3, 4),)),
    "matmul": (aten.matmul.default, (floats(2, 3, 4), floats(4, 2))),
    "bmm": (aten.bmm.default, (floats(2, 3, 4), floats(2, 4, 2))),
    "einsum": (aten.einsum.default, ("bij,jk->bik", [floats(2, 3, 4), floats(4, 2)])),
    "cdist": (aten.cdist.default, (floats(2, 3, 4), floats(2, 2, 4))),
    "gather": (aten.gather.default, (floats(2, 3, 4), 1, integers([[0, 1, 2, 0]], [[1, 1, 0, 2]]))),
    "rows by index": (aten.index.Tensor, (floats(2, 3, 4), [integers([0, 1]), integers([2, 0])])),
    "lstm": (aten.lstm.input, (floats(2, 3, 4), [floats(1, 2, 2), floats(1, 2, 2)], LSTM, True, 1, 0.0, False, False, True)),
    "gelu": (aten.gelu.default, (floats(2, 3, 4),)),
    "renorm": (aten.renorm.default, (floats(2, 3, 4), 2.0, 0, 1.0)),
    "upsample": (aten.upsample_linear1d.default, (floats(2, 3, 4), [6], False)),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHED)
def test_rows_of_a_batch_do_not_mix(name: str) -> None:
    op, args = BATCHED[name]
    case = make(op, *args, unknown=(0,))
    flows, result = case.step().flows[0], case.run({})[0]
    size = case.tensors[0].numel()
    relation = sum(matrix(flow, tuple(case.tensors[0].shape), tuple(result.shape)) for _, flow in flows)
    rows = np.asarray(relation).reshape(2, size // 2, 2, result.numel() // 2).any((1, 3))
    assert (rows == np.eye(2, dtype=bool)).all()


# -- flows -----------------------------------------------------------------------------------------------------

small = st.integers(1, 3)


@st.composite
def takes(draw: Any) -> tuple[Flow, tuple[int, ...], tuple[int, ...], np.ndarray]:
    """A Take, or a Pairs, with its dense relation."""
    source, out = (tuple(draw(st.lists(small, min_size=0, max_size=3))) for _ in range(2))
    n, m = int(np.prod(source)), int(np.prod(out))
    dense = np.zeros((n, m), dtype=bool)
    if draw(st.booleans()):
        index = np.array(draw(st.lists(st.integers(-1, n - 1), min_size=m, max_size=m)), dtype=np.int64)
        dense[index[index >= 0], np.flatnonzero(index >= 0)] = True
        return Take(index.reshape(out), source), source, out, dense
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, m - 1)), max_size=8))
    sources, targets = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    dense[sources, targets] = True
    return Pairs(sources, targets, source, out), source, out, dense


@st.composite
def contractions(draw: Any) -> tuple[Flow, tuple[int, ...], tuple[int, ...], np.ndarray]:
    """A Contraction over up to five axes, its masks at random, with its dense relation."""
    sizes = {a: draw(small) for a in "abcde"}
    source, out = (draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=3)) for _ in range(2))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    masks = []
    for _ in range(draw(st.integers(0, 2))):
        axes = draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=3))
        masks.append(Mask("".join(axes), random.random([sizes[a] for a in axes]) < 0.6))
    letters = {**sizes, **{a.upper(): sizes[a] for a in out}}
    factors = [np.ones([sizes[a] for a in "abcde"]), *(m.allowed.astype(float) for m in masks)]
    for a in out:
        factors.append(np.eye(sizes[a]))
    spec = ",".join(["abcde", *(m.axes for m in masks), *(a + a.upper() for a in out)])
    dense = np.einsum(f"{spec}->{''.join(source)}{''.join(out).upper()}", *factors) > 0
    shapes = tuple(sizes[a] for a in source), tuple(letters[a.upper()] for a in out)
    dense = dense.reshape(int(np.prod(shapes[0])), int(np.prod(shapes[1])))
    return Contraction("".join(source), "".join(out), tuple(masks)), *shapes, dense


@settings(max_examples=150, deadline=None)
@given(st.one_of(takes(), contractions()), st.integers(0, 999))
def test_flows_are_their_dense_relation(sample: Any, seed: int) -> None:
    flow, source, out, dense = sample
    assert (matrix(flow, source, out) == dense).all()
    random = np.random.default_rng(seed)
    x, y = (random.random((*shape, 2)) < 0.4 for shape in (source, out))
    pushed, pulled = spread(flow.push(x), out), spread(flow.pull(y), source)
    meet_after = (y[..., :, None] & pushed[..., None, :]).reshape(-1, 2, 2).any(0)
    meet_before = (pulled[..., :, None] & x[..., None, :]).reshape(-1, 2, 2).any(0)
    assert (meet_after == meet_before).all()


@settings(max_examples=100, deadline=None)
@given(st.one_of(takes(), contractions()), st.integers(0, 999))
def test_shrunk_marks_flow_alike(sample: Any, seed: int) -> None:
    flow, source, out, _ = sample
    marks = np.random.default_rng(seed).random((*(1 if seed % 2 else n for n in source), 2)) < 0.5
    full = np.ascontiguousarray(spread(marks, source))
    assert (spread(flow.push(full), out) == spread(flow.push(shrink(full, len(source))), out)).all()
    assert (spread(shrink(full, len(source)), source) == full).all()


def test_everything_reaches_everything() -> None:
    assert matrix(Everything(2, 1), (2, 3), (4,)).all()
