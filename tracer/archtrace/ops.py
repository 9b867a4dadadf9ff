"""Facts about torch's ops by name: the one table. How an op's elements flow stands with its rule.

Ops go by their schema names, "aten::" understood in the tables of words; "archtrace::" ops are those that the recorder
writes down for views of memory and writes into it. A fact holds for all overloads that have no line of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def qualified(name: str) -> str:
    """The schema name of an op: aten:: is understood."""
    return name if "::" in name else f"aten::{name}"


def plain(name: str) -> str:
    """The name of an op as people write it: select for aten::select."""
    return name.removeprefix("aten::")


def named(table: str) -> tuple[str, ...]:
    """The schema names of the ops in a table: their plain names, apart by white space."""
    return tuple(map(qualified, table.split()))


def ops(table: str) -> frozenset[str]:
    """A set of ops, written as for `named`."""
    return frozenset(named(table))


# --- Running and recording ---

#: Only check something; they are run and not recorded.
CHECKS = ops("""
    _assert_tensor_metadata sym_constrain_range_for_size sym_constrain_range _assert_async _assert_scalar
""")
#: Return their input itself, not a copy, unless in training.
DROPOUTS = ops("dropout alpha_dropout feature_dropout feature_alpha_dropout")
#: Fill a tensor with what they draw.
DRAWS_IN_PLACE = ops("normal_ uniform_ random_ bernoulli_ exponential_ geometric_ cauchy_ log_normal_")
#: Take float32 only.
SINGLE = ops("""
    quantized::linear_dynamic quantized::linear_relu_dynamic quantized::linear_dynamic_fp16
    quantized::linear_relu_dynamic_fp16 quantized_lstm quantized_gru
""")
#: Return whatever lies in memory: replaced by zeros, so that runs do not differ.
UNINITIALISED = ops("empty empty_like new_empty empty_strided new_empty_strided")
#: op -> the arguments whose values decide the size of the result: fakes, which have no values, cannot run them.
SIZED_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(named("lstm gru rnn_tanh rnn_relu _pad_packed_sequence"), ("batch_sizes",)),
    **dict.fromkeys(named("nonzero bincount"), ("self",)), "aten::where": ("condition",), "aten::index": ("indices",),
    "aten::masked_select": ("mask",), "aten::repeat_interleave": ("repeats",),
    "aten::_pack_padded_sequence": ("lengths",),
}  # fmt: skip
#: Count over a range that an argument gives, where it does: one_hot(ids, 50), bincount(ids, minlength=50).
RANGED = ops("one_hot bincount")
#: The first result is data; the others count, and are known where what they count is.
COUNTING = ops("_pack_padded_sequence _pad_packed_sequence")
#: The result depends on the shape of an operand and not on its elements.
SHAPE_ONLY = ops("""
    zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty rand_like randn_like
    new_empty_strided sym_size size sym_numel
