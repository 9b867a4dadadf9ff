"""The main job: real ids, offline, each with the readout that its code has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

import archtrace
from archtrace.tracing.answering import check_inside


class Answer(NamedTuple):
    """What is true of a checkpoint, read from its modelling code and its config."""

    kind: str
    depends_on: tuple[str, ...]
    line: str
    overrides: Mapping[str, object] = MappingProxyType({})


GPT_INDEX = "logits[torch.arange(batch_size, device=logits.device), last_non_pad_token]"

ANSWERS = {
    "bert-base-uncased": Answer("first", (), "hidden_states[:, 0]"),
    "roberta-base": Answer("first", (), "features[:, 0, :]"),
    "distilbert-base-uncased": Answer("first", (), "hidden_state[:, 0]"),
    "gpt2": Answer("last_non_pad", ("input_ids",), GPT_INDEX),
    "xlnet-base-cased": Answer("last", (), "hidden_states[:, -1]"),
    "facebook/bart-base": Answer("last_eos", ("input_ids",), "eos_mask"),
    "answerdotai/ModernBERT-base": Answer("masked_mean", ("attention_mask",), "attention_mask"),
    "answerdotai/ModernBERT-base as cls": Answer("first", (), "last_hidden_state[:, 0]", {"classifier_pooling": "cls"}),
    "microsoft/deberta-v3-base": Answer("first", (), "hidden_states[:, 0]"),
    "google/fnet-base": Answer("first", (), "hidden_states[:, 0]"),
    "meta-llama/Llama-2-7b-hf": Answer("last_non_pad", ("input_ids",), GPT_INDEX),
    "mistralai/Mixtral-8x7B-v0.1": Answer("last_non_pad", ("input_ids",), GPT_INDEX),
    "t5-small": Answer("last_eos", ("input_ids",), "eos_mask"),
    "EuroBERT/EuroBERT-210m": Answer("masked_mean", ("attention_mask",), "attention_mask"),
}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled table answers; no test waits for a network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("name", ANSWERS)
def test_answer(name: str) -> None:
    """One readout of the last hidden state, of the right kind, at the right line, exact, witness inside bound."""
    want = ANSWERS[name]
    result = archtrace.trace(name.split(" as ", maxsplit=1)[0], overrides=want.overrides).result
    (readout,) = result.readouts
    assert (readout.tensor, readout.kind) == ("last_hidden_state", want.kind)
    assert readout.index.depends_on == want.depends_on
    assert readout.source is not None
    assert want.line in readout.source.expression
    assert result.status == "exact"
    assert check_inside(result) == []


def test_padding_of_bert_and_fnet() -> None:
    """BERT masks padding, and reads a pad where padding comes first; FNet mixes padding into every position."""
    bert = archtrace.trace("bert-base-uncased").result
    assert not bert.padding.leaks
    assert bert.padding.reads_padding == ("left_padded",)
    assert archtrace.trace("google/fnet-base").result.padding.leaks


def test_layers_of_bert() -> None:
    """The last hidden state narrows to [CLS]; every layer below is read whole, but for padding."""
    trace = archtrace.trace("bert-base-uncased")
    view = trace.at(input_ids=[[5, 6, 7, 0, 0]], attention_mask=[[1, 1, 1, 0, 0]])
    assert view.reads == {"last_hidden_state": ((0,),)}
    assert view.reaching("hidden_states[12]") == ((0,),)
    assert view.reaching("hidden_states[11]") == ((0, 1, 2),)
    assert view.reaching("hidden_states[0]") == ((0, 1, 2),)
    assert view.reaching("bert.encoder.layer.3") == ((0, 1, 2),)
    assert view.reaching("input_ids") == ((0, 1, 2),)


def test_graph_of_bert() -> None:
    """Every token position has a way to the logits through the one select, and the dropped positions end there."""
    import networkx as nx

    graph = archtrace.trace("bert-base-uncased").graph
    logits = graph.graph["logits"]
    selects = [n for n, data in graph.nodes(data=True) if data.get("op") == "aten::select"]
    assert len(selects) == 1
    positions = [n for n, data in graph.nodes(data=True) if data["kind"] == "position"]
    assert len(positions) == 19
    assert all(nx.has_path(graph, p, logits) for p in positions)
    cut = graph.copy()
    cut.remove_node(selects[0])
    assert not any(nx.has_path(cut, p, logits) for p in positions)
