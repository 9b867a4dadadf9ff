"""A dozen classes of each kind of head, drawn by a seed, each as a real tiny model: the answer equals the Jacobian.

Half an hour on a core: `pytest -m sweep tests/test_dozens.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
import torch
import transformers
from slopes import shown
from torch.nn import functional
from torch.overrides import TorchFunctionMode

import archtrace
from archtrace.answer.positions import union
from archtrace.answer.result import LayoutResult, Result
from archtrace.errors import ArchtraceError
from archtrace.targets.depth import shallow
from archtrace.targets.fills import fill, nested
from archtrace.targets.head_kinds import HEADS, every_class, part_of

DOZEN = 12
#: Beyond this many parameters a model is not tiny, and another one is drawn.
TINY = 6_000_000
#: What stands for widths and counts wherever a config has them. What has other names stays as it is.
SIZES = {
    **dict.fromkeys(("hidden_size", "d_model", "dim", "n_embd", "embed_dim", "embedding_size"), 32),
    **dict.fromkeys(("intermediate_size", "d_ff", "hidden_dim", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim"), 48),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_experts_per_tok", "n_group", "topk_group"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "projection_dim", "moe_intermediate_size"), 8),
}
VOCABULARY = 200
#: Widths that stand in a tuple, one a layer.
WIDTHS, WIDTH = ("conv_dim", "tdnn_dim"), 32


class NotComparableError(Exception):
    """A model that gradients in float64 cannot be asked about."""


def tiny(name: str, model_type: str) -> torch.nn.Module | None:
    """A model of the class with real weights, in float64; None where these sizes do not build one that is tiny."""
    try:
        config = _config(name, model_type)
        kind = getattr(transformers, name)
        with torch.device("meta"):
            size = sum(p.numel() for p in kind(config).parameters())
        return kind(config).eval().double() if size <= TINY else None
    except Exception:  # a config may refuse a value, or its own defaults, in any way it likes
        return None


def _config(name: str, model_type: str) -> Any:
    """The default config of a class with few layers and small sizes."""
    config = part_of(transformers.AutoConfig.for_model(model_type), name)
    fill(config)
    for field, value in shallow(config).items():
        path, _, last = field.rpartition(".")
        part = config
        for step in path.split(".") if path else ():
            part = getattr(part, step)
        setattr(part, last, value)
    for _, part in nested("", config):
        _reduce(part)
    return config


def _reduce(part: Any) -> None:
    for field, value in SIZES.items():
        old = getattr(part, field, None)
        if type(old) is int and old > value:
            setattr(part, field, value)
    for field in WIDTHS:
        if isinstance(old := getattr(part, field, None), list | tuple):
            setattr(part, field, type(old)([WIDTH] * len(old)))
    ids = [v for k, v in vars(part).items() if k.endswith("_token_id") and type(v) is int]
    if type(getattr(part, "vocab_size", None)) is int and max(ids, default=0) < VOCABULARY:
        part.vocab_size = VOCABULARY
    # A cache is asked how long it is, which two layers of one kind cannot tell.
    part.use_cache = False
    kinds = getattr(part, "layer_types", None)
    if isinstance(kinds, list) and hasattr(part, "num_hidden_layers"):
        part.layer_types = kinds[: part.num_hidden_layers]


def drawn(head: str) -> Iterator[tuple[str, torch.nn.Module]]:
    """Classes with this head in an order of chance, with their tiny models."""
    classes = sorted(every_class(head))
    random.Random(2026).shuffle(classes)
    for model_type, name in classes:
        torch.manual_seed(0)
        model = tiny(name, model_type)
        if model is not None:
            yield name, model


class Lookups(TorchFunctionMode):
    """Hears the words that are looked up for ids: what the gradients are asked about."""

    def __init__(self, ids: torch.Tensor) -> None:
        super().__init__()
        self.ids, self.found = ids, list[torch.Tensor]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func is functional.embedding and torch.equal(args[0].flatten(), self.ids.flatten()):
            self.found.append(out)
        return out


def differences(model: torch.nn.Module, result: Result, layout: LayoutResult) -> Iterator[str]:
    """Where the answer for a layout is not what the gradients show. NotComparableError where they cannot be asked."""
    inputs = {name: torch.as_tensor(value) for name, value in layout.inputs.items()}
    main = next(iter(inputs))
    inputs = {k: torch.randn(v.shape, dtype=torch.float64) if v.is_floating_point() else v for k, v in inputs.items()}
    heard = Lookups(inputs[main])
    if inputs[main].is_floating_point():
        heard.found.append(inputs[main].requires_grad_())
    try:
        with heard:
            output = model(**inputs)[result.output]
    except RuntimeError as error:
        if "dtype" not in str(error) and "got Double" not in str(error):
            raise
        raise NotComparableError("its forward needs float32") from None
    if not heard.found or not output.requires_grad:
        raise NotComparableError("it looks no words up, or has no gradients")
    slices = [output[:, i] for i in range(len(layout.each))] or [output]
    for index, (bound, values) in enumerate(zip(layout.each or (layout.bound,), slices, strict=True)):
        seen = reduce(union, [shown(source, values) for source in heard.found])
        if bound.tokens != seen:
            yield f"{layout.name} {result.output} {index}: {bound.tokens} is not {seen}"


def told(name: str, model: torch.nn.Module) -> list[str]:
    """What is wrong with the answer about a model."""
    try:
        result = archtrace.trace(model).result
    except ArchtraceError as error:
        if "does not run on these inputs" in str(error):
            raise NotComparableError("it does not run with these sizes") from None
        return [f"{name}: {error}"]
    return [f"{name} ({result.status}): {line}" for line in differences(model, result, result.layouts[0])]


@pytest.mark.sweep
@pytest.mark.parametrize("head", HEADS)
def test_a_dozen_of_each_kind_equal_the_jacobian(head: str) -> None:
    """A dozen, or all but those few that these sizes do not suit, where the library has fewer."""
    wrong: list[str] = []
    checked: list[str] = []
    left_out: list[str] = []
    for name, model in drawn(head):
        try:
            wrong += told(name, model)
            checked.append(name)
        except NotComparableError as error:
            left_out.append(f"{name}: {error}")
        if len(checked) == DOZEN:
            break
    print(f"{head}: {len(checked)} checked ({', '.join(checked)}); left out: {'; '.join(left_out) or 'none'}")
    assert not wrong
    assert len(checked) >= min(DOZEN, (len(list(every_class(head))) + 1) // 2)
