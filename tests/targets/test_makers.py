"""Functions that build a model, constructor arguments, relative imports, and from_pretrained in a constructor."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import archtrace
from archtrace.errors import TargetError
from archtrace.targets import prepare, resolve

PARTS = """
import torch

class Head(torch.nn.Module):
    def __init__(self, width, labels):
        super().__init__()
        self.out = torch.nn.Linear(width, labels)

    def forward(self, states):
        return self.out(states[:, 0])
"""

MODEL = """
import torch
from .parts import Head

class Model(torch.nn.Module):
    def __init__(self, width, labels=2):
        super().__init__()
        self.embed = torch.nn.Embedding(50, width)
        self.head = Head(width, labels)

    def forward(self, input_ids):
        return self.head(self.embed(input_ids))

def build(width=4, labels=3):
    return Model(width, labels)

def pair():
    return Model(4), "tokenizer"

live = Model(8)
NUMBER = 3
"""

LOADING = """
import torch
from transformers import AutoConfig, AutoModel, BertModel

class Plain(torch.nn.Module):
    def __init__(self, name="bert-base-uncased"):
        super().__init__()
        self.bert = AutoModel.from_pretrained(name, add_pooling_layer=False, torch_dtype="auto", num_hidden_layers=2)
        self.out = torch.nn.Linear(768, 2)

    def forward(self, input_ids, attention_mask=None):
        return self.out(self.bert(input_ids, attention_mask).last_hidden_state[:, 0])

class Configured(Plain):
    def __init__(self):
        super().__init__()
        self.bert = BertModel(AutoConfig.from_pretrained("google-bert/bert-base-uncased", num_hidden_layers=1))

class Named(Plain):
    def __init__(self):
        torch.nn.Module.__init__(self)
        self.bert = BertModel.from_pretrained("bert-base-uncased")
        self.out = torch.nn.Linear(self.bert.config.hidden_size, 2)
