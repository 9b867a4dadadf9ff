"""Tiny models whose answers are known by hand: one a file in tests/models, found by listing the folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch
from _expected import Expected, Layout, Rows, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archtrace
from archtrace.answer.kinds import KINDS
from archtrace.answer.result import LayoutResult
from archtrace.capture.inputs import layouts as lay
from archtrace.capture.inputs.layouts import LENGTHS
from archtrace.tracing.answering import check_inside
from archtrace.tracing.trace import Trace

FOLDER = Path(__file__).parent / "models"
#: Every file of the folder that no underscore marks as shared.
NAMES = sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
#: The kinds that no model here reads: `each` is of outputs with positions (test_each_position), `latents` and `none`
#: are told by positions alone (readout/test_kind_of).
ELSEWHERE = {"each", "latents", "none"}


@cache
def known(name: str) -> Expected:
    """What the file of a model says of it."""
    expected: Expected = importlib.import_module(name).EXPECTED
    return expected


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make small recurrences fifty times slower where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


every_model = pytest.mark.parametrize("name", NAMES)


@cache
def traced(name: str) -> Trace:
    """A trace of the live model."""
    expected = known(name)
    return archtrace.trace(expected.model(), inputs=expected.inputs)


def ran(name: str) -> Iterator[tuple[LayoutResult, Layout]]:
    """The layouts that the model runs, with their inputs as tensors."""
    for layout in traced(name).result.layouts:
        if layout.refused is None:
            yield layout, {k: torch.tensor(v) for k, v in layout.inputs.items()}


# -- the folder ------------------------------------------------------------------------------------------------


def test_there_is_a_model_of_every_kind() -> None:
    assert {read.kind for name in NAMES for read in known(name).reads} == set(KINDS) - ELSEWHERE


@every_model
def test_each_file_says_what_it_reads_and_what_is_expected(name: str) -> None:
    """A file without an answer beside its model fails here."""
    module = importlib.import_module(name)
    caption = (module.__doc__ or "").split("\n")[0]
    assert caption.startswith("Reads ")
    assert caption.endswith(".")
    assert isinstance(known(name).model(), torch.nn.Module)
    assert known(name).model.__module__ == name


# -- the trace against what is known ---------------------------------------------------------------------------


@every_model
def test_readouts(name: str) -> None:
    found = [(r.tensor, r.kind, r.slice, r.index.depends_on) for r in traced(name).readouts]
    assert sorted(found) == sorted((r.tensor, r.kind, r.slice, r.depends_on) for r in known(name).reads)


@every_model
def test_positions_in_every_layout(name: str) -> None:
    expected = known(name)
    for layout, inputs in ran(name):
        wide = expected.bound
        assert layout.bound.tokens == (wide or expected.tokens)(inputs), layout.name
        assert layout.bound.reads == {r.tensor: (wide or r.positions)(inputs) for r in expected.reads}, layout.name
        assert layout.bound.others == {name: of(inputs) for name, of in expected.others.items()}, layout.name


@every_model
def test_witness_in_every_layout(name: str) -> None:
    """The witness is what is true, and never leaves the bound."""
    expected = known(name)
    assert check_inside(traced(name).result) == []
    for layout, inputs in ran(name):
        assert layout.witness is not None, layout.name
        assert layout.witness.tokens == expected.tokens(inputs), layout.name
        assert layout.witness.reads == {r.tensor: r.positions(inputs) for r in expected.reads}, layout.name
        assert layout.witness.others == layout.bound.others, layout.name


@every_model
def test_status(name: str) -> None:
    result, expected = traced(name).result, known(name)
    assert result.status == expected.status
    assert {r.status for r in result.readouts} <= {expected.status}
    assert {layout.name for layout in result.layouts if layout.refused} == set(expected.refused)


@every_model
def test_findings(name: str) -> None:
    """No op is without a rule, rows mix where they are known to mix alone, and a bound says why it is one."""
    expected = known(name)
    codes = {finding.code for finding in traced(name).result.findings}
    wanted = {"rows-mix"} if expected.rows_mix else set()
    wanted |= {"not-shown"} if expected.status == "bound" else set()
    aside = not expected.reads and any(any(expected.tokens(layout)) for _, layout in ran(name))
    wanted |= {"no-read-tensor"} if aside else set()
    wanted |= {"padding-moves"} if expected.moves else set()
    assert codes == wanted | ({"layout-refused"} if expected.refused else set())


@every_model
def test_padding(name: str) -> None:
    expected, padding = known(name), traced(name).result.padding
    assert padding.leaks is expected.leaks
    assert sorted(padding.reads_padding) == sorted(expected.reads_padding)


@every_model
def test_dead_parameters(name: str) -> None:
    result = traced(name).result
    assert sorted(result.dead_parameters) == sorted(known(name).dead)
    assert result.parameters == len(list(known(name).model().parameters()))


@every_model
def test_source_is_a_line_of_the_file(name: str) -> None:
    """Each readout is picked at a line of the model's own file."""
    text = (FOLDER / f"{name}.py").read_text()
    for readout in traced(name).readouts:
        assert readout.source is not None
        assert readout.source.file == f"{name}.py"
        assert readout.source.expression in " ".join(text.split())
        assert readout.source.function == f"{known(name).model.__name__}.forward"


