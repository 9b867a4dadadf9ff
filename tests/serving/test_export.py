"""What is exported, loaded by the real sentence-transformers, gives the vector that the model's own head reads.

The truth is the model itself: the vector that comes back, put through the rest of its head by hand, must give the
logits that transformers gives for the same texts in one padded batch.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from checkpoints import SIZES, saved, wordpiece
from sentence_transformers import SentenceTransformer
from torch import Tensor

from archtrace.setup.examination import SAMPLES
from archtrace.setup.serving.serve import serve
from archtrace.targets.sentence import LEGACY
from archtrace_reports.commands.cli import run

#: One layer: the width is what is exported.
SMALL = ("--config-set", "num_hidden_layers=1")


def eurobert(folder: Path) -> Path:
    """A classifier that reads the mean of what is not padding."""
    torch.manual_seed(0)
    tokenizer = wordpiece()
    config = transformers.EuroBertConfig(
        **SIZES, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, classifier_pooling="mean"
    )
    transformers.EuroBertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


#: What follows the vector in the head of a family.
HEADS: Mapping[str, Callable[[Any, Tensor], Tensor]] = {
    "bert": lambda model, vector: model.classifier(model.bert.pooler.dense(vector).tanh()),
    "roberta": lambda model, vector: model.classifier.out_proj(model.classifier.dense(vector).tanh()),
    "gpt2": lambda model, vector: model.score(vector),
    "llama": lambda model, vector: model.score(vector),
    "xlnet": lambda model, vector: model.logits_proj(model.sequence_summary.summary(vector).tanh()),
    "eurobert": lambda model, vector: model.classifier(model.activation(model.dense(vector))),
}
MODES = {
    "bert": "cls",
    "roberta": "cls",
    "gpt2": "lasttoken",
    "llama": "lasttoken",
    "xlnet": "lasttoken",
    "eurobert": "mean",
}


def made(family: str, folder: Path) -> Path:
    """A checkpoint of a family with weights."""
    return eurobert(folder) if family == "eurobert" else saved(family, folder)


def together(checkpoint: Path, exported: Path) -> Path:
    """A copy of a checkpoint with what was exported put into it."""
    folder = checkpoint.with_name("together")
    shutil.copytree(checkpoint, folder)
    shutil.copytree(exported, folder, dirs_exist_ok=True)
    return folder


def logits(checkpoint: Path) -> tuple[Any, Tensor]:
    """The model, and what it says of the samples in one padded batch."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    batch = transformers.AutoTokenizer.from_pretrained(checkpoint)(list(SAMPLES), padding=True, return_tensors="pt")
    assert not batch["attention_mask"].all()
    with torch.no_grad():
        return model, model(**batch).logits


def through(family: str, model: Any, encoder: SentenceTransformer) -> Tensor:
    """What the rest of a model's head says of an encoder's vectors."""
    vectors = encoder.encode(list(SAMPLES), convert_to_tensor=True)
    with torch.no_grad():
        return HEADS[family](model, vectors)


@pytest.mark.parametrize("family", HEADS)
def test_the_vector_is_the_models_own(family: str, tmp_path: Path) -> None:
    checkpoint, exported = made(family, tmp_path / family), tmp_path / "exported"
    code = run(["serving", str(checkpoint), "--export", str(exported)])
    assert code in (0, 1)
    model, expected = logits(checkpoint)
    encoder = SentenceTransformer(str(together(checkpoint, exported)), device="cpu")
    torch.testing.assert_close(through(family, model, encoder), expected, rtol=1e-4, atol=1e-5)
    assert encoder[1].pooling_mode == MODES[family]


def test_without_the_export_the_vector_is_another(tmp_path: Path) -> None:
    """sentence-transformers itself would take the mean: the test above can fail."""
    checkpoint = made("llama", tmp_path / "llama")
    model, expected = logits(checkpoint)
    found = through("llama", model, SentenceTransformer(str(checkpoint), device="cpu"))
    assert (found - expected).abs().max() > 1e-3


