"""The Hub and its cache: real requests to a server on loopback, in child processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from conftest import CONFIG, COMMIT, LoopbackHub

Child = Callable[..., list[dict[str, Any]]]

BERT = json.dumps({"model_type": "bert", "num_hidden_layers": 3, "architectures": ["BertForMaskedLM"]})


def test_hub_then_cache_then_offline(hub: LoopbackHub, child: Child, tmp_path: Any) -> None:
    hub.files["google-bert/bert-base-uncased"] = BERT
    hub.redirects["bert-base-uncased"] = "google-bert/bert-base-uncased"
    first, second = child("google-bert/bert-base-uncased", "bert-base-uncased", HF_ENDPOINT=hub.url)
    assert (first["source"], first["class"], first["layers"]) == ("hub", "BertForSequenceClassification", 3)
    assert (second["source"], second["layers"]) == ("cache", 3), "the short id finds what lies under the full one"
    assert {r.split(" ")[1] for r in hub.requests} == {f"/google-bert/bert-base-uncased{CONFIG}"}, "config.json only"
    assert any(r.startswith("GET") for r in hub.requests)
    (snapshot,) = (tmp_path / "hf" / "hub").glob("models--*/snapshots/*")
    assert snapshot.name == COMMIT
    (again,) = child("google-bert/bert-base-uncased", HF_HUB_OFFLINE="1")
    assert (again["source"], again["layers"]) == ("cache", 3)


def test_short_id_is_redirected_by_the_hub(hub: LoopbackHub, child: Child) -> None:
    hub.files["openai-community/gpt2"] = json.dumps({"model_type": "gpt2", "n_layer": 2})
    hub.redirects["gpt2"] = "openai-community/gpt2"
    hub.files["someone/new"] = BERT
    redirected, new = child("gpt2", "someone/new", HF_ENDPOINT=hub.url)
    assert (redirected["source"], redirected["type"], redirected["layers"]) == ("hub", "gpt2", 2)
    assert new["source"] == "hub"


def test_a_short_id_that_the_hub_does_not_know_is_asked_for_in_full(hub: LoopbackHub, child: Child) -> None:
    hub.files["FacebookAI/roberta-base"] = json.dumps({"model_type": "roberta", "num_hidden_layers": 1})
    (answer,) = child("roberta-base", HF_ENDPOINT=hub.url)
    assert (answer["source"], answer["layers"]) == ("hub", 1)


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
        f"the Hub {hub.url}: the repository is gated; accept its terms there and run `hf auth login`",
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
    assert unknown["seconds"] < 3
    assert f"the Hub {closed}: ConnectError: [Errno 111] Connection refused" in unknown["error"][1]
    assert (known["source"], cased["source"]) == ("bundled", "bundled")
    assert max(known["seconds"], cased["seconds"]) < 1, "nothing is tried twice or waited for"


def test_the_package_imports_without_torch() -> None:
    code = "import sys, archtrace.targets; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
