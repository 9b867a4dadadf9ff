"""The user's code: files, packages, classes and live modules; and the model that prepare builds of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from archtrace.errors import BuildError, TargetError
from archtrace.targets import prepare, resolve, standins

PLAIN = """
import torch
from helper import WIDTH

class Head(torch.nn.Module):
    def __init__(self, num_labels=2, width=WIDTH):
        super().__init__()
        import later
        self.embed = torch.nn.Embedding(50, width)
        self.out = torch.nn.Linear(width, num_labels)

    def forward(self, input_ids):
        return self.out(self.embed(input_ids).mean(1))

class Needy(torch.nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.out = torch.nn.Linear(width, depth)
"""

CONFIGURED = """
import torch
from transformers import BertConfig, BertModel, PreTrainedModel

class Declared(PreTrainedModel):
    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config)
        self.out = torch.nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, input_ids, attention_mask=None, output_hidden_states=None):
        return self.out(self.bert(input_ids, attention_mask).last_hidden_state[:, 0])

class Annotated(torch.nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.out = torch.nn.Linear(config.hidden_size, config.num_labels)
"""


@pytest.fixture
def folder(offline: Path) -> Path:
    (offline / "models").mkdir()
    (offline / "models" / "plain.py").write_text(PLAIN)
    (offline / "models" / "helper.py").write_text("WIDTH = 4\n")
    (offline / "models" / "later.py").write_text("")
    (offline / "models" / "configured.py").write_text(CONFIGURED)
    return offline


def test_a_file_is_imported_under_a_private_name_beside_its_neighbours(folder: Path) -> None:
    before = list(sys.path)
    target = resolve("models/plain.py:Head", num_labels=5)
    assert (target.class_name, target.config, target.config_source) == ("Head", None, "given")
    model, options = prepare(target)
    assert (model.out.out_features, model.out.in_features, options) == (5, 4, {})
    assert model.out.weight.is_meta
    assert not model.training
    assert sys.path == before
    assert "plain" not in sys.modules
    assert resolve(folder / "models" / "plain.py:Head").class_name == "Head"


def test_overrides_are_arguments_of_a_class_without_a_config(folder: Path) -> None:
    model, _ = prepare(resolve("models/plain.py:Needy", overrides={"width": 6}, config={"depth": 3}))
    assert (model.out.in_features, model.out.out_features) == (6, 3)


def test_a_package_of_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "my_pkg_of_archtrace").mkdir()
    (folder / "my_pkg_of_archtrace" / "__init__.py").write_text("")
    (folder / "my_pkg_of_archtrace" / "models.py").write_text(CONFIGURED)
    target = resolve("my_pkg_of_archtrace.models:Declared", overrides={"hidden_size": 24, "num_hidden_layers": 1})
    assert (target.class_name, target.model_type, target.config.hidden_size) == ("Declared", "bert", 24)
    model, options = prepare(target)
    assert model.out.in_features == 24
    assert options == {"output_hidden_states": True}
    assert resolve("transformers:BertForSequenceClassification").class_name == "BertForSequenceClassification"


def test_a_config_is_found_by_annotation(folder: Path) -> None:
    model, _ = prepare(resolve("models/configured.py:Annotated", num_labels=7))
    assert (model.out.in_features, model.out.out_features) == (768, 7)


def test_a_live_module_stays_as_it_is() -> None:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(num_hidden_layers=1, hidden_size=24, num_attention_heads=2, intermediate_size=8, vocab_size=50)
    live = BertForSequenceClassification(config).train()
    target = resolve(live)
    assert (target.module, target.model_type, target.config_source) == (live, "bert", "given")
    model, options = prepare(target)
    assert model is not live
    assert options == {"output_hidden_states": True}
    assert live.training
    assert not model.training
    assert model.bert.embeddings.word_embeddings.weight.is_meta
    assert not live.bert.embeddings.word_embeddings.weight.is_meta
    assert torch.equal(model.bert.embeddings.position_ids, live.bert.embeddings.position_ids)


def test_a_class_is_a_target() -> None:
    from transformers import GPT2ForSequenceClassification

    target = resolve(GPT2ForSequenceClassification, num_labels=3)
    assert (target.name, target.config.num_labels, target.config.pad_token_id) == (
        "GPT2ForSequenceClassification",
        3,
        0,
    )


def test_prepare_captures_without_a_cache_and_with_batched_experts() -> None:
    target = resolve("mixtral", overrides={"num_hidden_layers": 1})
    model, _ = prepare(target)
    assert model.config.use_cache is False
    assert model.config._experts_implementation == "batched_mm"


def test_a_missing_package_without_a_stand_in_is_a_target_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standins, "STANDINS", {})
    with pytest.raises(TargetError) as caught:
        prepare(resolve("layoutlmv2"))
    assert str(caught.value).splitlines() == [
        "LayoutLMv2ForSequenceClassification cannot be built",
        "  where: LayoutLMv2ForSequenceClassification.__init__",
        "  why: LayoutLMv2Model requires the detectron2 library",
        "  do: install detectron2 and try again",
    ]


def test_a_constructor_that_fails_is_a_build_error(offline: Path) -> None:
    with pytest.raises(BuildError, match="the model cannot be built: ") as caught:
        prepare(resolve("bert", overrides={"hidden_act": "nonsense"}))
    assert "Traceback" not in str(caught.value)