"""


@pytest.fixture
def folder(offline: Path) -> Path:
    for place in (offline, offline / "project" / "models"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "parts.py").write_text(PARTS)
        (place / "model.py").write_text(MODEL)
    (offline / "loading.py").write_text(LOADING)
    return offline


def test_arguments_reach_a_constructor_and_a_function(folder: Path) -> None:
    model, _ = prepare(resolve("model.py:Model", arguments={"width": 6}))
    assert model.embed.embedding_dim == 6
    model, _ = prepare(resolve("model.py:build", arguments={"width": 6, "labels": 5}))
    assert (model.embed.embedding_dim, model.head.out.out_features) == (6, 5)
    with pytest.raises(TargetError, match="takes no 'depth'"):
        resolve("model.py:build", arguments={"depth": 6})
    with pytest.raises(TargetError, match=r"--arg width=\.\.\."):
        resolve("model.py:Model")


def test_a_class_with_a_config_takes_arguments_beside_it(folder: Path) -> None:
    (folder / "both.py").write_text(
        "import torch\nfrom transformers import BertConfig\n\n"
        "class Both(torch.nn.Module):\n    def __init__(self, config: BertConfig, width):\n"
        "        super().__init__()\n        self.out = torch.nn.Linear(config.hidden_size, width)\n"
    )
    model, _ = prepare(resolve("both.py:Both", arguments={"width": 3}, overrides={"hidden_size": 24}))
    assert (model.out.in_features, model.out.out_features) == (24, 3)
    with pytest.raises(TargetError, match="cannot be built without width"):
        resolve("both.py:Both")


def test_a_function_and_an_instance_are_targets(folder: Path) -> None:
    trace = archtrace.trace("model.py:build")
    assert (trace.result.class_name, [r.slice for r in trace.readouts]) == ("Model", ["embed[:, 0]"])
    assert archtrace.trace("model.py:live").result.target == "model.py:live"
    layers = torch.nn.Embedding(9, 4), torch.nn.Flatten(), torch.nn.Linear(12, 2)
    found = archtrace.trace(lambda: torch.nn.Sequential(*layers), inputs={"input": [[1, 2, 3]]})
    assert found.result.class_name == "Sequential"
    assert found.result.layouts[0].bound.tokens == ((0, 1, 2),)


@pytest.mark.parametrize(
    ("name", "what"), [("pair", "model.py:pair builds no model"), ("NUMBER", "model.py:NUMBER is no model")]
)
def test_what_is_no_model_is_refused(folder: Path, name: str, what: str) -> None:
    with pytest.raises(TargetError) as caught:
        prepare(resolve(f"model.py:{name}"))
    assert str(caught.value).splitlines()[0] == what


def test_relative_imports_without_a_package(folder: Path) -> None:
    before = list(sys.path)
    assert resolve(folder / "model.py:build").name.endswith("model.py:build")
    assert sys.path == before
    assert not {"model", "parts"} & set(sys.modules)


@pytest.mark.parametrize("packaged", [False, True])
def test_relative_imports_climb(folder: Path, packaged: bool) -> None:
    models = folder / "project" / "models"
    (models / "model.py").write_text(MODEL.replace("from .parts", "from ..models.parts"))
    if packaged:
        (models / "__init__.py").write_text("MARK = 1\n")
        (models.parent / "__init__.py").write_text("")
    model, _ = prepare(resolve("project/models/model.py:build"))
    assert type(model.head).__module__ == f"{type(model).__module__.removesuffix('.model')}.parts"


def test_a_relative_import_that_fails_names_its_line_and_leaves_nothing(folder: Path) -> None:
    (folder / "parts.py").write_text("x = 1\nraise ValueError('not today')\n")
    with pytest.raises(TargetError) as caught:
        resolve("model.py:build")
    assert str(caught.value).splitlines()[1:3] == [f"  where: {folder}/parts.py:2", "  why: ValueError: not today"]
    (folder / "parts.py").write_text(PARTS)
    assert resolve("model.py:build").name == "model.py:build", "mended, it is read anew"


@pytest.mark.parametrize(("name", "layers"), [("Plain", 2), ("Named", 12)])
def test_from_pretrained_takes_the_config_and_no_weights(folder: Path, name: str, layers: int) -> None:
    target = resolve(f"loading.py:{name}")
    assert [f.code for f in target.findings] == ["weights-left-out"]
    assert "bert-base-uncased (bundled)" in target.findings[0].message.replace("'", "")
    assert (target.config.vocab_size, target.model_type, target.config_source) == (30522, "bert", "bundled")
    model, _ = prepare(target)
    assert (len(model.bert.encoder.layer), model.bert.embeddings.word_embeddings.weight.is_meta) == (layers, True)


def test_weights_read_while_a_file_is_imported_belong_into_a_function(folder: Path) -> None:
    (folder / "early.py").write_text(
        "from transformers import BertModel\n\nlive = BertModel.from_pretrained('no/such')\n"
    )
    with pytest.raises(TargetError, match="do: put the model into a function and name that: no weights are read then"):
        resolve("early.py:live")


def test_a_model_with_from_pretrained_is_answered_exactly(folder: Path) -> None:
    trace = archtrace.trace("loading.py:Plain")
    assert ([r.kind for r in trace.readouts], trace.result.status) == (["first"], "exact")


def test_a_config_alone_is_asked_for_without_a_finding_of_its_own(folder: Path) -> None:
    model, _ = prepare(resolve("loading.py:Configured"))
    assert len(model.bert.encoder.layer) == 1


def test_an_unknown_id_in_a_constructor_is_our_refusal(folder: Path) -> None:
    with pytest.raises(TargetError, match="unknown model 'no/such'"):
        resolve("loading.py:Plain", arguments={"name": "no/such"})


def test_the_library_is_itself_again_and_other_threads_never_see_it_changed(folder: Path) -> None:
    from transformers import AutoModel, BertModel

    def functions() -> list[Any]:
        return [kind.from_pretrained.__func__ for kind in (AutoModel, BertModel)]

    before, seen = functions(), []

    def load() -> None:
        try:
            BertModel.from_pretrained(folder / "nothing")
        except OSError as error:
            seen.append(error)

    (folder / "threaded.py").write_text(
        "import torch\nfrom transformers import BertModel  # from_pretrained\n\n"
        "class Threaded(torch.nn.Module):\n    def __init__(self, load):\n        super().__init__()\n        load()\n"
        "        self.out = torch.nn.Linear(2, 2)\n"
    )

    def elsewhere() -> None:
        thread = threading.Thread(target=load)
        thread.start()
        thread.join()

    prepare(resolve("threaded.py:Threaded", arguments={"load": elsewhere}))
    assert functions() == before
    assert len(seen) >= 1, "another thread asks the library itself, which finds no such folder"
