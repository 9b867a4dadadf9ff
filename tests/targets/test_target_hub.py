"""The Hub and its cache: real requests to a server on loopback, in child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import constants
from loopback_hub import COMMIT, LoopbackHub

from archtrace.targets import resolve

Child = Callable[..., list[dict[str, Any]]]

BERT = json.dumps({"model_type": "bert", "num_hidden_layers": 3, "architectures": ["BertForMaskedLM"]})


def test_hub_then_cache_then_offline(hub: LoopbackHub, child: Child, offline: Path, monkeypatch: Any) -> None:
    hub.files["google-bert/bert-base-uncased"] = BERT
    hub.redirects["bert-base-uncased"] = "google-bert/bert-base-uncased"
    first, second = child("google-bert/bert-base-uncased", "bert-base-uncased", HF_ENDPOINT=hub.url)
    assert (first["source"], first["class"], first["layers"]) == ("hub", "BertForSequenceClassification", 3)
    assert (second["source"], second["layers"]) == ("cache", 3), "the short id finds what lies under the full one"
    files = {path for r in hub.requests if "/resolve/" in (path := r.split(" ")[1])}
    folder = "/google-bert/bert-base-uncased/resolve/main"
    assert files == {f"{folder}/config.json", f"{folder}/modules.json"}, "no weights"
    asked = [r for r in hub.requests if "modules.json" in r]
    assert len(asked) == 1, "that there is no modules.json is known from then on"
    assert any(r.startswith("GET") for r in hub.requests)
    (snapshot,) = (offline / "hf" / "hub").glob("models--*/snapshots/*")
    assert snapshot.name == COMMIT
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(offline / "hf" / "hub"))
    again = resolve("google-bert/bert-base-uncased")
    assert (again.config_source, again.config.num_hidden_layers) == ("cache", 3)


def test_short_ids(hub: LoopbackHub, child: Child) -> None:
    hub.files["openai-community/gpt2"] = json.dumps({"model_type": "gpt2", "n_layer": 2})
    hub.redirects["gpt2"] = "openai-community/gpt2"
    hub.files["FacebookAI/roberta-base"] = json.dumps({"model_type": "roberta", "num_hidden_layers": 1})
    redirected, asked_in_full = child("gpt2", "roberta-base", HF_ENDPOINT=hub.url)
    assert (redirected["source"], redirected["type"], redirected["layers"]) == ("hub", "gpt2", 2)
    assert (asked_in_full["source"], asked_in_full["layers"]) == ("hub", 1)


def test_addresses_and_revisions(hub: LoopbackHub, child: Child, closed: str) -> None:
    hub.files["org/model"] = BERT
    hub.files["org/model@v2"] = BERT.replace("3", "5")
    names = ("https://huggingface.co/org/model", "hf://org/model@v2", f"{hub.url}/org/model/tree/v2", "org/model@v9")
    main, second, address, none = child(*names, HF_ENDPOINT=hub.url)
    assert (main["layers"], second["layers"], address["layers"]) == (3, 5, 5)
    assert none["error"][1].split("; ")[2] == f"the Hub {hub.url}: the repository has no such revision"
    (known,) = child("bert-base-uncased@v1.0", HF_ENDPOINT=closed)
    assert (known["source"], known["codes"]) == ("bundled", ["revision-unknown"]), "the table knows no revisions"


def test_adapters_and_sentence_encoders_on_the_hub(hub: LoopbackHub, child: Child) -> None:
    adapter = {"peft_type": "LORA", "task_type": "SEQ_CLS", "base_model_name_or_path": "org/base"}
    hub.files["org/adapter"] = {"adapter_config.json": json.dumps(adapter)}
    hub.files["org/base"] = BERT
    hub.files["org/encoder"] = {
        "config.json": BERT.replace("ForMaskedLM", "Model"),
        "modules.json": json.dumps([{"path": "", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}]),
        "1_Pooling/config.json": json.dumps({"word_embedding_dimension": 8, "pooling_mode_max_tokens": True}),
    }
    hub.files["org/weights-GGUF"] = {"README.md": ""}
    adapted, encoder, weights = child("org/adapter", "org/encoder", "org/weights-GGUF", HF_ENDPOINT=hub.url)
    assert (adapted["class"], adapted["layers"]) == ("BertForSequenceClassification", 3)
    assert (encoder["class"], encoder["codes"]) == ("BertModel with max pooling", ["sentence-encoder"])
    assert "name the model that the GGUF file was made from" in weights["error"][3]
    asked = {r.rsplit("/", 1)[1] for r in hub.requests if "/resolve/" in r}
    assert asked <= {"config.json", "modules.json", "adapter_config.json"}, "JSON alone"


def test_what_the_hub_refuses(hub: LoopbackHub, child: Child) -> None:
    hub.refused["someone/gated"] = (403, "GatedRepo")
    hub.refused["someone/empty"] = (404, "EntryNotFound")
    hub.refused["meta-llama/Llama-2-7b-hf"] = (403, "GatedRepo")
    hub.files["someone/broken"] = "{"
    hub.slow.add("google-bert/bert-base-cased")
    names = ("someone/none", "someone/gated", "someone/empty", "someone/broken")
    *refused, bundled, slow = child(
        *names, "meta-llama/Llama-2-7b-hf", "google-bert/bert-base-cased", HF_ENDPOINT=hub.url
    )
    where = [answer["error"][1].split("; ")[2] for answer in refused[:3]]
    assert where == [
        f"the Hub {hub.url}: no such repository (a private one needs `hf auth login`)",
        f"the Hub {hub.url}: the repository is gated: accept its terms there, then run `hf auth login`",
        f"the Hub {hub.url}: the repository has no config.json",
    ]
    assert refused[3]["error"][0] == "the config is not JSON"
    assert bundled["source"] == "bundled", "the table answers where the Hub does not"
    assert slow["source"] == "bundled"


def test_no_network_answers_from_the_table_at_once(child: Child, closed: str) -> None:
    unknown, _, known, cased = child(
        "bert-base-uncasd", "bert", "bert-base-uncased", "google-bert/bert-base-cased", HF_ENDPOINT=closed
    )
    assert not unknown["torch"], "an unknown id needs no torch"
    assert unknown["seconds"] < 10
    assert f"the Hub {closed}: ConnectError: [Errno 111] Connection refused" in unknown["error"][1]
    assert (known["source"], cased["source"]) == ("bundled", "bundled")
    assert max(known["seconds"], cased["seconds"]) < 5, "nothing is tried twice or waited for"


def test_the_package_imports_without_torch() -> None:
    code = "import sys, archtrace.targets; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


_FRAME = """
from archtrace.targets import resolve
from archtrace.targets.special_tokens import special_tokens_of
print(special_tokens_of(resolve("org/model")), special_tokens_of(resolve("google-bert/bert-base-uncased")).before)
"""


def test_no_tokenizer_is_fetched_to_name_a_token(hub: LoopbackHub, tmp_path: Path) -> None:
    """Of an id that nobody knows the tokens have no name, unless its tokenizer is in the cache already."""
    hub.files |= {"org/model": BERT, "google-bert/bert-base-uncased": BERT}
    env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env |= {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.url}
    done = subprocess.run([sys.executable, "-c", _FRAME], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None ('[CLS]',)"
    assert {r.rpartition("/")[2] for r in hub.requests if "/resolve/" in r} == {"config.json", "modules.json"}