""")
#: Of the argument `other`, only the shape or the dtype is used.
LENDERS = ops("type_as to expand_as view_as reshape_as")

# --- Movement: results are made of the operands' elements ---

#: Each element stays where it is and as it is, but for its type.
COPIES = named("to _to_copy type_as contiguous clone alias detach lift_fresh_copy positive")
#: The same elements of the same type.
SAME = ops("contiguous clone alias detach")
#: The elements stay in their order; the axes are others.
RESHAPES = named("view _unsafe_view reshape view_as reshape_as unsqueeze squeeze flatten unflatten ravel")
#: Each element is repeated along new or unit axes.
EXPANSIONS = named("expand expand_as broadcast_to")
#: The axes change places.
TRANSPOSITIONS = named("transpose t permute movedim swapaxes swapdims moveaxis numpy_T mT")
#: Return some of the elements, in their order; several results divide them among each other.
PARTS = named("select slice narrow chunk split split_with_sizes unbind as_strided unfold diagonal")
#: Take elements by an index.
LOOK_UPS = named("index index_select gather take_along_dim")
#: Look up rows of a table: (table, ids, ..); an id beyond the table is an error.
TABLES = ops("embedding embedding_bag")
#: Write along one axis: result[.., index[i], ..] takes source[.., i, ..].
WRITES_ALONG = ops("index_add index_copy index_fill")
#: (self, dim, index, ..): what is at `index` lands there and nowhere else.
LANDING = ops("scatter scatter_add index_add index_copy")
#: Leave whole numbers as they are, and are of the shape of their operand or of a part of it.
KEEP_NUMBERS = frozenset(COPIES + RESHAPES + EXPANSIONS + TRANSPOSITIONS) | ops("select slice repeat flip roll")
#: Return a place along an axis.
ARGUMENTS_OF_EXTREMES = ops("argmax argmin")
#: Their index has one axis, that of `dim`: it says where a whole slice goes.
FLAT_INDEX = WRITES_ALONG | ops("index_select index_reduce")
#: The values of `reduce=` with which a scatter multiplies.
PRODUCT_MODES = ("prod", "multiply")
#: Look up values in a table: op -> the arguments that are the values and the table.
SEARCHES: Mapping[str, tuple[str, str]] = {
    "aten::searchsorted": ("self", "sorted_sequence"),
    "aten::bucketize": ("self", "boundaries"),
    "aten::isin": ("elements", "test_elements"),
}
#: Write a part of a tensor; a tensor may be made piece by piece this way.
WRITES_PARTS = named("slice_scatter select_scatter index_put archtrace::write_into archtrace::view_of")

#: op -> the arguments whose elements move (the others are indices, sizes, axes).
MOVES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(RESHAPES + EXPANSIONS + TRANSPOSITIONS + PARTS + LOOK_UPS, ("self",)),
    **dict.fromkeys(
        named("""
    tensor_split repeat repeat_interleave roll flip tile take diag diag_embed tril triu im2col masked_select
    pixel_shuffle pixel_unshuffle channel_shuffle fliplr flipud rot90 hsplit vsplit unsafe_split unsafe_chunk zero
        """),
        ("self",),
    ),
    **dict.fromkeys(
        named("cat concat stack hstack vstack column_stack broadcast_tensors meshgrid block_diag"), ("tensors",)
    ),
    **dict.fromkeys(
        named("""
    upsample_nearest1d upsample_nearest2d upsample_nearest3d
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
        """),
        ("self", "input"),
    ),
    **dict.fromkeys(named("slice_scatter select_scatter diagonal_scatter copy"), ("self", "src")),
    **dict.fromkeys(named("masked_scatter index_copy"), ("self", "source")),
    **dict.fromkeys(named("constant_pad_nd pad fill index_fill"), ("self", "value")),
    "aten::scatter": ("self", "src", "value"),
    "aten::index_put": ("self", "values"),
    "aten::_pack_padded_sequence": ("input",),
    "aten::_pad_packed_sequence": ("data", "padding_value"),
    "archtrace::view_of": ("base",),
    "archtrace::write_into": ("base", "src"),
}
#: Show their operand in another way, without a copy or with one that could be avoided.
VIEWS = (frozenset(RESHAPES + EXPANSIONS + TRANSPOSITIONS + PARTS) - LENDERS) - ops("ravel")
#: Change no value and select nothing: what uses the result uses the operand.
PASS_THROUGH = (
    frozenset(COPIES + RESHAPES + EXPANSIONS)
    | ops("detach_ lift_fresh copy transpose t permute dropout broadcast_tensors")
) - ops("reshape_as ravel broadcast_to positive")
#: Leave each element of a selection by index in its place, so that the index still says where it came from.
KEEP_SELECTION = ops("""
    squeeze unsqueeze select slice to _to_copy clone detach alias contiguous view reshape flatten expand unbind add sub
    mul div floor_divide remainder
""")

# --- Rows, the first axis: ops that treat each row by itself ---

#: result[i] = f(operands[i]), operands broadcast from the right.
ALIGNED = ops("""
    add sub mul div silu gelu relu tanh sigmoid neg exp to _to_copy clone detach alias contiguous
