"""Samples made by hand, for ops that torch has no small samples of, and for what its samples leave out."""

# ruff: noqa: E501 (tables of samples read best a line a sample)
from __future__ import annotations

from typing import Any

import torch
from rule_oracle import Case
from rule_samples import floats, integers, make, overloads

from archtrace.capture.expert_sorting import ByKey
from archtrace.capture.memory import Geometry, ViewOf, WriteInto

aten = torch.ops.aten
#: Ops on square matrices that take nothing else.
MATRICES = """
    linalg_inv linalg_det linalg_qr linalg_svd linalg_svdvals linalg_eigh linalg_eigvalsh linalg_slogdet inverse det
    slogdet logdet svd qr linalg_matrix_exp matrix_exp linalg_pinv pinverse
""".split()  # noqa: SIM905
#: A contiguous [2, 3], and its column 1.
BASE, COLUMN = Geometry((2, 3), (3, 1), 0), Geometry((2,), (3,), 1)
MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
FAR = torch.zeros(3, 3, dtype=torch.float64).masked_fill(~MASK, -torch.inf)
COMPLEX = torch.complex(floats(2, 3), floats(3, 2).T.contiguous())
BOOLS = torch.tensor([[True, False, True], [False, False, True]])
INTS = integers([3, 0, 1], [2, 5, 7])


def _first(name: str, *args: Any, **kwargs: Any) -> Case:
    """The first overload that takes the arguments."""
    for op in overloads(f"aten::{name}"):
        case = make(op, *args, **kwargs)
        try:
            case.run({})
        except (RuntimeError, TypeError):
            continue
        return case
    raise LookupError(name)


#: One tensor in, the rest as told.
UNARY = """
    abs neg expm1 log1p sqrt sin tan asin atan sinh tanh asinh atanh erf erfinv ceil floor trunc frac sign sgn gelu
    leaky_relu hardswish isnan isinf isfinite special_expm1 angle alias detach lift_fresh_copy positive numpy_T fliplr
    flipud rot90 msort zero _to_copy
""".split()  # noqa: SIM905
WITH: dict[str, tuple[Any, ...]] = {
    "clamp": (-1.0, 1.0), "clip": (-1.0, 1.0), "dropout": (0.5, False), "alpha_dropout": (0.5, False),
    "feature_dropout": (0.5, False), "to": (torch.float32,), "type_as": (floats(1).float(),), "narrow": (1, 1, 2),
    "chunk": (2, 1), "split": (2, 1), "split_with_sizes": ([1, 2], 1), "tensor_split": (2, 1), "roll": ([1], [1]),
    "flip": ([0, 1],), "tril": (), "triu": (), "unsafe_split": (2, 1), "unsafe_chunk": (2, 1),
    "slice_scatter": (floats(2, 1), 1, 1, 2), "copy": (floats(3),), "_unsafe_view": ([3, 2],), "renorm": (2.0, 1, 0.1),
    "_log_softmax": (1, False), "_softmax": (1, False), "_safe_softmax": (1,), "softmax": (0,),
    "layer_norm": ([3], floats(3), floats(3)), "native_layer_norm": ([3], floats(3), floats(3), 1e-5),
    "_fused_rms_norm": ([3], floats(3), 1e-5), "cosine_similarity": (floats(2, 3),),
    "pairwise_distance": (floats(3),), "index_fill": (1, integers([0, 2]), floats()), "cumsum": (1,),
    "mv": (floats(3),), "mm": (floats(3, 2),), "take": (integers([0, 5], [5, 1]),),
    "linear": (floats(3),), "diff": (2,),
}  # fmt: skip


def _conv(spatial: int, transposed: bool = False) -> list[Case]:
    op = f"conv_transpose{spatial}d" if transposed else f"conv{spatial}d"
    size, kernel = (5, *(2,) * (spatial - 1)), (2, *(1,) * (spatial - 1))
    grouped = (
        floats(2, 2, *size),
        floats(*((2, 1) if transposed else (4, 1)), *kernel),
        floats(2 if transposed else 4),
    )
    last = ([1] * spatial, 2, [2] * spatial) if transposed else ([2] * spatial, 2)
    return [
        _first(op, floats(1, 2, *size), floats(2, 1, *kernel) if transposed else floats(1, 2, *kernel), floats(1)),
        _first(op, *grouped, [2] * spatial, [1] + [0] * (spatial - 1), *(([0] * spatial, 2, [1] * spatial) if transposed else last)),
    ]  # fmt: skip


