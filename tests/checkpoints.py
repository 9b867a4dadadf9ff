"""Real checkpoints with real tokenizers, trained on a few lines and small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LINES = (
    "a fine film with a fine cast",
    "dull and long, with no story at all",
    "the story of a long war and of a small town",
    "no film of this year is as fine as this one",
)
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}


def _trained(model: Any, trainer: Any, split: Any, normalizer: Any = None) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = split
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def _framed(tokenizer: Tokenizer, single: str, pair: str, special: tuple[str, ...]) -> Tokenizer:
    ids = [(token, tokenizer.token_to_id(token)) for token in special]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)
    return tokenizer


def wordpiece() -> Any:
    """[CLS] text [SEP], as BERT has it."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special)
    own = _trained(models.WordPiece(unk_token="[UNK]"), trainer, pre_tokenizers.BertPreTokenizer(),
                   normalizers.BertNormalizer())  # fmt: skip
    own.decoder = decoders.WordPiece()
    _framed(own, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ("[CLS]", "[SEP]"))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]",
        mask_token="[MASK]", model_max_length=40, model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


def _bytes(special: list[str]) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    own = _trained(models.BPE(), trainer, pre_tokenizers.ByteLevel(add_prefix_space=False))
    own.decoder = decoders.ByteLevel()
    return own


def roberta_bytes() -> Any:
    """<s> text </s>, as RoBERTa has it."""
    own = _bytes(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    _framed(own, "<s> $A </s>", "<s> $A </s> </s> $B </s>", ("<s>", "</s>"))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
        unk_token="<unk>", mask_token="<mask>", model_max_length=40,
    )  # fmt: skip


def gpt_bytes() -> Any:
    """The text alone; <|endoftext|> is padding too, as people set it for GPT-2."""
    own = _bytes(["<|endoftext|>"])
    end = "<|endoftext|>"
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token=end, eos_token=end, pad_token=end, unk_token=end, model_max_length=40
    )


def llama_bytes() -> Any:
    """<s> text, with a pad token of its own."""
    own = _framed(_bytes(["<unk>", "<s>", "</s>", "<pad>"]), "<s> $A", "<s> $A $B", ("<s>",))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_max_length=40,
    )  # fmt: skip


def unigram() -> Any:
    """text <sep> <cls>, padded on the left, as XLNet has it."""
    special = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>")
    own = _trained(models.Unigram(), trainer, pre_tokenizers.Metaspace())
    own.decoder = decoders.Metaspace()
    _framed(own, "$A <sep> <cls>", "$A <sep> $B <sep> <cls>", ("<sep>", "<cls>"))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", cls_token="<cls>", sep_token="<sep>", unk_token="<unk>",
        padding_side="left", model_max_length=40,
    )  # fmt: skip


@dataclass(frozen=True)
class Family:
    """A kind of checkpoint: its tokenizer, and the class and config of its classifier."""

    tokenizer: Callable[[], Any]
    model: Any
    fields: Mapping[str, Any]


FAMILIES: Mapping[str, Family] = {
    "bert": Family(wordpiece, transformers.BertForSequenceClassification, SIZES),
    "roberta": Family(roberta_bytes, transformers.RobertaForSequenceClassification, SIZES),
    "gpt2": Family(gpt_bytes, transformers.GPT2ForSequenceClassification, {"n_embd": 16, "n_layer": 1, "n_head": 2}),
    "llama": Family(llama_bytes, transformers.LlamaForSequenceClassification, {**SIZES, "num_key_value_heads": 2}),
    "xlnet": Family(unigram, transformers.XLNetForSequenceClassification,
                    {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 24}),
}  # fmt: skip


def saved(name: str, folder: Path) -> Path:
    """A right checkpoint of a family with weights, as transformers itself saves it."""
    family, tokenizer = FAMILIES[name], FAMILIES[name].tokenizer()
    torch.manual_seed(0)
    ids = {f"{kind}_token_id": getattr(tokenizer, f"{kind}_token_id") for kind in ("pad", "bos", "eos")}
    config = family.model.config_class(**family.fields, vocab_size=len(tokenizer), **ids)
    family.model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def composite(folder: Path, pad: int | None, text_pad: int | None) -> Path:
    """A classifier of texts and images whose config has one of its own for texts, with a pad id in either.

    Gemma 3: the library has no classifier of this kind whose text part is a BERT, a RoBERTa, a GPT-2 or an XLNet.
    """
    tokenizer = llama_bytes()
    torch.manual_seed(0)
    text = {**SIZES, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": len(tokenizer), "pad_token_id": text_pad}
    images = {**SIZES, "image_size": 28, "patch_size": 14}
    config = transformers.Gemma3Config(text_config={**text, "bos_token_id": 1, "eos_token_id": 2}, vision_config=images,
                                       mm_tokens_per_image=4, pad_token_id=pad)  # fmt: skip
    transformers.Gemma3ForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