""")
#: Each row of the first operand meets all of the others.
ROWS_FIRST = ops("linear")
#: Do not mix rows along any axis but the first: op -> which of its arguments is the axis.
AXIS_SECOND: Mapping[str, int] = {**dict.fromkeys(named("unsqueeze select slice softmax"), 1), "aten::chunk": 2}

# --- Tokens: ids and what is computed from them ---

#: Turn an id into whether it is 0, where the result is boolean.
TRUTHS = ops("logical_not to _to_copy")
#: Compare an id with a constant.
EQUALITIES = ops("eq ne isin")
#: Distinguish id 0 from all others, as ids are not negative: op -> the constant.
ORDERS: Mapping[str, int] = {"aten::gt": 0, "aten::le": 0, "aten::ge": 1, "aten::lt": 1}
#: The result has ids where the operands have ids.
KEEP_IDS = frozenset(MOVES) | frozenset(COPIES) | ops("masked_fill where")
#: op -> the arguments that are indices, by their place.
INDICES: Mapping[str, tuple[int, ...]] = {
    "aten::where": (0,),
    **dict.fromkeys(named("index take take_along_dim index_put masked_fill masked_select masked_scatter"), (1,)),
    "aten::repeat_interleave": (1,),
    **dict.fromkeys(
        named("gather index_select scatter scatter_add scatter_reduce index_add index_copy index_fill"), (2,)
    ),
}

# --- Arithmetic ---

#: result[i] depends on operand[i] alone.
UNARY = COPIES + named("""
    abs neg exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square sin cos tan asin acos atan sinh cosh tanh
    asinh acosh atanh sigmoid logit erf erfc erfinv ceil floor round trunc frac sign sgn relu relu6 gelu silu mish elu
    selu celu leaky_relu hardtanh hardswish hardsigmoid hardshrink softshrink softplus log_sigmoid threshold
    logical_not bitwise_not isnan isinf isfinite nan_to_num clamp clamp_min clamp_max clip special_expm1 sinc
    dropout alpha_dropout feature_dropout real imag angle conj conj_physical _conj resolve_conj resolve_neg deg2rad
    rad2deg lgamma mvlgamma digamma polygamma i0 special_i0e special_i1 special_i1e special_entr special_erfcx
    special_ndtri special_log_ndtr
""")
#: result[i] depends on the operands at i, with broadcasting.
BINARY = named("""
    add sub rsub mul div floor_divide remainder fmod pow float_power maximum minimum fmax fmin atan2 hypot logaddexp
    logaddexp2 eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor __and__ __or__
    __xor__ bitwise_left_shift bitwise_right_shift __lshift__ __rshift__ lerp addcmul addcdiv heaviside copysign
    polar complex xlogy ldexp nextafter
""")
#: Increase a rounding error by no more than a factor of ordinary size.
SMOOTH = ops("""
    linear addmm add sub tanh sigmoid relu gelu silu erf dropout cat stack t transpose permute view reshape flatten
    squeeze unsqueeze expand select slice narrow index gather index_select clone contiguous alias detach mean sum
""")
#: A zero on either side makes the result zero.
ZERO_ABSORBS = ops("mul logical_and bitwise_and __and__")
#: True on either side makes the result true, where it is boolean.
ONE_ABSORBS = ops("logical_or bitwise_or __or__")
#: Weights of the two sides of a sum: (self, other). `alpha` belongs to `other`; for rsub, to `self`.
SUMS: Mapping[str, tuple[float, float]] = {"aten::add": (1.0, 1.0), "aten::sub": (1.0, -1.0), "aten::rsub": (-1.0, 1.0)}
#: Multiply or divide; `mul` and `div` by another tensor.
SCALINGS = ops("mul div reciprocal")
#: The larger of two; the smaller and the clamps are the rest of EXTREMES.
MAXIMA = ops("maximum max fmax")
EXTREMES = named("maximum minimum fmax fmin max min clamp clamp_min clamp_max clip relu")
#: Leave a mask of large negative numbers as it is.
KEEP_MASKS = frozenset(COPIES) | ops("dropout nan_to_num view_as_real")
#: Their results are of ordinary size.
BOUNDED = ops("sigmoid tanh sin cos erf erfc sign sgn hardsigmoid sinc atan atan2 angle special_i0e special_i1e")
#: Multiply by a number of their own.
FACTORS: Mapping[str, float] = {"aten::deg2rad": math.pi / 180, "aten::rad2deg": 180 / math.pi}
#: The others may grow: by a factor that an argument gives,
STRETCHES = ops("elu celu leaky_relu lerp addcmul")
#: as a power of e or 2,
EXPONENTIALS = ops("exp exp2 expm1 special_expm1 sinh cosh i0 special_i1")
#: beyond all sizes near a divisor of zero,
QUOTIENTS = ops("div floor_divide")
INVERSES = ops("reciprocal rsqrt")
#: as a power,
POWERS = ops("pow float_power")
#: and in ways that no table states.
UNSTATED = ops("""
    addcdiv xlogy bitwise_left_shift __lshift__ ldexp lgamma mvlgamma digamma polygamma special_entr special_erfcx
    special_ndtri special_log_ndtr
