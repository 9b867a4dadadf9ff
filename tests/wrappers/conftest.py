"""What the tests of wrappers share: the folders that the real libraries load their models from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from wrapper_truth import VOCABULARY

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _tokenizer() -> PreTrainedTokenizerFast:
    """One id a word, with the special ones in front."""
    words = [*SPECIAL, *(f"w{k}" for k in range(VOCABULARY - len(SPECIAL)))]
    inner = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {f"{word[1:-1].lower()}_token": word for word in SPECIAL}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **names)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], str]:
    """Saves a tiny model with a tokenizer, and gives the folder."""

    def save(model: Any) -> str:
        folder: Path = tmp_path_factory.mktemp("model")
        model.save_pretrained(folder)
        _tokenizer().save_pretrained(folder)
        return str(folder)

    return save
