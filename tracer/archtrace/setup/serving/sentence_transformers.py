"""sentence-transformers: the modules of its own files, or transformers' own class."""

from __future__ import annotations

from archtrace.answer.result import KindName
from archtrace.answer.serving import ServerPooling
from archtrace.setup.serving.checkpoint_files import CheckpointFiles
from archtrace.setup.serving.tables import POOLINGS

#: The version that was read.
VERSION = "6.2.0"


def kinds(modes: tuple[str, ...]) -> tuple[KindName, ...]:
    """What the modes of a Pooling read of a text: modules/pooling.py, Pooling._forward_padded."""
    return tuple(POOLINGS.get(mode, "other") for mode in modes)


def pools(checkpoint: CheckpointFiles) -> ServerPooling:
    """What it pools: of an encoder what its files say, of a classifier what the class itself does."""
    if checkpoint.pooling is not None:
        source = "sentence_transformer/modules/pooling.py: Pooling.forward"
        return ServerPooling(next(iter(kinds(checkpoint.modes)), None), "1_Pooling/config.json", source, own=True)
    if checkpoint.classifies:
        source = "base/modules/transformer.py: AutoModelForSequenceClassification"
        return ServerPooling(None, "CrossEncoder, which runs the class itself", source, own=True)
    return ServerPooling(None, f"it has no class {checkpoint.architecture}", "base/modules/transformer.py")
