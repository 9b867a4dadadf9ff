"""Shrinking: how the integers of a config are made small, each row a small case and the answer worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import BertConfig, CLIPConfig

from archtrace.capture.program import Program
from archtrace.capture.run import capture
from archtrace.reach.rules.registry import has_rule
from archtrace.witness import shrink
from archtrace.witness.shrink import LargestUsed, ModelSize, Overrides

#: Ids up to 60 and positions up to 27.
USED = LargestUsed(60, 27)

#: An integer -> what it may be reduced to.
SMALLER = {
    1: [],
    2: [],
    3: [2],
    4: [2],
    12: [2, 3, 6],
    768: [2, 12, 24, 48, 96, 192, 384],
    30522: [2, 476, 953, 1907, 3815, 7630, 15261],
}


@pytest.mark.parametrize("value", SMALLER)
def test_an_integer_is_halved_six_times_at_the_most(value: int) -> None:
    assert shrink.smaller_values(value) == SMALLER[value]


@pytest.mark.parametrize(("value", "floor"), [(768, 61), (61, 61), (60, 28), (40, 28), (28, 28), (27, 2), (12, 2)])
def test_what_may_count_ids_or_positions_stays_above_those_in_use(value: int, floor: int) -> None:
    assert shrink.floor_of(value, USED) == floor


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("bert.encoder.layer.11.output", "bert.encoder.layer.*.output"),
        ("h.0.experts.123", "h.*.experts.*"),
        ("score", "score"),
        ("", ""),
    ],
)
def test_paths_of_alike_layers_are_one(path: str, said: str) -> None:
    assert shrink.unnumbered(path) == said


def test_sizes_of_bert_are_those_of_its_paper() -> None:
    """No id, no label count, no flag, and nothing that is 0 or 1 (Devlin et al. 2018, section 3)."""
    assert dict(shrink.integers(BertConfig(pad_token_id=7, num_labels=5, output_attentions=True))) == {
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }


def test_sizes_of_configs_within_a_config_have_dotted_names() -> None:
    found = dict(shrink.integers(CLIPConfig(text_config={"hidden_size": 40}, vision_config={"patch_size": 14})))
    assert found["text_config.hidden_size"] == 40
    assert found["vision_config.patch_size"] == 14
    assert not any(name.endswith("token_id") for name in found)


TWINS: list[tuple[Mapping[str, int], Mapping[str, tuple[str, ...]]]] = [
    ({"encoder.width": 64, "decoder.width": 64}, {"encoder.width": ("decoder.width",)}),
    ({"width": 8, "a.width": 8, "b.width": 8}, {"width": ("a.width", "b.width")}),
    ({"encoder.width": 64, "decoder.width": 32}, {}),
    ({"encoder.width": 64, "encoder.depth": 64}, {}),
]


@pytest.mark.parametrize(("integer", "twins"), TWINS)
def test_twins_have_one_name_and_one_value(integer: Mapping[str, int], twins: Mapping[str, tuple[str, ...]]) -> None:
    assert shrink.twins_of(integer) == twins


def eighth(overrides: Overrides) -> Overrides | None:
    """A config whose heads are an eighth of its width, and which refuses a width of 50."""
    if overrides.get("width") == 50:
        return None
    return {"head": overrides["width"] // 8} | overrides if "width" in overrides else overrides


@pytest.mark.parametrize(
    ("integer", "moved"),
    [
        ({"width": 64, "head": 8}, {"head"}),
        ({"head": 8, "depth": 12}, set()),
        ({"width": 100, "head": 12}, set()),  # 50 is refused, and so tells nothing
        ({"width": 3, "head": 8}, set()),  # too small to be halved
    ],
)
def test_derived_is_what_another_field_moves(integer: Mapping[str, int], moved: set[str]) -> None:
    assert shrink.derived(integer, eighth) == moved


def transformer(**refused: Callable[[Any], bool]) -> shrink.Measure:
    """The size of a transformer of 12 layers, each of 2 modules; None where `refused` says that it does not build."""
    given = {"layers": 12, "heads": 12, "width": 768, "vocab": 30522, "buckets": 256, "stride": 4}

    def size(overrides: Overrides) -> ModelSize | None:
        c = SimpleNamespace(**{**given, **overrides})
        if c.width % c.heads or any(refuses(c) for refuses in refused.values()):
            return None
        kinds = frozenset({"attention", "mixing"} if c.layers >= 4 else {"attention"})
        weights = c.vocab * c.width + c.layers * 12 * c.width**2 + 1_000_000 // c.stride
        return ModelSize(3 + 2 * c.layers, weights, kinds if "kinds" in refused else frozenset())

    return size


STEPS: list[tuple[Mapping[str, int], Mapping[str, Callable[[Any], bool]], Overrides]] = [
    # Heads change no size, and are few: they go along. 48 is a width below the ids in use, 96 the next.
    (
        {"width": 768, "vocab": 30522, "heads": 12, "layers": 12},
        {},
        {"layers": 2, "heads": 2, "width": 96, "vocab": 476},
    ),
    # What no model is built of is passed over.
    ({"heads": 12, "width": 768}, {"few heads": lambda c: c.heads < 6}, {"heads": 6, "width": 96}),
    ({"width": 768}, {"narrow": lambda c: c.width < 300}, {"width": 384}),
    ({"width": 768}, {"other": lambda c: c.width != 768}, {}),
    # Two layers would have no module that mixes.
    ({"layers": 12}, {"kinds": lambda c: False}, {"layers": 6}),
    # A large number that changes nothing stays; one that makes the model larger when it is reduced stays too.
    ({"buckets": 256}, {}, {}),
    ({"stride": 4}, {}, {}),
]


@pytest.mark.parametrize(("integer", "refused", "found"), STEPS)
def test_each_integer_goes_as_far_as_the_model_still_builds(
    integer: Mapping[str, int], refused: Mapping[str, Callable[[Any], bool]], found: Overrides
) -> None:
    assert shrink.steps(integer, transformer(**refused), USED, dict) == found


def test_layers_come_first_since_all_after_them_is_cheaper() -> None:
    asked: list[str] = []

    def size(overrides: Overrides) -> ModelSize:
        asked.extend(overrides)
        return transformer()(overrides) or ModelSize(0, 0)

    shrink.steps({"vocab": 30522, "heads": 12, "num_layers": 12}, size, USED, dict)
    assert list(dict.fromkeys(asked)) == ["num_layers", "heads", "vocab"]


GIVEN: Overrides = dict.fromkeys("abcd", 16)
SETTLED: list[tuple[Callable[[Overrides], bool], Overrides]] = [
    (lambda o: True, {"a": 2, "b": 2, "c": 2, "d": 2}),
    (lambda o: False, {}),
    (lambda o: o.get("c", 16) >= 8, {"a": 2, "b": 2, "c": 8, "d": 2}),
    (lambda o: "c" not in o, {"a": 2, "b": 2, "d": 2}),
    (lambda o: not {"a", "b"} <= o.keys(), {"a": 2, "c": 2, "d": 2}),
    # b and c stand in different halves, and so are never tried together once d is out.
    (lambda o: o.get("b", 16) == o.get("c", 16) and "d" not in o, {"a": 2}),
]


@pytest.mark.parametrize(("keeps", "found"), SETTLED)
def test_delta_debugging_keeps_what_can_be_kept(keeps: Callable[[Overrides], bool], found: Overrides) -> None:
    assert shrink.settle({}, [(name, 2) for name in "abcd"], keeps, GIVEN) == found


def test_what_is_kept_already_stays() -> None:
    assert shrink.settle({"z": 3}, [], lambda o: False, {}) == {"z": 3}
    assert shrink.settle({"z": 3}, [("a", 2)], lambda o: o == {"z": 3, "a": 4}, GIVEN) == {"z": 3, "a": 4}


APPLIED: list[tuple[dict[str, Any], Overrides, dict[str, Any]]] = [
    ({"layers": 3, "types": list("abc"), "two": [1, 2], "four": [1, 2, 3, 4]}, {"layers": 2},
     {"layers": 2, "types": list("ab"), "two": [1, 2], "four": [1, 2, 3, 4]}),
    ({"text": {"layers": 2, "types": [1, 2]}, "types": [1, 2]}, {"text.layers": 1},
     {"text": {"layers": 1, "types": [1]}, "types": [1, 2]}),
    ({}, {"vision.width": 8}, {"vision": {"width": 8}}),
    ({"width": 8}, {}, {"width": 8}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "overrides", "found"), APPLIED)
def test_lists_are_cut_with_the_number_that_they_are_as_long_as(
    arguments: dict[str, Any], overrides: Overrides, found: dict[str, Any]
) -> None:
    before = repr(arguments)
    assert shrink.apply(arguments, overrides) == found
    assert repr(arguments) == before, "the config's own arguments stay"


class Part(SimpleNamespace):
    """A config within a config."""

    def to_diff_dict(self) -> dict[str, Any]:
        return vars(self)


def sum_of(*fields: str, least: Mapping[str, int] | None = None) -> shrink.Measure:
    """A size that grows with fields of 256, and None below the `least` of one."""

    def size(overrides: Overrides) -> ModelSize | None:
        small = any(overrides.get(name, 256) < number for name, number in (least or {}).items())
        return None if small else ModelSize(1, sum(overrides.get(name, 256) for name in fields))

    return size


def test_what_runs_with_each_field_cut_alone_costs_no_search() -> None:
    asked: list[Overrides] = []

    def keeps(overrides: Overrides) -> bool:
        asked.append(overrides)
        return True

    found = shrink.shrink(SimpleNamespace(width=256, depth=4), sum_of("width", "depth"), keeps, USED, dict)
    assert asked == [found] == [{"width": 64, "depth": 2}]


def test_what_hangs_on_a_width_moves_along_where_it_must() -> None:
    """Alone the width would go to 64 and leave heads of 32."""
    found = shrink.shrink(
        SimpleNamespace(width=256, head=32),
        sum_of("width", "head"),
        lambda o: o.get("width", 256) == 8 * o.get("head", 32),
        USED,
        eighth,
    )
    assert found == {"width": 64, "head": 8}


def test_twins_in_two_configs_move_as_one_where_nothing_else_helps() -> None:
    """The decoder builds from 128 on, and is as wide as the encoder."""
    names = ("encoder.width", "decoder.width")
    found = shrink.shrink(
        SimpleNamespace(encoder=Part(width=256), decoder=Part(width=256)),
        sum_of(*names, least={"decoder.width": 128}),
        lambda o: o.get(names[0], 256) == o.get(names[1], 256),
        USED,
        dict,
    )
    assert found == dict.fromkeys(names, 128)


class Deep(nn.Module):
    """Alike layers in a row, and a score."""

    def __init__(self, layers: int, width: int = 8, gelu: bool = False) -> None:
        super().__init__()
        self.embed, self.score = nn.Embedding(64, width), nn.Linear(width, 2)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.act = nn.functional.gelu if gelu else torch.tanh

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embed(input_ids)
        for layer in self.layers:
            hidden = self.act(layer(hidden))
        logits: torch.Tensor = self.score(hidden[:, 0])
        return logits


def program(module: nn.Module) -> Program:
    """The captured program of a module."""
    return capture(module, {}, {"input_ids": torch.tensor([[5, 6, 7]])}, has_rule)


def test_a_skeleton_does_not_see_how_many_layers_there_are_and_how_wide() -> None:
    kept = shrink.skeleton(program(Deep(3)))
    assert kept == shrink.skeleton(program(Deep(2, width=4)))
    assert kept != shrink.skeleton(program(Deep(3, gelu=True))), "another op"
    assert kept > shrink.skeleton(program(Deep(0))), "no layer at all"
    modules = {module for op, module, _ in kept if op == "aten::linear"}
    assert modules == {"layers.*", "score"}
