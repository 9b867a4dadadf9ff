"""Frames: the special tokens that a tokenizer sets around a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from archtrace.answer.texts import Frame
from archtrace.targets import folders
from archtrace.targets.target import Target
from archtrace.targets.texts import tokenizer_of

#: A word that a vocabulary without any words can be given.
WORD = "<|text|>"


def frame_of(target: Target) -> Frame | None:
    """What stands around a text: of a folder with a tokenizer as that one sets it, of an id or a type as the library's
    tokenizer for the type does. None where neither tells, or nothing is set."""
    for make in _ways(target):
        try:
            found = framed(make())
        except Exception:  # many tokenizers cannot be made without their files, each for a reason of its own
            continue
        return found if found.before or found.after else None
    return None


def _ways(target: Target) -> Iterator[Callable[[], Any]]:
    if folders.document(target.name.strip()) is not None:
        yield lambda: tokenizer_of(target)
    elif target.model_type is not None:
        yield lambda: _of_type(target.model_type)


def _of_type(model_type: str | None) -> Any:
    """The library's own tokenizer for a type, without a vocabulary: its template is in its code."""
    import transformers
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    return getattr(transformers, TOKENIZER_MAPPING_NAMES[model_type])()


def framed(tokenizer: Any) -> Frame:
    """The special tokens before and after a text of one word, and the pad token. ValueError where the text is lost."""
    names, text = _told(tokenizer, "a")
    if not text:
        tokenizer.add_tokens([WORD])
        names, text = _told(tokenizer, WORD)
    if not text:
        raise ValueError("the tokenizer makes no token of a text")
    special = set(tokenizer.all_special_tokens)
    before, after = names[: text[0]], names[text[-1] + 1 :]
    padding = tokenizer.pad_token
    shown = {token: _shown(tokenizer, token) for token in special}
    return Frame(
        tuple(shown[name] for name in before if name in special),
        tuple(shown[name] for name in after if name in special),
        "" if padding is None else _shown(tokenizer, padding),
    )


def _told(tokenizer: Any, word: str) -> tuple[list[str], Sequence[int]]:
    """The tokens of a word, and where those of the word itself stand: an unknown one is the word's too."""
    names = tokenizer.convert_ids_to_tokens(tokenizer(word)["input_ids"])
    special = {*tokenizer.all_special_tokens} - {tokenizer.unk_token}
    return names, [i for i, name in enumerate(names) if name not in special and name.strip("▁")]


def _shown(tokenizer: Any, token: str) -> str:
    """A special token as a person writes it; one of characters that cannot be printed by its role."""
    if token.isprintable() and token.strip():
        return token
    role = next((role for role, own in tokenizer.special_tokens_map.items() if own == token), "special")
    return f"[{role.removesuffix('_token').upper()}]"
