"""Structure: what is collapsed is one by the truth, traces made apart; what differs in anything else is asked apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers

import archtrace
from archtrace.answer.result import Result
from archtrace.errors import TargetError
from archtrace_reports.asking.children import outcomes
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas.collect import key
from archtrace_reports.atlas.structure import IRRELEVANT, AtlasTarget, atlas_target, canonical
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Unanswered

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 99}
#: The first token, the last one that is no pad, and a config inside the config.
TINY: Mapping[str, Mapping[str, Any]] = {
    "bert": SIZES,
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 99, "pad_token_id": 0},
    "gemma3": {
        "text_config": {**SIZES, "model_type": "gemma3_text", "num_key_value_heads": 1, "head_dim": 8},
        "vision_config": {
            **{"model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 24},
            **{"num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 56, "patch_size": 14},
        },
        "mm_tokens_per_image": 4,
    },
}
THREE = {"id2label": {"0": "x", "1": "y", "2": "z"}}
#: Another value of each field of the table than the config has by itself.
DRESSED: Mapping[str, Any] = {
    "_name_or_path": "someone/base",
    "_commit_hash": "0123456789abcdef",
    "transformers_version": "4.30.2",
    "torch_dtype": "bfloat16",
    "dtype": "float16",
    "label2id": {"good": 0, "bad": 1, "neither": 2},
    "problem_type": "multi_label_classification",
    "finetuning_task": "mnli",
    "use_cache": False,
    "attn_implementation": "flash_attention_2",
    "_attn_implementation": "flex_attention",
    "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True},
}
LABELS = {"id2label": {"2": "neither", "0": "good", "1": "bad"}}


#: What transformers refuses: left out of what is asked, a config that cannot be built would be answered.
REFUSED: Mapping[str, Mapping[str, Any]] = {
    "one label": {"problem_type": "single_label_classification", "id2label": {"0": "x"}},
    "no number": {"id2label": {"zero": "x"}},
    "no dtype": {"dtype": "float17"},
}
ADAPTER = {"peft_type": "LORA", "task_type": "SEQ_CLS", "target_modules": ["query"]}


def inner(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The config with another value of each idle field, in the configs inside it too where they are idle there."""
    idle = {name: value for name, value in DRESSED.items() if IRRELEVANT[name].inside}
    parts = {
        name: {**value, **idle} for name, value in fields.items() if isinstance(value, dict) and "model_type" in value
    }
    return {**fields, **parts, **DRESSED, **LABELS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each type two checkpoints of one structure; what is refused; an adapter."""
    folder = tmp_path_factory.mktemp("checkpoints of all kinds")
    for kind, sizes in TINY.items():
        # The finding about another head names the config's file, in a command as well.
        fields = {"model_type": kind, **sizes, **({"architectures": ["BertForMaskedLM"]} if kind == "bert" else {})}
        write(folder / f"{kind} plain" / "config.json", {**fields, **THREE})
        write(folder / f"{kind} dressed" / "config.json", inner(fields))
    for name, fields in REFUSED.items():
        write(folder / name / "config.json", {"model_type": "bert", **SIZES, **fields})
    base = {"base_model_name_or_path": str(folder / "gpt2 plain")}
    write(folder / "adapter" / "adapter_config.json", {**ADAPTER, **base})
    return folder


def write(file: Path, fields: Mapping[str, Any]) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps(fields))


@pytest.fixture(scope="module")
def given(folder: Path) -> dict[str, Result | Unanswered]:
    """What the atlas says of each: every question asked once, in a child."""
    plan = {place.name: atlas_target(str(place)) for place in folder.iterdir()}
    questions = {key(each.question): each.question for each in plan.values()}
    found = {[*questions][number]: outcome for number, outcome in outcomes([*questions.values()], Limits(jobs=1))}
    assert len(found) == len(TINY) + len(REFUSED) + 1
    return {name: each.renamed(found[key(each.question)]) for name, each in plan.items()}


def told(result: Result, name: str) -> dict[str, Any]:
    """All that a trace says but its own names and how long it took."""
    found = encode(result)
    found.pop("run")
    return json.loads(json.dumps(found).replace(name, "NAME"))  # type: ignore[no-any-return]


def test_the_table_is_tried_as_a_whole() -> None:
    assert set(DRESSED) == set(IRRELEVANT)
    assert all(row.why for row in IRRELEVANT.values())


@pytest.mark.parametrize("kind", TINY)
def test_what_is_collapsed_is_one(kind: str, folder: Path, given: dict[str, Result | Unanswered]) -> None:
    """Two configs that differ in every field of the table: traced apart they are equal but for names, and what the
    atlas says of both is that."""
    traced = {name: archtrace.trace(str(folder / name)).result for name in (f"{kind} plain", f"{kind} dressed")}
    plain, dressed = (told(result, str(folder / name)) for name, result in traced.items())
    assert plain == dressed
    for name, result in traced.items():
        answer = given[name]
        assert isinstance(answer, Result)
        assert told(answer, str(folder / name)) == plain
        assert answer.anatomy == result.anatomy
        assert answer.target == str(folder / name)


def values(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else ["else"]


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bart"])
def test_what_differs_in_anything_else_is_asked_apart(kind: str) -> None:
    """Every field that a config of the type has, and one that none has."""
    fields = {**transformers.AutoConfig.for_model(kind).to_dict(), **THREE, "its_own": 1}
    idle = {*IRRELEVANT, "id2label"}
    changed = [{**fields, name: values(value)} for name, value in fields.items() if name not in idle]
    assert len(changed) > 20
    forms = [json.dumps(canonical(each), sort_keys=True) for each in (fields, *changed)]
    assert len({*forms}) == len(forms)


APART = [
    ({"num_hidden_layers": 1}, {"num_hidden_layers": 1.0}),
    ({"pad_token_id": None}, {}),
    ({"id2label": {"0": "x"}}, {"id2label": {"0": "x", "1": "y"}}),
    ({"text_config": {"hidden_size": 1, "model_type": "a"}}, {"text_config": {"hidden_size": 2, "model_type": "a"}}),
    # Fields of a mapping that is no config are its own.
    ({"tokens": {"dtype": "float16"}}, {"tokens": {"dtype": "float32"}}),
]


@pytest.mark.parametrize(("left", "right"), APART)
def test_apart(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert json.dumps(canonical(left)) != json.dumps(canonical(right))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_built_is_not_mended(name: str, folder: Path, given: dict[str, Result | Unanswered]) -> None:
    with pytest.raises(TargetError) as caught:
        archtrace.trace(str(folder / name))
    assert given[name] == Unanswered(str(folder / name), str(caught.value))


def test_what_has_no_config_of_its_own_is_asked_by_name() -> None:
    for name in ("bert", "BertForSequenceClassification", "bert-base-uncased", "a.b:C", "some/file.py:build"):
        assert atlas_target(name) == AtlasTarget(name, Question(name))
    with pytest.raises(TargetError, match="no folder nowhere"):
        atlas_target("./nowhere")


def test_more_than_a_config_travels_with_it(folder: Path, given: dict[str, Result | Unanswered]) -> None:
    """An adapter is asked about by its own files; the answer is what a trace of the folder says."""
    place = folder / "adapter"
    text = (place / "adapter_config.json").read_text()
    assert atlas_target(str(place)).question == Question(str(place), files={"adapter_config.json": text})
    answer = given["adapter"]
    assert isinstance(answer, Result)
    assert told(answer, str(place)) == told(archtrace.trace(str(place)).result, str(place))
