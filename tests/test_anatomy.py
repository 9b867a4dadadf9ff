"""The anatomy against the truth: gradients of a real model, its own module tree, its own source files."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from archtrace import Trace, trace
from archtrace.answer.drawing import Anatomy, Block

SMALL = {"num_hidden_layers": 3, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}
OVERRIDES: dict[str, dict[str, Any]] = {
    "bert": SMALL,
    "roberta": SMALL,
    "gpt2": {"n_layer": 3, "n_embd": 32, "n_head": 4},
    "llama": SMALL | {"num_key_value_heads": 2},
    "fnet": {"num_hidden_layers": 3, "hidden_size": 32, "intermediate_size": 64},
}


@cache
def traced(name: str) -> Trace:
    """A small model of a type."""
    return trace(name, overrides=OVERRIDES[name])


def anatomy(name: str) -> Anatomy:
    """Its anatomy."""
    found = traced(name).result.anatomy
    assert found is not None
    return found


@pytest.mark.parametrize("name", OVERRIDES)
def test_each_hidden_state_of_the_cone_has_the_gradient_that_it_claims(name: str) -> None:
    found, result = anatomy(name), traced(name).result
    model = AutoModelForSequenceClassification.from_config(traced(name).config).double().eval()
    layers = [i for i, state in enumerate(found.states) if state.name.startswith("hidden_states[")]
    assert len(layers) == 3
    for slices in found.slices:
        inputs = next(layout.inputs for layout in result.layouts if layout.name == slices.layout)
        outcome = model(**{k: torch.tensor(v) for k, v in inputs.items()}, output_hidden_states=True)
        for row in range(2):
            states = outcome.hidden_states[:3]
            gradients = torch.autograd.grad(outcome.logits[row].sum(), states, retain_graph=True)
            for place, gradient in zip(layers, gradients, strict=True):
                reached = torch.where(gradient[row].abs().amax(-1) > 0)[0].tolist()
                assert slices.reaching[place][row] == tuple(reached), (name, slices.layout, place, row)


#: Token classifiers with causal attention, over all that stands before and over a window of three.
TAGGERS: dict[str, dict[str, Any]] = {
    "gpt2": OVERRIDES["gpt2"],
    "mistral": SMALL | {"num_key_value_heads": 2, "sliding_window": 3},
}


@pytest.mark.parametrize("name", TAGGERS)
def test_each_position_of_an_output_has_the_gradients_that_its_cone_claims(name: str) -> None:
    found = trace(name, head="token-classification", overrides=TAGGERS[name])
    model = AutoModelForTokenClassification.from_config(found.config).double().eval()
    assert found.result.anatomy is not None
    names = [state.name for state in found.result.anatomy.states]
    layers = [names.index(f"hidden_states[{number}]") for number in range(3)]
    slices = next(s for s in found.result.anatomy.slices if s.layout == "right_padded")
    layout = next(layout for layout in found.result.layouts if layout.name == "right_padded")
    outcome = model(**{k: torch.tensor(v) for k, v in layout.inputs.items()}, output_hidden_states=True)
    assert len(slices.each) == outcome.logits.shape[1]
    for position, rows in enumerate(slices.each):
        # What is left out is as it is before.
        claimed = [next(own for own in rows[place::-1] if own) for place in layers]
        score = outcome.logits[0, position].sum()
        for claim, gradient in zip(claimed, torch.autograd.grad(score, outcome.hidden_states[:3], retain_graph=True),
                                   strict=True):  # fmt: skip
            reached = torch.where(gradient[0].abs().amax(-1) > 0)[0].tolist()
            assert claim[0] == tuple(reached), (name, position)


@pytest.mark.parametrize("name", OVERRIDES)
def test_tokens_and_read_tensors_stand_in_the_cone_as_in_the_layouts(name: str) -> None:
    found, result = anatomy(name), traced(name).result
    bounds = {layout.name: layout.bound for layout in result.layouts if layout.refused is None}
    assert [s.layout for s in found.slices] == list(bounds)
    assert [found.states[0].role, found.states[-1].role] == ["tokens", "logits"]
    for slices in found.slices:
        for state, rows in zip(found.states, slices.reaching, strict=True):
            if state.role == "tokens":
                assert rows == bounds[slices.layout].tokens
            if state.role == "read":
                assert rows == bounds[slices.layout].reads[state.name]


def test_padding_is_told_where_only_the_ids_tell() -> None:
    assert "attention_mask" not in traced("fnet").result.layouts[0].inputs
    padded = {s.layout: s.padding for s in anatomy("fnet").slices}
    assert padded["full"] == ((), ())
    assert padded["right_padded"] == ((17, 18), (16, 17, 18))


@pytest.mark.parametrize("name", OVERRIDES)
def test_the_path_leads_from_the_read_tensor_to_the_logits(name: str) -> None:
    path = anatomy(name).path
    keys = [node.key for node in path.nodes]
    assert len(set(keys)) == len(keys)
    assert all(a in keys and b in keys and keys.index(a) < keys.index(b) for a, b in path.edges)
    starts = {node.key for node in path.nodes if node.role == "read"}
    ends = {key for key in keys if not any(a == key for a, _ in path.edges)}
    assert ends == {keys[-1]}
    assert path.nodes[-1].shape == (2, 2)
    reached = set(starts)
    for a, b in path.edges:
        reached |= {b} if a in reached else set()
    assert keys[-1] in reached


def test_the_index_of_gpt2_is_computed_from_the_ids_alone() -> None:
    path = anatomy("gpt2").path
    assert [n.label for n in path.nodes if n.role == "input"] == ["input_ids"]
    details = [n.detail for n in path.nodes if n.role == "index"]
    assert "input_ids != self.config.pad_token_id" in details


def test_the_index_of_a_masked_mean_is_computed_from_the_mask() -> None:
    found = trace("modernbert", overrides=SMALL | {"classifier_pooling": "mean"}).result.anatomy
    assert found is not None
    path = found.path
    assert [n.label for n in path.nodes if n.role == "input"] == ["attention_mask"]
    sums = [n.detail for n in path.nodes if n.label == "sum"]
    assert len(set(sums)) == 2, "each sum is told by its own expression"


def blocks(block: Block, path: str = "") -> list[tuple[str, Block]]:
    """Every block with its path."""
    inside = [found for child in block.children for found in blocks(child, f"{path}.{child.name}".lstrip("."))]
    return [(path, block), *inside]


@pytest.mark.parametrize("name", OVERRIDES)
def test_blocks_are_the_model_s_modules(name: str) -> None:
    model = AutoModelForSequenceClassification.from_config(traced(name).config)
    found = blocks(anatomy(name).root)
    for path, block in found:
        part = model.get_submodule(path.replace("0 to 2", "0"))
        assert block.class_name == type(part).__name__
        assert block.parameters == sum(p.numel() for p in part.parameters())
        assert set(block.takes) <= {b.name for p, b in found if p.rpartition(".")[0] == path.rpartition(".")[0]}
    assert [block.count for _, block in found if block.count > 1] == [3]


def test_what_reaches_no_logit_is_told() -> None:
    found = trace("big_bird", overrides=SMALL).result.anatomy
    assert found is not None
    dead = [path for path, block in blocks(found.root) if block.parameters and not block.reaches]
    assert dead == ["bert.pooler"]


def test_excerpts_are_the_source() -> None:
    from transformers.models.bert import modeling_bert

    (excerpt,) = anatomy("bert").excerpts
    assert excerpt is not None
    text = inspect.getsource(modeling_bert).split("\n")
    assert list(excerpt.lines) == text[excerpt.first - 1 : excerpt.first - 1 + len(excerpt.lines)]
    assert "hidden_states[:, 0]" in excerpt.lines[excerpt.line - excerpt.first]
