"""The special tokens that a tokenizer sets around a text."""

from __future__ import annotations

from collections.abc import Callable

from archtrace.answer.texts import SpecialTokens
from archtrace.targets import bundled, folders, reference
from archtrace.targets.target import Target
from archtrace.targets.tokenized import TextTokenizer, tokenizer_of

#: A word that a vocabulary without any words can be given.
WORD = "<|text|>"
#: What a special token may be for; where one is for two things, the first names it.
ROLES = ("cls", "sep", "pad", "mask", "bos", "eos")


def special_tokens_of(target: Target) -> SpecialTokens | None:
    """The special tokens around a text: for a folder or an id as its own tokenizer sets them, for a model type or an id
    of the bundled table as the library's tokenizer of the type does. None where no tokenizer is known, or it sets none.
    """
    try:
        tokenizer = _tokenizer(target)
        tokens = SpecialTokens() if tokenizer is None else surrounding_tokens(tokenizer)
    except Exception:  # many tokenizers cannot be made without their files, each for a reason of its own
        return None
    return tokens if tokens.before or tokens.after else None


def _tokenizer(target: Target) -> TextTokenizer | None:
    """None where nothing says which tokenizer a model is used with."""
    name = target.name.strip()
    if folders.document(name) is not None:
        return tokenizer_of(target, local=True)
    if target.config_source in ("hub", "cache") and bundled.lookup(reference.parse(name).id) is None:
        # Many checkpoints of a type come with the tokenizer of another. Nothing is fetched just to name a token.
        return tokenizer_of(target, local=True)
    return None if target.config_source == "given" else _of_type(target.model_type)


def _of_type(model_type: str | None) -> TextTokenizer:
    """The library's own tokenizer for a type, without a vocabulary: its template is in its code."""
    import transformers
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    kind: Callable[[], TextTokenizer] = getattr(transformers, TOKENIZER_MAPPING_NAMES[model_type])
    return kind()


def surrounding_tokens(tokenizer: TextTokenizer) -> SpecialTokens:
    """The tokens before and after a text of one word, and the pad token. ValueError where the text itself is lost."""
    word = "a"
    if not _tokens(tokenizer, word, special=False):
        tokenizer.add_tokens([word := WORD])
    text, whole = _tokens(tokenizer, word, special=False), _tokens(tokenizer, word, special=True)
    starts = [i for i in range(len(whole)) if text and whole[i : i + len(text)] == text]
    if not starts:
        raise ValueError("the text stands nowhere among its tokens")
    before, after = whole[: starts[0]], whole[starts[0] + len(text) :]
    pad = [] if tokenizer.pad_token is None else [tokenizer.pad_token]
    named = [tuple(_printable(tokenizer, token) for token in tokens) for tokens in (before, after, pad)]
    return SpecialTokens(named[0], named[1], "".join(named[2]))


def _tokens(tokenizer: TextTokenizer, word: str, *, special: bool) -> list[str]:
    """The tokens of a word, with the special ones around it or without."""
    tokens: list[str] = tokenizer.convert_ids_to_tokens(tokenizer(word, add_special_tokens=special)["input_ids"])
    return tokens


def _printable(tokenizer: TextTokenizer, token: str) -> str:
    """A special token as a person writes it; one of characters that cannot be printed by its role."""
    if token.isprintable() and token.strip():
        return token
    roles = [role for role in ROLES if getattr(tokenizer, f"{role}_token", None) == token]
    return f"[{(roles or ['special'])[0].upper()}]"
