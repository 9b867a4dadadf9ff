"""The real sentence-transformers: what it computes, and the folders that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import sentence_transformers as library
import torch
from sentence_transformers.sentence_transformer import modules
from transformers import BertConfig, BertModel, BertTokenizer

from archtrace.targets import resolve
from archtrace.targets.encoders import build
from archtrace.targets.hub import ConfigLocation
from archtrace.targets.pooled import PoolingModule
from archtrace.targets.sentence import MODES, read

MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 0, 1, 0]])


@pytest.mark.parametrize("mode", sorted(MODES))
def test_each_mode_is_the_librarys(mode: str) -> None:
    torch.manual_seed(0)
    states = torch.randn(4, 5, 16)
    real = modules.Pooling(16, pooling_mode=mode)({"token_embeddings": states, "attention_mask": MASK})
    torch.testing.assert_close(PoolingModule((mode,))(states, MASK), real["sentence_embedding"])


def test_a_folder_that_it_saved_gives_its_embedding(offline: Path) -> None:
    base, saved = offline / "base", offline / "saved"
    base.mkdir()
    (base / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"]))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=8, **sizes)).save_pretrained(base)
    BertTokenizer(str(base / "vocab.txt")).save_pretrained(base)
    pooling = modules.Pooling(16, pooling_mode=("cls", "weightedmean"))
    real = library.SentenceTransformer(
        modules=[modules.Transformer(str(base)), pooling, modules.Dense(32, 8), modules.Normalize()], device="cpu"
    ).eval()
    real.save(str(saved))
    assert resolve(saved).class_name == "BertModel with cls and weightedmean pooling"
    encoder = read(ConfigLocation(str(saved), "local"))
    assert encoder is not None
    ours = build(real[0].auto_model, encoder).eval()
    ours.dense.load_state_dict(real[2].state_dict(), strict=False)
    given = {"input_ids": torch.randint(5, 8, MASK.shape), "attention_mask": MASK}
    torch.testing.assert_close(ours(**given)["sentence_embedding"], real(dict(given))["sentence_embedding"])