@every_model
def test_views(name: str) -> None:
    """Trace.at says in other words what the result says of the layouts."""
    expected = known(name)
    for layout, inputs in ran(name):
        view = traced(name).at(**inputs)
        assert view.reads == layout.bound.reads
        assert view.reaching(expected.ids) == view.tokens == layout.bound.tokens
        assert {other: view.reaching(other) for other in expected.others} == layout.bound.others


@every_model
def test_reaching_a_module(name: str) -> None:
    """The output of a module that is read alone reaches the logits where it is read; of several, at least there."""
    expected, modules = known(name), {path for path, _ in known(name).model().named_modules()}
    for layout, inputs in ran(name):
        view = traced(name).at(**inputs)
        for read in expected.reads:
            if read.tensor in modules:
                reached, direct = view.reaching(read.tensor), layout.bound.reads[read.tensor]
                assert all(set(few) <= set(many) for few, many in zip(direct, reached, strict=True))
                assert reached == direct or len(expected.reads) > 1


@every_model
def test_graph_leads_from_the_tokens_that_reach_to_the_logits(name: str) -> None:
    trace, ids = traced(name), known(name).ids
    graph = trace.graph
    logits = graph.graph["logits"]
    assert nx.is_directed_acyclic_graph(graph)
    tokens = {node for node, kind in graph.nodes(data="kind") if kind == "position"}
    reached = set().union(*trace.result.layouts[0].bound.tokens)
    assert tokens == {f"{ids}[:, {position}]" for position in reached}
    assert all(nx.has_path(graph, node, logits) for node in tokens)
    assert all("kind" in facts for _, facts in graph.nodes(data=True))


# -- what is known against the real module ---------------------------------------------------------------------

#: Draws of the weights: the union of what they show. A maximum shows one position a feature, so several are needed.
FEWEST_DRAWS, MOST_DRAWS = 3, 60


