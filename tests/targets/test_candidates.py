"""What a name could mean: whatever makes it mean something else shows at one of the paths that are watched for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archtrace.errors import TargetError
from archtrace.targets import resolve
from archtrace.targets.candidates import deciding_paths, is_known

CONFIG = json.dumps({"model_type": "bert", "num_hidden_layers": 3, "architectures": ["BertForMaskedLM"]})
COMMIT = "0123456789012345678901234567890123456789"


def existing(paths: list[Path]) -> set[Path]:
    return {path for path in paths if path.exists()}


@pytest.mark.parametrize(
    ("name", "revision"),
    {
        "bert-base-uncased": "main",
        "google-bert/bert-base-uncased": "main",
        "https://huggingface.co/google-bert/bert-base-uncased": "main",
        "google-bert/bert-base-uncased@v2": "v2",
    }.items(),
)
def test_what_the_hub_s_cache_gets(name: str, revision: str, offline: Path) -> None:
    paths = deciding_paths(name)
    before = existing(paths)
    assert resolve(name).config_source == "bundled"
    repository = offline / "cache" / "models--google-bert--bert-base-uncased"
    for file, text in ((f"refs/{revision}", COMMIT), (f"snapshots/{COMMIT}/config.json", CONFIG)):
        (repository / file).parent.mkdir(parents=True)
        (repository / file).write_text(text)
    assert resolve(name).config_source == "cache"
    assert existing(paths) > before


@pytest.mark.parametrize("name", ["bert", "bert-base-uncased"])
def test_a_folder_that_appears(name: str, offline: Path) -> None:
    paths = deciding_paths(name)
    before = existing(paths)
    assert resolve(name).config_source != "local"
    (offline / name).mkdir()
    (offline / name / "config.json").write_text(CONFIG)
    assert resolve(name).config_source == "local"
    assert existing(paths) > before
    assert offline / name / "config.json" in deciding_paths(name), "from now on its files decide"


def test_code_is_watched_by_its_imports() -> None:
    assert deciding_paths("models.py:Classifier") == []


@pytest.mark.parametrize(
    "name", ["bert", "BERT", "XLM-RoBERTa", "BertForSequenceClassification", "gpt2", "org/none", "serve", "."]
)
def test_known_is_what_resolves_without_the_hub(name: str, offline: Path) -> None:
    try:
        resolve(name)
        resolves = True
    except TargetError:
        resolves = Path(name).exists()  # of a folder the refusal says what it lacks
    assert is_known(name) is resolves
