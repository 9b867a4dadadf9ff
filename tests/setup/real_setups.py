"""Setups as people have them, saved and loaded by the real libraries, and what gradients of real runs say of each."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from checkpoints import FAMILIES, saved
from slopes import heard, shown
from tokenizers import processors

from archtrace.setup.examination import SAMPLES

#: A setup: what is changed of a right checkpoint, its model and tokenizer. What it returns is the model that is saved.
Setup = Callable[[Any, Any], Any]
#: What the configs of prompts have in common.
PROMPT: Mapping[str, Any] = {"task_type": "SEQ_CLS", "num_virtual_tokens": 3}


def _other_side(model: Any, tokenizer: Any) -> None:
    side = "right" if tokenizer.padding_side == "left" else "left"
    tokenizer.padding_side = tokenizer.init_kwargs["padding_side"] = side


def _other_pad_id(model: Any, tokenizer: Any) -> None:
    model.config.pad_token_id = tokenizer.convert_tokens_to_ids(tokenizer.convert_ids_to_tokens(9))


def _no_pad_id(model: Any, tokenizer: Any) -> None:
    model.config.pad_token_id = None


def _no_pad_token(model: Any, tokenizer: Any) -> None:
    tokenizer.pad_token = None


def _pad_id_0(model: Any, tokenizer: Any) -> None:
    model.config.pad_token_id = 0


def _pad_is_end(model: Any, tokenizer: Any) -> None:
    end = tokenizer.eos_token or tokenizer.sep_token
    framed(tokenizer, f"$A {end}" if tokenizer.cls_token is None else None, end)
    tokenizer.pad_token = end
    model.config.pad_token_id = tokenizer.pad_token_id


def framed(tokenizer: Any, template: str | None, *special: str) -> None:
    """Put a template around each text, with these special tokens in it; None leaves what there is."""
    if template is not None:
        ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in special]
        own = tokenizer.backend_tokenizer
        own.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)


def _no_special_tokens(model: Any, tokenizer: Any) -> None:
    framed(tokenizer, "$A")


def _no_end(model: Any, tokenizer: Any) -> None:
    """What stands where it is read stays; the end of the text is not set, whatever the tokenizer's file says."""
    first = tokenizer.cls_token or tokenizer.bos_token
    framed(tokenizer, f"$A {first}" if tokenizer.padding_side == "left" else f"{first} $A", first)


def _wrong_vocabulary(model: Any, tokenizer: Any) -> None:
    model.resize_token_embeddings(len(tokenizer) - 20)


def tuned(config: Any) -> Setup:
    """The model in PEFT's wrapper."""

    def tune(model: Any, tokenizer: Any) -> Any:
        with warnings.catch_warnings():
            # PEFT asks transformers for a field that was renamed.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            return peft.get_peft_model(model, copy.deepcopy(config))

    return tune


#: Composite configs, of which only some models have one, and sides on which texts are cut have tests of their own.
SETUPS: Mapping[str, Setup] = {
    "right": lambda model, tokenizer: None,
    "other side": _other_side,
    "other pad id": _other_pad_id,
    "no pad id": _no_pad_id,
    "no pad token": _no_pad_token,
    "pad id 0": _pad_id_0,
    "pad is end": _pad_is_end,
    "no special tokens": _no_special_tokens,
    "no end": _no_end,
    "wrong vocabulary": _wrong_vocabulary,
    "prompt-tuned": tuned(peft.PromptTuningConfig(**PROMPT)),
}
#: Setups whose tokenizer_config.json says that an end is set.
PROMISED = ("no end",)
#: Which token of a text a family is made to read: the first, which is special for it, or the last.
MEANT = {"bert": 0, "roberta": 0, "gpt2": -1, "llama": -1, "xlnet": -1, "gemma3": -1}


def set_up(family: str, setup: str | Setup, folder: Path) -> Path:
    """A checkpoint of a family, changed and saved by the real libraries: a model, or an adapter without a tokenizer."""
    base = saved(family, folder / "base")
    model = FAMILIES[family].model.from_pretrained(base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    found = (SETUPS[setup] if isinstance(setup, str) else setup)(model, tokenizer)
    tokenizer.save_pretrained(base)
    (found or model).save_pretrained(folder)
    if found is None:
        tokenizer.save_pretrained(folder)
        # What a checkpoint does not keep was not set up.
        assert transformers.AutoTokenizer.from_pretrained(folder).padding_side == tokenizer.padding_side
    if setup in PROMISED:
        promise_end(folder)
    return folder


def promise_end(folder: Path) -> None:
    """Let the tokenizer's file say that an end is set."""
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "add_eos_token": True}))


def loaded(folder: Path) -> tuple[Any, Any]:
    """The model and the tokenizer of a folder, as people load them."""
    adapter = (folder / "adapter_config.json").is_file()
    kind: Any = peft.AutoPeftModelForSequenceClassification if adapter else None
    kind = kind or transformers.AutoModelForSequenceClassification
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        model = kind.from_pretrained(folder)
    return model, transformers.AutoTokenizer.from_pretrained(folder / "base" if adapter else folder)


def is_right(model: Any, tokenizer: Any, family: str, promised: bool = False, texts: Sequence[str] = SAMPLES) -> bool:
    """Whether real runs show that what is meant is read of each text, in the batch and alone, with the same logits.

    `promised`: the tokenizer's file says that an end is set, which a model that reads the last token is then to read.
    """
    model = model.eval().double()
    try:
        batch = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        together, logits = _shown(model, batch)
    except (ValueError, TypeError, IndexError):  # no pad token; no pad id to count positions by; no row for an id
        return False
    for row, text in enumerate(texts):
        own = tokenizer(text, truncation=True, return_tensors="pt")
        (alone,), (expected,) = _shown(model, own)
        start = int(batch["attention_mask"][row].argmax())
        if alone != (_meant(tokenizer, family, own["input_ids"][0].tolist(), promised),):
            return False
        if tuple(p - start for p in together[row]) != alone or not torch.allclose(logits[row], expected, 1e-4, 1e-8):
            return False
    return True


def _meant(tokenizer: Any, family: str, ids: Sequence[int], promised: bool) -> int | None:
    """The position that is to be read of a text alone; None where the token that is to be read does not stand there."""
    meant = range(len(ids))[MEANT[family]]
    ends = not promised or MEANT[family] == 0 or tokenizer.eos_token_id in (None, ids[meant])
    return meant if tokenizer.cls_token_id in (None, ids[meant]) and ends else None


def _shown(model: Any, batch: Any) -> tuple[tuple[tuple[int, ...], ...], torch.Tensor]:
    """Of each row the tokens whose hidden states the logits change with; vectors in front are none, but for -1."""
    inside = model.get_base_model() if hasattr(model, "get_base_model") else model
    with heard({"states": inside.base_model}) as kept:
        logits = model(**{k: v for k, v in batch.items() if k != "token_type_ids"}).logits
    front = kept["states"].shape[1] - batch["input_ids"].shape[1]
    rows = shown(kept["states"], logits)
    return tuple(tuple(max(p - front, -1) for p in row) for row in rows), logits.detach()


def tokens_read(model: Any, tokenizer: Any, batch: Any) -> list[list[str]]:
    """The tokens of each row at which gradients of a real run do not vanish."""
    rows, _ = _shown(model.eval().double(), batch)
    return [
        tokenizer.convert_ids_to_tokens([ids[p] for p in read])
        for ids, read in zip(batch["input_ids"].tolist(), rows, strict=True)
    ]