def drawn(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """The module in float64 with random weights; embeddings are large enough for each token to be itself."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 1.0
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale)
    return module


class Tap:
    """Stands between a module's output and its users, so that gradients are taken of what each call put out."""

    def __init__(self) -> None:
        self.leaves: list[torch.Tensor] = []

    def __call__(self, _module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
        self.leaves.append(output.detach().requires_grad_())
        return self.leaves[-1].clone()


def gradients(logits: torch.Tensor, leaf: torch.Tensor | None) -> torch.Tensor:
    """For each row of the logits the size of its gradient at each row and position of a leaf."""
    assert leaf is not None
    weights = torch.linspace(0.5, 1.5, logits.shape[1], dtype=logits.dtype)
    sizes = []
    for row in logits @ weights:
        (found,) = (
            torch.autograd.grad(row, leaf, retain_graph=True, allow_unused=True) if row.requires_grad else (None,)
        )
        sizes.append(torch.zeros(leaf.shape[:2]) if found is None else found.abs().flatten(2).amax(2))
    return torch.stack(sizes)


def shown(name: str, inputs: Layout, seed: int, text: int = 0) -> torch.Tensor:
    """Which rows of the logits one draw shows to depend on which tokens of a text: (rows, rows, positions)."""
    expected = known(name)
    module = drawn(expected.model(), seed)
    if expected.inputs:
        generator = torch.Generator().manual_seed(seed)
        features = torch.randn(inputs[expected.ids].shape, generator=generator, dtype=torch.float64).requires_grad_()
        sizes = gradients(module(**{**inputs, expected.ids: features}), features)
    else:
        sizes = by_embedding(name, module, inputs, text)
    return sizes > sizes.max() * 1e-12


def by_embedding(name: str, module: torch.nn.Module, inputs: Layout, text: int) -> torch.Tensor:
    """Gradients at what the embedding puts out of a text; where no module puts that out, at the rows of the table."""
    expected = known(name)
    embedding = module.get_submodule(expected.embedding)
    if isinstance(embedding, torch.nn.Embedding):
        tap = Tap()
        embedding.register_forward_hook(tap)
        logits = module(**inputs)
        return gradients(logits, tap.leaves[text])
    table, logits = next(embedding.parameters()), module(**inputs)
    sizes = [torch.autograd.grad(row.sum(), table, retain_graph=True)[0].abs().amax(1) for row in logits]
    return torch.stack(sizes)[:, inputs[expected.ids]]


def examples(name: str) -> dict[str, Layout]:
    """The engine's own layouts, whether it answers or not."""
    expected = known(name)
    if expected.inputs:
        return {"given": expected.inputs}
    module = expected.model()
    names = replace(lay.signature(module.forward), choices=expected.texts)
    return {
        layout: inputs
        for layout, inputs in lay.layouts(names, lay.vocabulary_of(module), min(LENGTHS)).items()
        if layout not in expected.refused
    }


@every_model
def test_real_gradients_are_where_they_are_expected(name: str) -> None:
    """This holds EXPECTED to account, with nothing of the engine but its layouts."""
    expected = known(name)
    texts = (expected.tokens, *expected.others.values())
    for (layout, inputs), (text, tokens) in product(examples(name).items(), enumerate(texts)):
        wanted = tokens(inputs)
        found = shown(name, inputs, 0, text)
        for seed in range(1, MOST_DRAWS):
            if seed >= FEWEST_DRAWS and own_rows(found, expected) == wanted:
                break
            found = found | shown(name, inputs, seed, text)
        assert own_rows(found, expected) == wanted, layout
        crossing = found & ~own(found)
        assert bool(crossing.any()) is expected.rows_mix, layout


def own_rows(found: torch.Tensor, expected: Expected) -> Rows:
    """For each row its positions that reach its own logits, or any logits where rows mix."""
    return rows((found if expected.rows_mix else found & own(found)).any(0))


def own(found: torch.Tensor) -> torch.Tensor:
    """Which rows of tokens are of which row of the logits: of several texts in a row each is."""
    texts = found.shape[1] // len(found)
    return torch.eye(len(found), dtype=torch.bool).repeat_interleave(texts, 1)[:, :, None]


# -- any mask --------------------------------------------------------------------------------------------------

LENGTH = 7
#: Two rows of seven, each with something to attend to.
masks = st.lists(st.lists(st.integers(0, 1), min_size=LENGTH, max_size=LENGTH).filter(any), min_size=2, max_size=2)


@pytest.mark.parametrize("name", ["masked_mean", "gather_by_length", "masked_attention_first", "attention_pooling"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mask=masks)
def test_any_mask(name: str, mask: Sequence[Sequence[int]]) -> None:
    expected = known(name)
    ids = torch.arange(3, 3 + 2 * LENGTH).reshape(2, LENGTH)
    inputs: Mapping[str, torch.Tensor] = {"input_ids": ids, "attention_mask": torch.tensor(mask)}
    view = traced(name).at(**inputs)
    assert view.tokens == expected.tokens(inputs)
    assert view.reads == {r.tensor: r.positions(inputs) for r in expected.reads}