""")

# --- Reductions ---

#: One or several results, with the axes of `dim` gone or of length 1.
REDUCTIONS = named("""
    sum mean prod amax amin aminmax max min any all var std var_mean std_mean logsumexp norm linalg_vector_norm argmax
    argmin median nanmedian nansum nanmean count_nonzero mode kthvalue linalg_matrix_norm
""")
#: The result is certain where all their operands are.
EVALUATED_REDUCTIONS = ops("sum mean amax amin")
#: Ignore what is masked, as they look for the largest.
LARGEST = ops("amax max argmax logsumexp")
#: Their results are squares.
SQUARES = ops("var var_mean")
#: Their results count or compare, and are of ordinary size.
COUNTS = ops("any all count_nonzero argmax argmin")
#: Reduce one axis, the last one when none is given.
ONE_AXIS = ops("mode kthvalue")
#: Sums, and sums divided by the number of elements.
ADDING = ops("sum mean")
#: Averages over all positions, and over windows that may be all of them.
MEANS = ops("mean adaptive_avg_pool1d avg_pool1d")
#: Largest over positions.
MAX_POOLS = ops("amax max max_pool1d adaptive_max_pool1d")
#: Add positions up, weighted or not.
WEIGHTED_SUMS = ops("sum matmul bmm einsum linear mv")
#: Normalise along an axis: what lies along it adds up to a constant, unless weights come after.
NORMS = ops("softmax _softmax instance_norm layer_norm")
#: Give positions weights that add up to 1.
SOFTMAXES = ops("softmax _softmax _safe_softmax scaled_dot_product_attention")

# --- Products, windows, matrices: the rows of regular rules ---

#: op -> its two factors and its result, as in an einsum, and the names of the arguments.
PRODUCTS: Mapping[str, tuple[str, str, str, str, str, str | None]] = {
    "aten::mm": ("self", "ik", "mat2", "kj", "ij", None),
    "aten::bmm": ("self", "bik", "mat2", "bkj", "bij", None),
    "aten::mv": ("self", "ik", "vec", "k", "i", None),
    "aten::dot": ("self", "k", "tensor", "k", "", None),
    "aten::outer": ("self", "i", "vec2", "j", "ij", None),
    "aten::addmm": ("mat1", "ik", "mat2", "kj", "ij", "self"),
    "aten::addmv": ("mat", "ik", "vec", "k", "i", "self"),
    "aten::baddbmm": ("batch1", "bik", "batch2", "bkj", "bij", "self"),
}
CONVOLUTIONS = named("conv1d conv2d conv3d")
TRANSPOSED_CONVOLUTIONS = named("conv_transpose1d conv_transpose2d conv_transpose3d")
#: op -> how many of the last axes a window slides along.
POOLS: Mapping[str, int] = {
    **dict.fromkeys(named("max_pool1d avg_pool1d max_pool1d_with_indices"), 1),
    **dict.fromkeys(named("max_pool2d avg_pool2d max_pool2d_with_indices"), 2),
    **dict.fromkeys(named("max_pool3d avg_pool3d"), 3),
}
#: op -> how many of the last axes are cut into as many windows as the result has elements.
ADAPTIVE_POOLS: Mapping[str, int] = {
    **dict.fromkeys(named("adaptive_avg_pool1d adaptive_max_pool1d"), 1),
    **dict.fromkeys(named("adaptive_avg_pool2d adaptive_max_pool2d"), 2),
    **dict.fromkeys(named("adaptive_avg_pool3d adaptive_max_pool3d"), 3),
}
#: op -> its operands, and how many of the last axes of each belong to one row of the batch.
MATRICES: Mapping[str, Mapping[str, int]] = {
    **{op: {"A": 2} for op in named("linalg_inv linalg_det linalg_qr linalg_svd linalg_svdvals linalg_slogdet")},
    **{
        op: {"self": 2}
        for op in named("linalg_eigh linalg_eigvalsh inverse det slogdet logdet svd qr linalg_pinv pinverse")
    },
    **{op: {"self": 2} for op in named("linalg_matrix_exp matrix_exp matrix_power linalg_matrix_power")},
    "aten::cholesky_solve": {"self": 2, "input2": 2},
    "aten::grid_sampler": {"input": 3, "grid": 3},
    "aten::grid_sampler_2d": {"input": 3, "grid": 3},
}
#: Each coefficient is a sum over all of the transformed axes.
TRANSFORMS = named("fft_fft fft_ifft fft_rfft fft_irfft fft_hfft fft_fft2 fft_ifft2 fft_fftn fft_ifftn fft_rfftn")
#: Losses of an element against its target.
ELEMENTWISE_LOSSES = named("""
    mse_loss l1_loss smooth_l1_loss huber_loss kl_div soft_margin_loss poisson_nll_loss
    binary_cross_entropy binary_cross_entropy_with_logits