def _pools() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for spatial in (1, 2, 3):
        size = (1, 2, 5, *(3,) * (spatial - 1)) if spatial < 3 else (1, 1, 3, 3, 3)
        for kind in ("max", "avg"):
            pads = [[2] * spatial, [2] * spatial, [1] * spatial]
            plain, adaptive = f"{kind}_pool{spatial}d", f"adaptive_{kind}_pool{spatial}d"
            found[plain] = [
                _first(plain, floats(*size), *pads),
                _first(plain, floats(*size), [2] * spatial, [1] * spatial),
            ]
            found[adaptive] = [_first(adaptive, floats(*size), [2] * spatial)]
        if spatial < 3:
            indices = f"max_pool{spatial}d_with_indices"
            found[indices] = [_first(indices, floats(*size), [2] * spatial, [1] * spatial)]
    found["max_pool1d"].append(_first("max_pool1d", floats(2, 7), [2], [2], [0], [2], True))
    return found


def _resized() -> dict[str, list[Case]]:
    found = {}
    for name, spatial in {"nearest1d": 1, "nearest2d": 2, "nearest3d": 3}.items():
        x = floats(1, 2, 3, *(2,) * (spatial - 1))
        for op in (f"upsample_{name}", f"_upsample_{name.replace('nearest', 'nearest_exact')}"):
            vec = getattr(aten, op).vec
            found[op] = [
                _first(op, x, [4] * spatial),
                make(vec, x, [4] * spatial, None),
                make(vec, x, None, [1.5] * spatial),
            ]
    for name, spatial in {"linear1d": 1, "bilinear2d": 2, "bicubic2d": 2, "trilinear3d": 3}.items():
        x, vec = floats(1, 2, *(3,) * spatial), getattr(aten, f"upsample_{name}").vec
        found[f"upsample_{name}"] = [
            _first(f"upsample_{name}", x, [4] * spatial, False),
            make(vec, x, None, True, [1.5] * spatial),
        ]
    return found


def _recurrent(op: str, gates: int, depth: int, ways: int, packed: bool) -> Case:
    rows, width, hidden = 2, 2, 2
    params = []
    for layer in range(depth):
        size = width if layer == 0 else hidden * ways
        for _ in range(ways):
            params += [floats(gates * hidden, size), floats(gates * hidden, hidden), floats(gates * hidden)]
            params += [floats(gates * hidden)]
    start = [floats(depth * ways, rows, hidden), floats(depth * ways, rows, hidden)]
    states: Any = start if op == "lstm" else start[0]
    tail = (states, params, True, depth, 0.0, False, ways == 2)
    count = len(params) + (2 if op == "lstm" else 1)
    if packed:
        return make(getattr(aten, op).data, floats(4, width), integers([2, 1, 1]), *tail,
                    unknown=(0, *range(2, 2 + count)))  # fmt: skip
    return make(getattr(aten, op).input, floats(rows, 3, width), *tail, True)


def _cells() -> dict[str, list[Case]]:
    found = {}
    for op, gates in {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}.items():
        shapes = [(1, 1, False), (1, 2, False), (2, 1, False), (2, 2, False), (1, 2, True), (2, 2, True), (1, 1, True)]
        found[op] = [_recurrent(op, gates, *shape) for shape in (shapes if op == "lstm" else shapes[1:6:3])]
        state: Any = [floats(2, 2), floats(2, 2)] if op == "lstm" else floats(2, 2)
        weights = (floats(2 * gates, 3), floats(2 * gates, 2), floats(2 * gates), floats(2 * gates))
        found[f"{op}_cell"] = [_first(f"{op}_cell", floats(2, 3), state, *weights)]
    return found


