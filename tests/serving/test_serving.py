"""What servers pool, by their tables, beside what the models read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import CONFIG_MAPPING

from archtrace.answer.serving import SERVERS
from archtrace.contract.contract import declared
from archtrace.errors import TargetError
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.served import POOLING_OF_SERVER, compare_poolings, serve
from archtrace.targets.library import classifiers
from archtrace_reports.commands.cli import run

DOCS = Path(__file__).parents[2] / "docs"

#: Readers of the last token for which vLLM 0.33.0 has no class of any ending, so that its Transformers backend takes
#: them: by hand, from the names in its registry.py and the classes of transformers.
AT_THE_FIRST = {
    "axk2", "biogpt", "cohere_compass_text", "ctrl", "diffllama", "doge", "helium", "jetmoe", "minimax", "ministral",
    "mistral4", "modernbert-decoder", "persimmon", "phimoe", "qwen3_5_text", "t5gemma", "t5gemma2", "zamba",
}  # fmt: skip
LEGACY_MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


def kinds() -> dict[str, str]:
    """What each classifier reads: docs/coverage.md, which the sweep holds to the models."""
    rows = re.findall(r"^\| ([\w.-]+) \| `?.*?`? \| (\w+) \| ", (DOCS / "coverage.md").read_text("utf-8"), re.M)
    return {name: kind for name, kind in rows if name in classifiers()}


def of(model_type: str, architecture: str = "", **fields: Any) -> CheckpointFiles:
    """A library model as a server sees it."""
    config = CONFIG_MAPPING[model_type](**fields)
    return CheckpointFiles(architecture or classifiers()[model_type], config)


def encoder(architecture: str, model_type: str, fields: dict[str, Any]) -> CheckpointFiles:
    """A sentence encoder as a server sees it."""
    return CheckpointFiles(architecture, CONFIG_MAPPING[model_type](), fields, ("mean",))


def test_last_tokens_that_vllm_pools_at_the_first() -> None:
    """18 of the 127, and the reason is its Transformers backend."""
    read = kinds()
    assert len(read) == 127
    pooled = {name: POOLING_OF_SERVER["vllm"](of(name)) for name, kind in read.items() if kind == "last_non_pad"}
    pooled_kinds = {name: pooling.kind for name, pooling in pooled.items() if pooling.kind}
    differing = {name for name, kind in pooled_kinds.items() if not compare_poolings(["last_non_pad"], kind)[0]}
    assert differing == AT_THE_FIRST
    assert all("Transformers" in pooled[name].by for name in differing)
    others = {name for name, kind in read.items() if kind in ("last_eos", "masked_mean")}
    assert {name for name in others if POOLING_OF_SERVER["vllm"](of(name)).kind == "first"} == {
        "bart", "bigbird_pegasus", "mbart", "mt5", "plbart", "t5", "umt5", "eurobert",
    }  # fmt: skip
    # All others that it takes are pooled at the last: an adapter's, or a class of its own.
    assert {pooled[name].kind for name in pooled.keys() - differing} == {"last_non_pad", None}


@pytest.mark.sweep
@pytest.mark.parametrize("name", sorted(AT_THE_FIRST))
def test_the_command_finds_each(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    finds(capsys, name)


@pytest.mark.parametrize("name", ["biogpt", "persimmon"])
def test_the_command_finds_some(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of the eighteen, small; the sweep runs all as they are."""
    finds(capsys, name, "--config-set", "num_hidden_layers=1")


