"""Folders of PEFT adapters: the base model, and which parts of its head the adapter keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import archtrace
from archtrace.errors import TargetError
from archtrace.targets import resolve
from archtrace.targets.adapters import read

SMALL = {"num_hidden_layers": 1}


def adapter(folder: Path, **fields: Any) -> Path:
    folder.mkdir()
    given = {"peft_type": "LORA", "task_type": "SEQ_CLS", "base_model_name_or_path": "bert-base-uncased", **fields}
    (folder / "adapter_config.json").write_text(json.dumps(given))
    (folder / "adapter_model.safetensors").write_text("x")
    return folder


def told(folder: Path) -> dict[str, str]:
    return {f.code: f.message for f in archtrace.trace(folder, overrides=SMALL).result.findings}


def test_the_base_is_traced_and_the_part_of_the_head_that_is_lost_is_told(offline: Path) -> None:
    found = told(adapter(offline / "mine", modules_to_save=None))
    assert "bert-base-uncased" in found["adapter"]
    assert "classifier (saved)" in found["adapter"], "PEFT saves it of any sequence classifier"
    assert "bert.pooler.dense" in found["head-not-saved"]
    assert "other-head" not in found


def test_nothing_is_lost_where_all_of_it_is_saved_or_adapted(offline: Path) -> None:
    saved = told(adapter(offline / "saved", modules_to_save=["pooler", "classifier"]))
    assert "bert.pooler.dense (saved)" in saved["adapter"]
    assert "head-not-saved" not in saved
    adapted = told(adapter(offline / "adapted", target_modules=["query", "dense"]))
    assert "bert.pooler.dense (adapted)" in adapted["adapter"]
    assert "head-not-saved" not in adapted


def test_an_ending_is_enough(offline: Path) -> None:
    """PEFT looks at endings: `classifier` is `pre_classifier` too."""
    base = {"base_model_name_or_path": "distilbert-base-uncased"}
    found = {f.code for f in archtrace.trace(adapter(offline / "mine", **base)).result.findings}
    assert "head-not-saved" not in found
    regular = read(adapter(offline / "regular", target_modules=r".*\.(query|dense)") / "adapter_config.json")
    assert (regular.covers("a.dense"), regular.covers("a.dense.b"), regular.covers("x.score")) == (
        "adapted",
        None,
        "saved",
    )


def test_the_head_of_a_base_model_gives_way_to_the_adapters(offline: Path) -> None:
    (offline / "base").mkdir()
    small = {"model_type": "bert", **SMALL, "architectures": ["BertForMaskedLM"]}
    (offline / "base" / "config.json").write_text(json.dumps(small))
    found = told(adapter(offline / "mine", base_model_name_or_path="base"))
    assert "other-head" not in found
    other = told(adapter(offline / "other", base_model_name_or_path="base", task_type="CAUSAL_LM"))
    assert "other-head" in other


def test_another_task_has_another_head(offline: Path) -> None:
    found = told(adapter(offline / "mine", task_type="CAUSAL_LM"))
    assert "CAUSAL_LM" in found["other-head"]
    assert "classifier" in found["head-not-saved"], "nothing but its own patterns is saved"


def test_a_base_on_disk_and_an_adapter_beside_its_config(offline: Path) -> None:
    folder = adapter(offline / "mine", base_model_name_or_path="elsewhere/base")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **SMALL}))
    assert "elsewhere/base" in told(folder)["adapter"]
    base = adapter(offline / "second", base_model_name_or_path=str(folder))
    assert resolve(base).config.num_hidden_layers == 1
    assert resolve(base / "adapter_config.json").config_source == "local"


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"base_model_name_or_path": None}, "the adapter names no base model"),
        ({"base_model_name_or_path": "/no/such/folder"}, "the adapter's base model /no/such/folder cannot be answered"),
        ({"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 20, "task_type": "CAUSAL_LM"},
         "an adapter of kind PROMPT_TUNING is not answered by its folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(offline: Path, fields: dict[str, Any], what: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(adapter(offline / "mine", **fields))
    assert str(caught.value).splitlines()[0] == what
