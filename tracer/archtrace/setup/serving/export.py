"""The export: the pooling configs that servers take, for what a model reads of a text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from archtrace.answer.kinds import without_padding
from archtrace.answer.result import KindName
from archtrace.answer.serving import SERVERS, ServerName
from archtrace.setup.serving import tei, vllm
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import POOLINGS
from archtrace.targets.sentence import LEGACY, MODES

#: Server -> the file with the option that it takes.
OPTIONS: Mapping[ServerName, str] = {"vllm": "vllm.json", "tei": "tei.txt"}
#: Types as every release of sentence-transformers knows them (modules.json).
_TYPES = ("sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling")


def export_files(checkpoint: CheckpointFiles, reads: Sequence[KindName]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The files that configure this pooling, path -> text, and for those that are missing, why."""
    obstacle = _obstacle(checkpoint, reads)
    if obstacle:
        return {}, (obstacle,)
    kind = without_padding(reads[0])
    files = dict(_files(checkpoint, kind))
    return files, tuple(f"{SERVERS[name]} has no such pooling" for name, file in OPTIONS.items() if file not in files)


def _obstacle(checkpoint: CheckpointFiles, reads: Sequence[KindName]) -> str:
    """Why no file can configure the pooling; empty where one can."""
    if len(reads) != 1:
        return f"no pooling config says {len(reads)} readouts at once"
    if _mode(without_padding(reads[0])) is None:
        return "no server has a pooling type for what this model reads"
    if getattr(checkpoint.config, "is_encoder_decoder", False):
        return "a pooling config is about one stack of layers, and this model has an encoder and a decoder"
    return "" if _width(checkpoint) else "no server takes a model whose config has no hidden_size"


def _width(checkpoint: CheckpointFiles) -> int:
    """The length of a hidden state; 0 where the config does not say."""
    return int(getattr(checkpoint.text, "hidden_size", None) or 0)


def _mode(kind: KindName) -> str | None:
    """The mode of sentence-transformers that pools a kind."""
    return next((name for name, pooled in POOLINGS.items() if pooled == kind and name in MODES), None)


def _files(checkpoint: CheckpointFiles, kind: KindName) -> Iterator[tuple[str, str]]:
    mode = str(_mode(kind))
    yield "1_Pooling/config.json", _json(pooling(mode, _width(checkpoint)))
    if checkpoint.pooling is None:  # an encoder has one, with modules that would be lost
        yield "modules.json", _json([_module(0, "", _TYPES[0]), _module(1, "1_Pooling", _TYPES[1])])
    if name := next((name for name in vllm.NAMES if POOLINGS[name.lower()] == kind), None):
        yield OPTIONS["vllm"], _json({"pooling_type": name})
    if word := next((word for word, pooled in tei.OPTIONS.items() if pooled == kind), None):
        yield OPTIONS["tei"], f"--pooling {word}\n"


def option(server: ServerName, checkpoint: CheckpointFiles, files: Mapping[str, str]) -> str:
    """The option with which a server pools what the model reads; empty where it takes none."""
    text = files.get(OPTIONS.get(server, ""), "").strip()
    if server == "vllm" and text and not vllm.ignores_pooler_config(checkpoint):
        return f"--pooler-config '{json.dumps(json.loads(text))}'"
    return text if server == "tei" and tei.takes_pooling_option(checkpoint) else ""


def pooling(mode: str, width: int) -> dict[str, object]:
    """`1_Pooling/config.json` for all releases of sentence-transformers: with the booleans of older ones, which
    text-embeddings-inference needs, and with the `pooling_mode` of 5.4 and later."""
    flags = {field: legacy_mode == mode for field, legacy_mode in LEGACY.items()}
    return {"word_embedding_dimension": width, **flags, "include_prompt": True, "pooling_mode": mode}


def _module(number: int, path: str, kind: str) -> Mapping[str, object]:
    return {"idx": number, "name": str(number), "path": path, "type": kind}


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