def finds(capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    """That the command says of a reader of the last token that vLLM pools it at the first."""
    assert run(["serving", *arguments, "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (vllm,) = (each for each in found["servers"] if each["server"] == "vllm")
    assert (found["reads"], vllm["pooling"]["kind"], vllm["same"]) == (["last_non_pad"], "first", False)


def test_the_page_shows_the_real_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serving", "biogpt"]) == 1
    assert f"```console\n$ archtrace serving biogpt\n{capsys.readouterr().out}```" in (DOCS / "serving.md").read_text()


@pytest.mark.parametrize(
    ("server", "subject", "kind"),
    [
        # config/model.py, _normalize_arch: Gemma3TextModel is registered; ModernVBertModel is, and scores tokens
        ("vllm", of("gemma3_text"), "last_non_pad"),
        ("vllm", of("modernvbert"), None),
        # no attention of its own can be put in
        ("vllm", of("xlnet"), None),
        # ModernBertPooler; get_pooling_config
        ("vllm", of("modernbert", classifier_pooling="mean"), "masked_mean"),
        ("vllm", encoder("MPNetModel", "mpnet", {"pooling_mode": "mean"}), None),
        ("vllm", encoder("BertModel", "bert", {"pooling_mode": "mean"}), "masked_mean"),
        ("vllm", encoder("BertModel", "bert", {"pooling_mode": "weightedmean"}), "first"),
        ("vllm", encoder("BertModel", "bert", {"pooling_mode_mean_sqrt_len_tokens": True}), "masked_mean"),
        ("vllm", encoder("BertModel", "bert", {**LEGACY_MEAN, "include_prompt": True}), "masked_mean"),
        ("vllm", encoder("AlbertModel", "albert", {"pooling_mode": "lasttoken"}), "last_non_pad"),
        ("vllm", encoder("AlbertModel", "albert", {}), "first"),
        ("tei", of("roberta"), "first"),
        ("tei", of("modernbert", classifier_pooling="mean"), "masked_mean"),
        ("tei", of("qwen3"), None),
        ("tei", encoder("BertModel", "bert", {"pooling_mode": "mean"}), None),
        ("tei", encoder("BertModel", "bert", LEGACY_MEAN), "masked_mean"),
        ("tei", of("bert", "BertModel"), "first"),
        ("tei", of("qwen3", "Qwen3Model"), None),
        ("sglang", of("llama"), "last_non_pad"),
        ("sglang", of("xlm-roberta"), "first"),
        ("sglang", of("roberta"), "last_non_pad"),
        ("sglang", encoder("BertModel", "bert", LEGACY_MEAN), "first"),
        ("sglang", of("gemma3_text", "Gemma3TextModel", use_bidirectional_attention=True), "masked_mean"),
        ("llama.cpp", of("distilbert"), "first"),
        ("llama.cpp", of("modernbert", classifier_pooling="mean"), "masked_mean"),
        ("llama.cpp", of("qwen3"), None),
        ("llama.cpp", encoder("BertModel", "bert", {"pooling_mode": "lasttoken"}), "last_non_pad"),
        ("llama.cpp", encoder("BertModel", "bert", {"pooling_mode": "max"}), None),
        ("llama.cpp", encoder("LlamaModel", "llama", LEGACY_MEAN), None),
    ],
    ids=lambda value: f"{value.architecture}" if isinstance(value, CheckpointFiles) else str(value),
)
def test_what_a_server_pools(server: Any, subject: CheckpointFiles, kind: str | None) -> None:
    """As its sources say, each read by hand; where the kind is None the reason is told."""
    found = POOLING_OF_SERVER[server](subject)
    assert found.kind == kind
    assert found.by
    assert found.source


def test_every_server_has_its_rule() -> None:
    assert list(POOLING_OF_SERVER) == list(SERVERS)


@pytest.mark.parametrize(
    ("reads", "pooled", "same"),
    [
        (["last"], "last_non_pad", (True, "")),
        (["mean"], "masked_mean", (True, "")),
        (["last_eos"], "last_non_pad", (True, "where eos ends the text")),
        (["last_eos"], "first", (False, "")),
        (["first"], "last_non_pad", (False, "")),
        (["first", "first"], "first", (False, "")),
        ([], "first", (False, "")),
    ],
)
def test_alike_on_a_text_without_padding(reads: list[str], pooled: str, same: tuple[bool, str]) -> None:
    assert compare_poolings(reads, pooled) == same


def test_all_that_take_it_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serving", "bert", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "same"
    assert [each["same"] for each in found["servers"]] == [True] * 5


def test_a_class_of_yours_is_served_by_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serving", str(Path(__file__).parents[1] / "models" / "first.py") + ":First"]) == 0
    assert capsys.readouterr().out.count("does not serve it") == len(SERVERS)


def test_other_heads_are_refused() -> None:
    with pytest.raises(TargetError, match="what servers pool for a token classifier is not known"):
        serve("BertForTokenClassification")


def test_a_live_encoder_is_refused() -> None:
    from archtrace.setup.serving.checkpoint_files import checkpoint_files
    from archtrace.tracing.trace import trace

    found = trace("sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(TargetError, match="is told of its folder or id alone"):
        checkpoint_files(found, transformers.BertConfig())


def test_a_contract_names_servers_that_are_known() -> None:
    table = {"target": "bert", "served_by": ["vllm", "sglang"]}
    assert declared("mine", table, "here").served_by == ("vllm", "sglang")
    with pytest.raises(TargetError, match="served_by is no server that is known: 'vlm'"):
        declared("mine", {**table, "served_by": "vlm"}, "here")


OWN = """
import torch
from transformers import BertConfig, BertForSequenceClassification


class OwnConfig(BertConfig):
    model_type = "own_code"


class OwnModel(BertForSequenceClassification):
    config_class = OwnConfig
"""


def test_own_code_runs_only_when_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModelForSequenceClassification": "own.OwnModel"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own_code", "auto_map": auto_map, **sizes}))
    (tmp_path / "own.py").write_text(OWN)
    assert run(["serving", str(tmp_path)]) == 2
    assert "which are never run unasked" in capsys.readouterr().err
    assert run(["serving", str(tmp_path), "--trust-remote-code", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["read"] == ["index 0 of last_hidden_state"]
