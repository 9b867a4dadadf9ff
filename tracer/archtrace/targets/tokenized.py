"""Texts as the tokenizer of their checkpoint encodes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from archtrace.errors import refusal
from archtrace.targets import adapters, folders, hub, reference
from archtrace.targets.target import Target

#: Tokenizers without a limit of their own say 1e30.
NO_LIMIT = 1_000_000
#: What to do where a checkpoint has no tokenizer.
SAVE = "save the tokenizer beside the model: tokenizer.save_pretrained(folder)"


class TextTokenizer(Protocol):
    """A tokenizer of the library, as far as it is used here; called with one text, it gives one row and no list."""

    name_or_path: str
    model_max_length: int
    padding_side: str
    truncation_side: str
    pad_token: str | None
    pad_token_id: int | None
    eos_token: str | None
    eos_token_id: int | None
    bos_token_id: int | None
    chat_template: str | dict[str, str] | None
    all_special_ids: Sequence[int]

    def __call__(
        self, text: str | list[str], text_pair: str | list[str] | None = None, **options: object
    ) -> Mapping[str, Any]: ...

    def pad(self, batch: Mapping[str, list[list[int]]]) -> Mapping[str, list[list[int]]]:
        """The batch with rows of one length."""

    def get_vocab(self) -> Mapping[str, int]:
        """Each token and its id."""

    def add_tokens(self, tokens: list[str]) -> int:
        """Add tokens to the vocabulary."""

    def convert_ids_to_tokens(self, ids: Any) -> Any:
        """The token of an id, or the tokens of several."""

    def apply_chat_template(self, conversation: list[dict[str, str]], *, tokenize: bool) -> object:
        """A conversation as its template writes it."""

    def decode(self, ids: list[int], **options: object) -> str:
        """The text that tokens stand for."""


@dataclass(frozen=True)
class Encoded:
    """Texts as a batch: `inputs` by name, as nested lists of rows and positions, and the tokens of each row as a
    person writes them, `[CLS]`, `fine`, `[PAD]`. `spans`: where the text of each row begins and ends; `ids`: the name
    of the input that holds the tokens."""

    inputs: dict[str, list[list[int]]]
    tokens: tuple[tuple[str, ...], ...]
    spans: tuple[tuple[int, int], ...]
    ids: str = "input_ids"

    @property
    def side(self) -> str:
        """The side on which its rows are padded, left or right; right where none is padded."""
        return "left" if any(start for start, _ in self.spans) else "right"

    def fitting(self, forward: Callable[..., object]) -> dict[str, list[list[int]]]:
        """The inputs that a forward takes: not every model has token types."""
        parameters = inspect.signature(forward).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) and self.ids not in parameters:
            return self.inputs
        return {name: value for name, value in self.inputs.items() if name in parameters}


def tokenizer_of(target: Target, *, local: bool = False) -> TextTokenizer:
    """The tokenizer of a checkpoint: of a folder, or of an id in the cache or on the Hub. No code of it is run.

    `local`: the Hub is not asked. Raises TargetError where the target is no checkpoint, or has no tokenizer that can be
    read.
    """
    name = target.name.strip()
    document = folders.document(name)
    if document is not None and document.name == hub.ADAPTER and not folders.has_tokenizer(document.parent):
        name = adapters.read(document).base  # PEFT saves none: the texts are cut as for the base model
        document = folders.document(name)
    if target.config_source in ("default", "given") and document is None:
        raise _no_tokenizer(name, "only a checkpoint has one", "name a checkpoint, or give it: tokenizer=...")
    # A config of the bundled table says that the Hub could not be reached: it is not waited for once more.
    return tokenizer_named(str(document.parent) if document else name, local=local or target.config_source == "bundled")


def tokenizer_named(name: str, *, local: bool = False) -> TextTokenizer:
    """The tokenizer in a folder, or of an id in the cache or (unless `local`) on the Hub. No code of it is run.

    Raises TargetError where there is none that can be read.
    """
    repository = reference.Reference(name) if folders.exists(name) else reference.parse(name)
    try:
        from transformers import AutoTokenizer

        tokenizer: TextTokenizer = AutoTokenizer.from_pretrained(
            repository.id, revision=repository.revision or "main", trust_remote_code=False, local_files_only=local
        )
    except Exception as error:  # the library raises whatever its files make it raise
        why = " ".join(str(error).split())[:300]
        raise _no_tokenizer(name, why, SAVE) from error
    # Of a config without a tokenizer's files transformers 5 makes one that knows special tokens and no word.
    if not {*tokenizer.get_vocab().values()} - {*tokenizer.all_special_ids}:
        raise _no_tokenizer(name, "there are no files of one", SAVE)
    return tokenizer


#: The files of a folder that a tokenizer is read from, by how their names end, and those that are looked for in any
#: case (transformers 5.23, tokenization_utils_base.py and models/auto/tokenization_auto.py).
_ENDS = (".json", ".txt", ".model", ".jinja", ".tiktoken")
_LOOKED_FOR = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json")


def tokenizer_files(folder: Path) -> list[Path]:
    """The files that decide what the tokenizer in a folder is, whether they exist or not."""
    existing = (file for file in folder.iterdir() if file.suffix in _ENDS) if folder.is_dir() else ()
    return sorted({*existing, *(folder / name for name in _LOOKED_FOR)})


def _no_tokenizer(name: str, why: str, do: str) -> Exception:
    return refusal(f"no tokenizer for {name}", why=why, do=do)


def encoded(
    tokenizer: TextTokenizer, texts: Sequence[str], pairs: Sequence[str] | None = None, special: bool = True
) -> Encoded:
    """The batch that a tokenizer makes of texts (with `pairs` of pairs of texts): padded to the longest on its own
    side, cut at its own limit, with the special tokens that it sets around a text unless not `special`. Raises
    TargetError where it has no padding and the texts are not equally long."""
    if not texts:
        raise refusal("no text", why="there is nothing to make tokens of", do="give one text at the least")
    if pairs is not None and len(pairs) != len(texts):
        raise refusal(
            f"{len(texts)} texts, and {len(pairs)} second texts",
            why="each text of a pair stands beside one other",
            do="give as many second texts (--text-pair) as texts (--text)",
        )
    truncation = getattr(tokenizer, "model_max_length", NO_LIMIT) < NO_LIMIT
    rows = (list(texts), None if pairs is None else list(pairs))
    batch: Mapping[str, list[list[int]]] = tokenizer(
        *rows, truncation=truncation, return_attention_mask=True, add_special_tokens=special
    )
    if len({len(row) for row in batch["input_ids"]}) > 1:
        if tokenizer.pad_token is None:
            raise refusal(
                "texts of different length",
                why="the tokenizer has no pad token, so that they make no batch",
                do="give one text, or set the pad token: tokenizer.pad_token = ...",
            )
        batch = tokenizer.pad(batch)
    if not all(batch["input_ids"]):
        raise refusal("a text without tokens", why="the tokenizer makes none of it", do="give a text of some words")
    inputs = {name: [list(row) for row in rows] for name, rows in batch.items()}
    names = {i: token_name(tokenizer, i) for row in batch["input_ids"] for i in row}
    spans = tuple((mask.index(1), len(mask) - mask[::-1].index(1)) for mask in inputs["attention_mask"])
    return Encoded(inputs, tuple(tuple(names[i] for i in row) for row in batch["input_ids"]), spans)


def token_name(tokenizer: TextTokenizer | None, index: int) -> str:
    """A token as a person writes it: "film" and not "Ġfilm" or "▁film". Of half a letter, or a blank, its raw name;
    without a tokenizer its id, as "<101>"."""
    if tokenizer is None:
        return f"<{index}>"
    raw = str(tokenizer.convert_ids_to_tokens(index))
    written = str(tokenizer.decode([index], clean_up_tokenization_spaces=False)).strip()
    return raw if not written or "\N{REPLACEMENT CHARACTER}" in written else written