@pytest.mark.parametrize("schema", ["old", "new"])
@pytest.mark.parametrize("mode", ["cls", "mean", "max", "lasttoken"])
def test_both_schemas_stand_in_the_file(mode: str, schema: str, tmp_path: Path) -> None:
    """An encoder's file, exported and cut down to the fields of one schema, still pools as before; either half is read
    by sentence-transformers."""
    checkpoint = made("bert", tmp_path / "bert")
    transformers.BertModel.from_pretrained(checkpoint).save_pretrained(checkpoint)
    texts, before = list(SAMPLES), encoder_of(checkpoint, mode)
    wanted = before.encode(texts)
    before.save(str(tmp_path / "encoder"))
    assert run(["serving", str(tmp_path / "encoder"), "--export", str(tmp_path / "exported")]) in (0, 1)
    assert not (tmp_path / "exported" / "modules.json").exists()
    fields = json.loads((tmp_path / "exported" / "1_Pooling" / "config.json").read_text())
    left_out = {"pooling_mode"} if schema == "old" else {*LEGACY}
    assert left_out < fields.keys()
    kept = {name: value for name, value in fields.items() if name not in left_out}
    (tmp_path / "encoder" / "1_Pooling" / "config.json").write_text(json.dumps(kept))
    found = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").encode(texts)
    torch.testing.assert_close(torch.tensor(found), torch.tensor(wanted))


def encoder_of(checkpoint: Path, mode: str) -> SentenceTransformer:
    """A sentence encoder on the model of a checkpoint."""
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    transformer = Transformer(str(checkpoint))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), mode)]
    return SentenceTransformer(modules=modules, device="cpu")


def test_with_the_export_in_place_every_server_agrees(tmp_path: Path) -> None:
    """The folder is a sentence encoder then, and vLLM, TEI and llama.cpp read its file."""
    checkpoint = made("bert", tmp_path / "bert")
    transformers.BertModel.from_pretrained(checkpoint).save_pretrained(checkpoint)
    encoder_of(checkpoint, "mean").save(str(tmp_path / "encoder"))
    before = {each.server: each.same for each in serve(tmp_path / "encoder").servers}
    assert run(["serving", str(tmp_path / "encoder"), "--export", str(tmp_path / "encoder"), "--force"]) == 1
    after = {each.server: each.same for each in serve(tmp_path / "encoder").servers}
    assert before == {**after, "tei": None}
    assert after == {"vllm": True, "tei": True, "sglang": False, "llama.cpp": True, "sentence-transformers": True}


def test_the_options_of_the_servers(tmp_path: Path) -> None:
    """As their command lines take them."""
    assert run(["serving", "biogpt", *SMALL, "--export", str(tmp_path)]) == 1
    assert json.loads((tmp_path / "vllm.json").read_text()) == {"pooling_type": "LAST"}
    assert (tmp_path / "tei.txt").read_text() == "--pooling last-token\n"


def test_no_file_of_yours_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same may be exported again; another text only by force, and then nothing is written by halves."""
    file = tmp_path / "1_Pooling" / "config.json"
    assert [run(["serving", "bert", *SMALL, "--export", str(tmp_path)]) for _ in range(2)] == [0, 0]
    exported = file.read_text()
    file.write_text("{}")
    (tmp_path / "vllm.json").unlink()
    capsys.readouterr()
    assert run(["serving", "bert", *SMALL, "--export", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"archtrace: the pooling cannot be exported\n  where: {file}\n"
        "  why: there is a file of that name, which says something else\n  do: name another folder; --force\n"
    )
    assert (file.read_text(), (tmp_path / "vllm.json").exists()) == ("{}", False)
    assert run(["serving", "bert", *SMALL, "--export", str(tmp_path), "--force"]) == 0
    assert file.read_text() == exported


def test_what_no_server_has_is_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = ("--config-set", "encoder_layers=1", "--config-set", "decoder_layers=1")
    assert run(["serving", "bart", *layers, "--export", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "the pooling cannot be exported" in told
    assert "why: a pooling config is about one stack of layers, and this model has an encoder and a decoder" in told
    assert [*tmp_path.iterdir()] == []