def _attention() -> list[Case]:
    op = aten.scaled_dot_product_attention.default
    q, k, v = floats(2, 1, 3, 2), floats(2, 1, 3, 2) * 2, floats(2, 1, 3, 2) + 1
    return [
        make(op, q, k, v),
        make(op, q, k, v, MASK[:2].expand(2, 3)[:, None, None]),
        make(op, q, k, v, MASK),
        make(op, q, k, v, FAR),
        make(op, q, k, v, is_causal=True),
        make(op, floats(1, 2, 2, 2), floats(1, 1, 2, 2), floats(1, 1, 2, 2), enable_gqa=True),
        make(op, floats(1, 4, 2, 1), floats(1, 2, 2, 1), floats(1, 2, 2, 1), torch.ones(2, 2).tril().bool(), enable_gqa=True),
        make(op, floats(3, 2), floats(4, 2), floats(4, 3), floats(3, 4)),
    ]  # fmt: skip


def _einsums() -> list[Case]:
    two, three = floats(2, 3), floats(3, 2)
    return [
        make(aten.einsum.default, *case)
        for case in [
            ("ij,jk->ik", [two, three]), ("ij,jk", [two, three]), ("ij->ji", [two]), ("ii->i", [floats(3, 3)]),
            ("ii", [floats(3, 3)]), ("b...i,...ij->b...j", [floats(2, 1, 3, 2), floats(2, 1, 2, 2)]),
            ("...ij,...jk->...ik", [floats(2, 2, 3), floats(3, 2)]), ("Zi,i->Z", [two, floats(3)]),
            ("i,j->ij", [floats(2), floats(3)]), ("bij,bij->b", [floats(2, 1, 3), floats(2, 2, 3)]),
            ("iij,j->i", [floats(2, 2, 3), floats(3)]), ("a...,b...->ab", [two, floats(4, 3)]),
        ]
    ]  # fmt: skip


def _unknown_index() -> dict[str, list[Case]]:
    """Indices that nobody knows, alone and beside known ones."""
    x, index = floats(2, 4), integers([0, 3], [1, 2])
    line, rows = integers([3, 0, 1]), integers([0, 1])
    cube = floats(2, 3, 2)
    return {
        "embedding_bag": [
            make(aten.embedding_bag.default, floats(4, 2), integers([0, 2, 3, 1]), integers([0, 3])),
            make(aten.embedding_bag.default, floats(4, 2), integers([0, 2, 3, 1]), integers([0, 3]), False, 1),
            *(make(aten.embedding_bag.padding_idx, floats(4, 2), integers([0, 2, 3, 1]), integers([0, 2]), False, 1, False, None, False, pad) for pad in (2, -2)),
        ],
        "embedding": [
            make(aten.embedding.default, floats(4, 2), index), make(aten.embedding.default, floats(4, 2), index, unknown=(0, 1))
        ],
        "gather": [make(aten.gather.default, x, 1, index, unknown=(0, 1)), make(aten.gather.default, floats(3, 4), 1, index, unknown=(0, 1)),
                   make(aten.gather.default, x, 1, index[:1], unknown=(1,))],
        "take_along_dim": [make(aten.take_along_dim.default, floats(1, 4), index, 1, unknown=(0, 1)),
                           make(aten.take_along_dim.default, x, index[:1], 1, unknown=(0, 1))],
        "index_select": [make(aten.index_select.default, x, 1, line, unknown=(0, 1)),
                         make(aten.index_select.default, x, 1, line)],
        "index": [
            make(aten.index.Tensor, x, [rows, index[0]]), make(aten.index.Tensor, x, [rows, index[0]], unknown=(0, 2)),
            make(aten.index.Tensor, x, [None, line], unknown=(0, 1)), make(aten.index.Tensor, x, [index[1] % 2], unknown=(1,)),
            make(aten.index.Tensor, cube, [rows, None, rows], unknown=(0, 2)),
            make(aten.index.Tensor, cube, [rows[:, None], integers([0, 2, 1])[None]], unknown=(0, 2)),
            make(aten.index.Tensor, x, [BOOLS[:, :2].repeat(1, 2)]), make(aten.index.Tensor_hacked_twin, x, [rows, index[0]], unknown=(0,)),
        ],
        "index_put": [
            make(aten.index_put.default, x, [rows, index[0]], floats(2)), make(aten.index_put.default, x, [rows, index[0]], floats(2), True),
            make(aten.index_put.default, x, [index % 2], floats(4), True), make(aten.index_put.default, x, [rows, index[0]], floats(2), unknown=(0, 2, 3)),
            make(aten.index_put.default, x, [None, index[0]], floats(2, 1), True, unknown=(0, 1, 2)),
            make(aten.index_put.default, x, [BOOLS[0][:2]], floats(1), unknown=(0, 2)),
            make(aten.index_put.default, x, [BOOLS[0][:2]], floats(1), unknown=(0, 1, 2)),
            make(aten.index_put.default, x, [None, BOOLS[0][[0, 1, 2, 0]]], floats(), unknown=(0, 1, 2)),
            make(aten.index_put.default, cube, [BOOLS], floats(2)[0], unknown=(0, 1, 2)),
            make(aten.index_put.default, cube, [BOOLS[0][:2]], floats(3, 2), unknown=(0, 1, 2)),
            make(aten.index_put.hacked_twin, x, [rows, index[0]], floats(2), unknown=(0, 3)),
        ],
        "scatter": [make(aten.scatter.src, x, 1, index, floats(2, 2)), make(aten.scatter.src, x, 1, index, floats(2, 2) + 1, unknown=(0, 1, 2)),
                    make(aten.scatter.value, x, 1, index, 5.0), make(aten.scatter.reduce, x, 1, index, floats(2, 3), reduce="add")],
        "scatter_add": [make(aten.scatter_add.default, x, 1, index % 2, floats(2, 3)), make(aten.scatter_add.default, x, 1, index, floats(3, 3), unknown=(0, 1, 2))],
        "scatter_reduce": [make(aten.scatter_reduce.two, x, 1, index % 3, floats(2, 2), r, include_self=s) for r, s in (("sum", True), ("mean", False), ("amax", True))],
        "index_add": [make(aten.index_add.default, x, 1, line % 2, floats(2, 3)), make(aten.index_add.default, x, 1, line, floats(2, 3), unknown=(0, 1, 2))],
        "index_copy": [make(aten.index_copy.default, x, 1, line, floats(2, 3)), make(aten.index_copy.default, x, 1, line, floats(2, 3), unknown=(0, 1, 2))],
        "bucketize": [make(aten.bucketize.Tensor, floats(2, 3), torch.tensor([-1.0, 0.0, 1.0]).double(), unknown=(0,))],
        "searchsorted": [make(aten.searchsorted.Tensor, floats(2, 3).sort().values, floats(2, 2), unknown=(1,)),
                         make(aten.searchsorted.Scalar, floats(4).sort().values, 0.5, unknown=(0,))],
        "one_hot": [make(aten.one_hot.default, integers([0, 2, 1]), 3)],
    }  # fmt: skip