""")
#: Overloads for which the rule of their op does not hold: they run on no CPU, so that no sample can show it, or their
#: argument (a size, a tolerance) is computed from values and not moved.
WITHOUT_RULE = ops("""
    mm.dtype bmm.dtype addmm.dtype baddbmm.dtype repeat_interleave.Tensor where.default linalg_pinv.rcond_tensor
    linalg_pinv.atol_rtol_tensor
""")

# --- How people write ops ---

#: plain name of an op -> how it is written; {0} is its first argument.
WRITTEN: Mapping[str, str] = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "rsub": "{1} - {0}", "mul": "{0} * {1}", "div": "{0} / {1}",
    "floor_divide": "{0} // {1}", "remainder": "{0} % {1}", "neg": "-{0}", "eq": "{0} == {1}", "ne": "{0} != {1}",
    "lt": "{0} < {1}", "le": "{0} <= {1}", "gt": "{0} > {1}", "ge": "{0} >= {1}", "bitwise_and": "{0} & {1}",
    "__and__": "{0} & {1}", "logical_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "__or__": "{0} | {1}",
    "logical_or": "{0} | {1}", "bitwise_not": "~{0}", "logical_not": "~{0}", "where": "where({0}, {1}, {2})",
    "masked_fill": "where({1}, {2}, {0})", "maximum": "max({0}, {1})", "minimum": "min({0}, {1})",
    "clamp": "clamp({0}, {1}, {2})", "clamp_max": "min({0}, {1})", "clamp_min": "max({0}, {1})", "index": "{0}[{1}]",
    "ones": "1", "zeros": "0", "ones_like": "1", "zeros_like": "0", "full": "{1}", "full_like": "{1}", "new_ones": "1",
    "new_zeros": "0",
}  # fmt: skip
#: plain name of an op -> an argument that is not given -> how the op is written without it.
WRITTEN_WITHOUT: Mapping[str, Mapping[int, str]] = {"clamp": {1: "min({0}, {2})", 2: "max({0}, {1})"}}
#: Only change shape or type, and are written as their argument.
UNWRITTEN = frozenset(COPIES + RESHAPES + EXPANSIONS) - ops("positive view_as reshape_as ravel")
#: Written as f(x), their axis left out where the tensors at hand leave no choice.
FUNCTIONS = ops("argmax argmin sum cumsum amax amin max min any all flip sort topk nonzero abs mean round")
#: Those of them that give one tensor, so that the whole can be evaluated as it is written.
EVALUATED = FUNCTIONS - ops("sort topk nonzero mean round")
#: Written as a subscript: x[i].
SUBSCRIPTS = ops("select slice index")
#: plain name of an op -> the class in `ast` of the operator that it is written as.
OPERATORS: Mapping[str, str] = {
    "add": "Add", "sub": "Sub", "mul": "Mult", "div": "Div", "remainder": "Mod", "matmul": "MatMult",
    "bitwise_and": "BitAnd", "bitwise_or": "BitOr", "bitwise_not": "Invert", "neg": "USub",
    "eq": "Eq", "ne": "NotEq", "lt": "Lt", "le": "LtE", "gt": "Gt", "ge": "GtE",
}  # fmt: skip
