"""Sentence encoders: the pooling of the files is what is answered, and is what the gradient says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import archtrace
from archtrace.errors import TargetError
from archtrace.targets import prepare, resolve
from archtrace.targets.pooled import PoolingModule

BERT: dict[str, Any] = {
    **{"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
    **{"intermediate_size": 16, "vocab_size": 100, "pad_token_id": 0, "architectures": ["BertModel"]},
}
LEGACY = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}


def encoder(folder: Path, pooling: dict[str, Any], *more: tuple[str, dict[str, Any]], root: str = "") -> Path:
    """A folder as sentence-transformers saves one."""
    parts = [("Pooling", pooling), *more]
    files: dict[str, Any] = {f"{n}_{kind}/config.json": fields for n, (kind, fields) in enumerate(parts, 1)}
    files[f"{root}/config.json".lstrip("/")] = BERT
    kinds = [("Transformer", root), *((kind, f"{n}_{kind}") for n, (kind, _) in enumerate(parts, 1))]
    files["modules.json"] = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in kinds]
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("mode", LEGACY)
def test_the_answer_is_what_the_gradient_reads(offline: Path, mode: str) -> None:
    trace = archtrace.trace(encoder(offline / "mine", {"word_embedding_dimension": 16, LEGACY[mode]: True}))
    (readout,) = trace.readouts
    assert readout.tensor.endswith("last_hidden_state")
    assert trace.result.output == "sentence_embedding"
    assert trace.result.status == "exact"
    torch.manual_seed(0)
    seen = 0
    for layout in trace.result.layouts:
        if "attention_mask" not in layout.inputs or layout.refused:
            continue
        mask = torch.tensor(layout.inputs["attention_mask"])
        read = layout.bound.reads[readout.tensor]
        for row, positions in enumerate(_moved(mode, mask)):
            assert positions == set(read[row]), (layout.name, row)
            seen += 1
    assert seen > 3


def _moved(mode: str, mask: torch.Tensor) -> list[set[int]]:
    """The positions of each row that change the vector when they change."""
    states = torch.randn(*mask.shape, 1024, dtype=torch.float64, requires_grad=True)
    PoolingModule((mode,))(states, mask).square().sum().backward()
    assert states.grad is not None
    return [set(row.nonzero().flatten().tolist()) for row in states.grad.abs().sum(-1) > 0]


@pytest.mark.parametrize("given", ["weightedmean", ["weightedmean"]])
def test_both_schemas_say_the_same(offline: Path, given: Any) -> None:
    old = resolve(encoder(offline / "old", {LEGACY["weightedmean"]: True, LEGACY["cls"]: False}))
    new = resolve(encoder(offline / "new", {"embedding_dimension": 16, "pooling_mode": given}))
    assert old.class_name == new.class_name == "BertModel with weightedmean pooling"


def test_several_modes_are_concatenated_and_what_follows_is_built(offline: Path) -> None:
    dense = {"in_features": 32, "out_features": 8, "activation_function": "torch.nn.modules.activation.Tanh"}
    folder = encoder(offline / "mine", {"pooling_mode": ["cls", "mean"]}, ("Dense", dense), ("Normalize", {}))
    model, _ = prepare(resolve(folder))
    assert (model.dense.linear.in_features, model.dense.linear.out_features) == (32, 8)
    result = archtrace.trace(folder).result
    read = {layout.name: layout.bound.reads["transformer.last_hidden_state"] for layout in result.layouts}
    assert result.status == "exact"
    assert [(row[0], row[-1]) for row in read["right_padded"]] == [(0, 16), (0, 15)], "first and mean: all but the pads"


def test_a_known_encoder_is_one_without_a_network_too(offline: Path) -> None:
    target = resolve("sentence-transformers/all-MiniLM-L6-v2")
    assert (target.class_name, target.config_source) == ("BertModel with mean pooling", "bundled")
    assert [f.code for f in target.findings] == ["sentence-encoder"]


def test_the_model_may_lie_in_a_folder_of_its_own(offline: Path) -> None:
    folder = encoder(offline / "mine", {"pooling_mode": "mean"}, root="0_Transformer")
    assert resolve(folder).class_name == "BertModel with mean pooling"


def test_it_is_told_and_a_prompt_that_is_left_out_too(offline: Path) -> None:
    folder = encoder(offline / "mine", {"pooling_mode": "mean", "include_prompt": False})
    assert [f.code for f in resolve(folder).findings] == ["sentence-encoder", "prompt-left-out"]


def test_a_classifier_beside_a_modules_file_stays_one(offline: Path) -> None:
    folder = encoder(offline / "mine", {"pooling_mode": "mean"})
    (folder / "config.json").write_text(json.dumps({**BERT, "architectures": ["BertForSequenceClassification"]}))
    assert resolve(folder).class_name == "BertForSequenceClassification"


@pytest.mark.parametrize(
    ("pooling", "more", "what"),
    [
        ({"pooling_mode": "meen"}, (), "the pooling mode 'meen' is not known"),
        ({}, (), "the pooling is not known"),
        ({"pooling_mode": "mean"}, (("LSTM", {}),), "a sentence encoder with LSTM is not answered"),
        ({"pooling_mode": "mean"}, (("Dense", {"out_features": 2, "activation_function": "os.system"}),),
         "the dense layer of the sentence encoder cannot be built"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused(offline: Path, pooling: Any, more: Any, what: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(encoder(offline / "mine", pooling, *more))
    assert str(caught.value).splitlines()[0] == what