CASES: dict[str, list[Case]] = {
    **{name: [_first(name, floats(2, 3))] for name in UNARY},
    **{name: [_first(name, floats(2, 3), *rest)] for name, rest in WITH.items()},
    **{name: [_first(name, BOOLS, ~BOOLS), _first(name, INTS, INTS.flip(0))] for name in ("__and__", "__or__", "__xor__")},
    **{name: [_first(name, INTS + 1, INTS.flip(0) % 3)] for name in ("__lshift__", "__rshift__")},
    **{name: [_first(name, COMPLEX)] for name in ("conj_physical", "_conj", "real", "imag", "view_as_real")},
    **{f"conv{n}d": _conv(n) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _conv(n, transposed=True) for n in (1, 2, 3)},
    **_pools(), **_resized(), **_cells(), **_unknown_index(),
    "conv1d": [*_conv(1), make(aten.conv1d.padding, floats(1, 2, 5), floats(2, 2, 2), None, [1], "same"),
               make(aten.conv1d.padding, floats(1, 2, 5), floats(2, 2, 3), None, [2], "valid", [2])],
    "conv2d": [*_conv(2), *(make(aten.conv2d.padding, floats(1, 2, 3, 3), floats(1, 2, 2, 3), floats(1), [1, 1], p) for p in ("same", "valid"))],
    "scaled_dot_product_attention": _attention(),
    "einsum": _einsums(),
    "where": [make(aten.where.self, BOOLS, floats(2, 3), floats(3)), make(aten.where.self, BOOLS, floats(2, 1), floats(3), unknown=(0, 1, 2)),
              make(aten.where.ScalarSelf, BOOLS, 1.0, floats(2, 3)), make(aten.where.ScalarOther, BOOLS, floats(2, 3), 1.0),
              make(aten.where.Scalar, BOOLS, 1.0, 0.0)],
    "batch_norm": [make(aten.batch_norm.default, floats(2, 2, 2), floats(2), floats(2), floats(2), floats(2) ** 2 + 1, train, 0.1, 1e-5, False,
                        unknown=(0, 1, 2) if train else (0, 1, 2, 3, 4)) for train in (False, True)],
    "instance_norm": [make(aten.instance_norm.default, floats(2, 2, 3), floats(2), floats(2), None, None, True, 0.1, 1e-5, False)],
    "bmm": [_first("bmm", floats(2, 2, 3), floats(2, 3, 2))],
    "addmv": [_first("addmv", floats(2), floats(2, 3), floats(3))],
    "addmm": [_first("addmm", floats(2), floats(2, 3), floats(3, 2)), _first("addmm", floats(2), floats(2, 3), floats(3, 2), beta=0),
              _first("addmm", floats(2), floats(2, 3), floats(3, 2), alpha=0)],
    "baddbmm": [_first("baddbmm", floats(2, 1, 2), floats(2, 2, 3), floats(2, 3, 2)), _first("baddbmm", floats(1, 1, 2), floats(1, 2, 3), floats(1, 3, 2), beta=0)],
    "matmul": [_first("matmul", floats(3), floats(3)), _first("matmul", floats(2, 1, 2, 3), floats(3, 3, 2)), _first("matmul", floats(3), floats(2, 3, 2)),
               _first("matmul", floats(2, 3), torch.eye(3).double())],
    "bilinear": [_first("bilinear", floats(2, 3), floats(2, 2), floats(2, 3, 2), floats(2))],
    "cdist": [_first("cdist", floats(2, 3, 2), floats(1, 2, 2))],
    "im2col": [_first("im2col", floats(1, 1, 3, 4), [2, 2], [1, 1], [1, 0], [1, 1])],
    "channel_shuffle": [_first("channel_shuffle", floats(1, 4, 2), 2)],
    "broadcast_tensors": [_first("broadcast_tensors", [floats(2, 1), floats(3)])],
    "block_diag": [_first("block_diag", [floats(2, 1), floats(2, 2)])],
    "pad": [_first("pad", floats(1, 2, 3), [1, 1], mode, None) for mode in ("constant", "reflect", "replicate", "circular")],
    "prelu": [_first("prelu", floats(2, 3, 2), floats(3))],
    "repeat_interleave": [_first("repeat_interleave", floats(3, 2), integers([2, 0, 1]), 0)],
    "_pack_padded_sequence": [_first("_pack_padded_sequence", floats(2, 3, 2), integers([3, 1]), True)],
    "_pad_packed_sequence": [_first("_pad_packed_sequence", floats(4, 2), integers([2, 1, 1]), True, 0.5, 4)],
    "archtrace::by_key": [make(ByKey(), integers([0, 1, 1]), [floats(3, 2), floats(3, 2).flip(0)])],
    "archtrace::view_of": [make(ViewOf(BASE, COLUMN), floats(2, 3))],
    "archtrace::write_into": [make(WriteInto(BASE, COLUMN), floats(2, 3), floats(2))],
    "tensordot": [make(aten.tensordot.default, floats(2, 3, 2), floats(3, 2, 2), [1, 0], [0, 2])],
    "cross_entropy_loss": [make(aten.cross_entropy_loss.default, floats(2, 3), integers([0, 2]), floats(3).abs(), 0, unknown=(0,)),
                           make(aten.cross_entropy_loss.default, floats(2, 3, 2), integers([0, 2], [1, 1]), None, 0), make(aten.cross_entropy_loss.default, floats(2, 3), integers([0, 2])),
                           make(aten.cross_entropy_loss.default, floats(2, 3), floats(3, 2).T.contiguous().softmax(1), None, 0, unknown=(0, 1))],
    "nll_loss": [make(aten.nll_loss.default, floats(2, 3), integers([0, 2]), None, 0)],
    "nll_loss_nd": [make(aten.nll_loss_nd.default, floats(2, 3), integers([0, 2]), None, 0)],
    "nll_loss2d": [make(aten.nll_loss2d.default, floats(1, 2, 1, 2), integers([0, 1])[None, None], None, 0)],
    **{name: [make(getattr(aten, name).default, floats(2, 3), floats(3, 2).T.contiguous(), reduction=r) for r in (0, 1)] for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss")},
    "kl_div": [make(aten.kl_div.default, floats(2, 3), floats(3, 2).T.contiguous(), r, log_target=True) for r in (0, 1)],
    "poisson_nll_loss": [make(aten.poisson_nll_loss.default, floats(2, 3), floats(3, 2).T.contiguous(), True, False, 1e-8, 0)],
    "binary_cross_entropy": [make(aten.binary_cross_entropy.default, floats(2, 3).sigmoid(), floats(3, 2).T.contiguous().sigmoid(), None, 0, unknown=(1,))],
    "binary_cross_entropy_with_logits": [make(aten.binary_cross_entropy_with_logits.default, floats(2, 3), floats(3, 2).T.contiguous(), None, None, 0)],
    "bincount": [make(aten.bincount.default, integers([0, 2, 1]), None, 3, unknown=())],
    "histc": [make(aten.histc.default, floats(4), 3, -1, 1)],
    "col2im": [make(aten.col2im.default, floats(1, 4, 6), [3, 4], [2, 2], [1, 1], [0, 0], [1, 1]), make(aten.col2im.default, floats(1, 4, 6), [2, 4], [2, 2], [1, 1], [1, 0], [2, 1])],
    **{name: [make(getattr(aten, name).default, floats(2, 3, 3))] for name in MATRICES},
    "cholesky_solve": [make(aten.cholesky_solve.default, floats(2, 3, 2), floats(2, 3, 3) + 3 * torch.eye(3))],
    "linalg_solve_triangular": [
        make(aten.linalg_solve_triangular.default, floats(2, 3, 3) + 3 * torch.eye(3), floats(2, 3, 2), upper=True),
        make(aten.linalg_solve_triangular.default, floats(3, 3) + 3 * torch.eye(3), floats(2, 3, 2), upper=False),
        make(aten.linalg_solve_triangular.default, floats(2, 3, 3), floats(1, 3, 1), upper=False, unitriangular=True),
        make(aten.linalg_solve_triangular.default, floats(3, 3) + 3 * torch.eye(3), floats(2, 3), upper=False, left=False),
        make(aten.linalg_solve_triangular.default, floats(3, 3) + 3 * torch.eye(3), floats(2, 3), upper=True, left=False),
    ],
    "linalg_solve": [make(aten.linalg_solve.default, floats(2, 3, 3), floats(2, 3)), make(aten.linalg_solve.default, floats(2, 3, 3), floats(2, 3, 1))],
    **{name: [make(getattr(aten, name).default, floats(2, 3, 3), 2)] for name in ("matrix_power", "linalg_matrix_power")},
    "linalg_matrix_norm": [make(aten.linalg_matrix_norm.default, floats(2, 3, 3), 1)],
    "linalg_cross": [make(aten.linalg_cross.default, floats(2, 3), floats(1, 3))],
    "cov": [make(aten.cov.default, floats(2, 3)), make(aten.cov.default, floats(3))],
    "corrcoef": [make(aten.corrcoef.default, floats(2, 3))],
    **{name: [make(getattr(aten, name).default, floats(2, 1, 2, 2), floats(2, 2, 2, 2).tanh(), 0, 0, False)] for name in ("grid_sampler", "grid_sampler_2d")},
    "clip": [_first("clip", floats(2, 3), -1.0, 1.0), make(aten.clip.Tensor, floats(2, 3), floats(3) - 1, floats(2, 1) + 1, unknown=(0, 1, 2))],
    "clamp": [_first("clamp", floats(2, 3), -1.0, 1.0), make(aten.clamp.Tensor, floats(2, 3), floats(3) - 1, floats(2, 1) + 1, unknown=(0, 1, 2))],
    "view.dtype": [make(aten.view.dtype, floats(2, 3), torch.int64), make(aten.view.dtype, floats(2, 4).float(), torch.float64),
                   make(aten.view.dtype, floats(2, 2), torch.float32)],
}  # fmt: skip
