"""Names: the bundled table, model types, folders and what the user wishes of the config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archtrace.errors import TargetError
from archtrace.targets import bundled, library, resolve

#: Fields that a config class sets by itself, whatever the file says (T5's).
_IGNORED = {"tie_word_embeddings"}


@pytest.fixture(autouse=True)
def _alone(offline: Path) -> None:
    """No network."""


def test_the_names_read_off_the_source_are_the_library_s() -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS

    first = {k: v if isinstance(v, str) else v[0] for k, v in CLASSIFIERS.items()}
    assert dict(library.classifiers()) == first
    assert library.model_types() == frozenset(CONFIG_MAPPING_NAMES) | frozenset(CLASSIFIERS)


@pytest.mark.parametrize("model_type", sorted(library.classifiers()))
def test_every_model_type_gives_a_config(model_type: str) -> None:
    target = resolve(model_type)
    assert target.class_name == library.classifiers()[model_type]
    assert target.config_source == ("bundled" if model_type in bundled.known_ids() else "default")
    text = target.config.get_text_config()
    assert getattr(text, "pad_token_id", None) is not None or not hasattr(text, "vocab_size")


def test_every_short_id_stands_for_a_known_model() -> None:
    aliases = bundled.table("checkpoints")["aliases"]
    lost = [short for short in aliases if bundled.lookup(short) is None]
    assert [name for name in lost if not name.startswith("transfo-xl")] == [], "the library dropped Transformer-XL"


@pytest.mark.parametrize("name", sorted(bundled.known_ids() - set(bundled._references())))
def test_every_bundled_id_builds_its_config(name: str) -> None:
    target = resolve(name)
    known = bundled.lookup(name)
    assert known is not None
    assert (target.config_source, target.model_type) == ("bundled", known.model_type)
    looked_up = {field: value for field, value in known.fields.items() if field not in _IGNORED}
    assert {field: _plain(getattr(target.config, field)) for field in looked_up} == looked_up
    codes = {finding.code for finding in target.findings}
    assert ("family-config" in codes) == (not known.source)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_every_reference_id_is_known_or_says_why_not() -> None:
    names = [name for name, model_type in bundled._references().items() if model_type in library.classifiers()]
    assert "google-bert/bert-base-uncased" in names
    for name in names:
        known = bundled.lookup(name)
        assert known is not None
        assert known.model_type in library.classifiers()


def test_family_config_says_so() -> None:
    looked_up = bundled.table("checkpoints")["checkpoints"]
    families = sorted((name, kind) for name, kind in bundled._references().items() if name not in looked_up)
    name, model_type = next((name, kind) for name, kind in families if kind in library.classifiers())
    (finding, *_) = resolve(name).findings
    assert finding.code == "family-config"
    assert finding.message.startswith(f"{name} is known only by its family: the default config of {model_type} was")


def test_deberta_v3_is_itself() -> None:
    config = resolve("microsoft/deberta-v3-base").config
    assert (config.hidden_size, config.relative_attention, config.position_buckets) == (768, True, 256)


def test_local_folder(offline: Path) -> None:
    folder = _checkpoint(offline / "mine", model_type="bert", num_hidden_layers=2, architectures=["BertForMaskedLM"])
    target = resolve(folder)
    assert (target.config_source, target.class_name) == ("local", "BertForSequenceClassification")
    assert target.config.num_hidden_layers == 2
    assert resolve("mine").config_source == "local"
    _checkpoint(offline / "bert", model_type="roberta")
    assert resolve("bert").model_type == "roberta", "a folder comes before a model type"


def test_an_old_file_without_a_model_type(offline: Path) -> None:
    folder = _checkpoint(offline / "old", architectures=["GPT2ForSequenceClassification"], n_layer=2)
    assert resolve(folder).model_type == "gpt2"


def _checkpoint(folder: Path, **fields: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(fields))
    return folder


def test_wishes_are_set_before_fields_are_derived() -> None:
    target = resolve("qwen2", num_labels=5, overrides={"num_hidden_layers": 3})
    assert (target.config.num_labels, len(target.config.layer_types)) == (5, 3)
    assert (
        resolve("answerdotai/ModernBERT-base", overrides={"classifier_pooling": "mean"}).config.classifier_pooling
        == "mean"
    )
    assert resolve("gpt2", overrides={"num_hidden_layers": 2}).config.n_layer == 2, "a name that the library maps"
    nested = resolve("qwen3_5", overrides={"text_config.num_hidden_layers": 4}).config.text_config
    assert (nested.num_hidden_layers, len(nested.layer_types)) == (4, 4)


def test_num_labels_replace_the_labels_of_the_file(offline: Path) -> None:
    folder = _checkpoint(offline / "three", model_type="bert", id2label={"0": "a", "1": "b", "2": "c"})
    assert resolve(folder).config.num_labels == 3
    assert resolve(folder, num_labels=7).config.num_labels == 7


def test_a_config_replaces_the_target_s(offline: Path) -> None:
    path = offline / "small.json"
    path.write_text(json.dumps({"model_type": "bert", "num_hidden_layers": 1}))
    target = resolve("nobody/knows", config=path)
    assert (target.config_source, target.config.num_hidden_layers) == ("given", 1)
    target = resolve("bert-large-uncased", config={"num_hidden_layers": 1})
    assert (target.config.hidden_size, target.config.num_hidden_layers) == (768, 1), "replaced, not merged"


def test_a_config_object_is_copied() -> None:
    from transformers import LlamaConfig

    config = LlamaConfig(num_hidden_layers=2)
    target = resolve(config, num_labels=3)
    assert (target.class_name, target.config_source) == ("LlamaForSequenceClassification", "given")
    assert (target.config.num_labels, target.config.num_hidden_layers, target.config.pad_token_id) == (3, 2, 0)
    assert (config.num_labels, config.pad_token_id) == (2, None)
    assert resolve(config).config.num_hidden_layers == 2


def test_fills_are_told() -> None:
    told = {f.message for f in resolve("esm").findings}
    why = "the vocabulary of ESM-1b and ESM-2 has 33 tokens, of which <pad> is 1 and <mask> is 32"
    assert f"vocab_size = 33 was filled in: {why}" in told
    assert resolve("deepseek_v3").config.pad_token_id == 2, "0 and 1 begin and end a sequence"
    (start,) = resolve("t5").findings
    assert (
        start.message
        == "decoder_start_token_id = 0 was filled in: the config has none; the decoder starts with padding"
    )


def test_every_fill_is_needed() -> None:
    for model_type, facts in bundled.table("fills")["fills"].items():
        default = library.config_class(model_type)()
        fields = set(facts) - {"why", "source"}
        assert {name for name in fields if getattr(default, name, None) in (None, {})} == fields


def test_a_checkpoint_s_own_code_runs_only_when_trusted(offline: Path) -> None:
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModelForSequenceClassification": "own.OwnModel"}
    folder = _checkpoint(offline / "own", model_type="own_code", auto_map=auto_map, width=4)
    (folder / "own.py").write_text(
        "import pathlib, torch\nfrom transformers import PretrainedConfig, PreTrainedModel\n"
        f"pathlib.Path({str(offline / 'ran')!r}).touch()\n"
        "class OwnConfig(PretrainedConfig):\n    model_type = 'own_code'\n    width: int = 8\n"
        "class OwnModel(PreTrainedModel):\n    config_class = OwnConfig\n"
        "    def __init__(self, config):\n        super().__init__(config)\n"
        "        self.head = torch.nn.Linear(config.width, config.num_labels)\n"
    )
    with pytest.raises(TargetError):
        resolve(folder)
    assert not (offline / "ran").exists()
    target = resolve(folder, trust_remote_code=True)
    assert (target.class_name, target.config.width, target.config_source) == ("OwnModel", 4, "local")
    assert (offline / "ran").exists()
    assert target.make(target.config).head.in_features == 4
