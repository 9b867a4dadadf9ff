"""Layouts: the concrete integer inputs that fix the structure of a run, and the ones that tell readouts apart.

Where padding is and where eos is are facts of a layout. Each has two rows of different length, so that an index that
follows the length shows itself, and rows that mix do too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any, TypeAlias

import torch

from archtrace.capture.inputs.input_names import COMPUTED, MASKS, TRAINING_ONLY, TextInputs, split_name, texts, word_of
from archtrace.capture.inputs.signature import inputs_of
from archtrace.errors import TargetError, message

Layout: TypeAlias = dict[str, torch.Tensor]
#: Layouts by name, the name of the ids, and the names of those of further texts.
Plan: TypeAlias = tuple[dict[str, Layout], str, tuple[str, ...]]

#: The lengths of layouts: primes, which no model has for a width or a number of heads.
LENGTHS = (19, 13)
ROWS = 2
#: Each cue has layouts of its own; of a program with more cues than this, only the lowest get some.
MOST_CUES = 4


@dataclass(frozen=True)
class Vocabulary:
    """The ids that mean something, and ordinary ones that do not. None where the model has no such id.

    `cues`: further constants with which the program compares ids: a marker of an entity, a mask, an image. `types`: how
    many token types there are (a pair of texts has two).
    """

    pad: int | None
    eos: int | None
    ordinary: tuple[int, ...]
    cues: tuple[int, ...] = ()
    types: int = 2


def holder(source: object) -> object:
    """What holds the special ids: the text part of a config, a module's config, the module's own attributes, or the
    config of the first module in it that has ids."""
    config = _configured(source) if isinstance(source, torch.nn.Module) else source
    text: Callable[[], object] | None = getattr(config, "get_text_config", None)
    return config if text is None else text()


def _configured(module: torch.nn.Module) -> object:
    config: object = getattr(module, "config", None)
    if config is not None:
        return config
    if any(hasattr(module, f"{name}_token_id") for name in ("pad", "eos")):
        return module
    configs: Iterable[object] = (getattr(part, "config", None) for part in module.modules())
    return next((config for config in configs if hasattr(config, "pad_token_id")), module)


def vocabulary_of(source: object, compared: Collection[int] = ()) -> Vocabulary:
    """The special ids of a config or of a module (of None none); `compared`: the ids that the program looks for.

    Ordinary ids are small, so that they are valid in a small vocabulary too; in a very small one they repeat.
    """
    names = ("pad", "eos", "bos", "cls", "sep", "mask")
    special = {name: _special(holder(source), f"{name}_token_id") for name in names}
    reserved = {i for i in special.values() if i is not None} | {0, 1, 2} | set(compared)
    count, size = ROWS * max(LENGTHS), vocabulary_size(source)
    stop = min(3 + count + len(reserved), size) if isinstance(size, int) else 3 + count + len(reserved)
    ordinary = [i for i in range(3, stop) if i not in reserved] or [0]
    pad_and_eos = {special["pad"], special["eos"]}
    cues = sorted(c for c in set(compared) - pad_and_eos if c >= 0 and (size is None or c < size))
    types: int = getattr(holder(source), "type_vocab_size", 2)
    repeated = tuple(islice(cycle(ordinary), count))
    return Vocabulary(special["pad"], special["eos"], repeated, tuple(cues[:MOST_CUES]), types)


def vocabulary_size(source: object) -> int | None:
    """How many ids there are: as the config says, else as many as the first table of embeddings has."""
    size: object = getattr(holder(source), "vocab_size", None)
    if isinstance(size, int) or not isinstance(source, torch.nn.Module):
        return size if isinstance(size, int) else None
    tables = (part.num_embeddings for part in source.modules() if isinstance(part, torch.nn.Embedding))
    return next(tables, None)


def _special(config: object, field: str) -> int | None:
    """A special id; None where there is none, or none in the vocabulary (a default config may name such a one)."""
    value: object = getattr(config, field, None)
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    size: object = getattr(config, "vocab_size", None)
    inside = isinstance(value, int) and value >= 0 and not (isinstance(size, int) and value >= size)
    return int(value) if isinstance(value, int) and inside else None


#: Further inputs that a forward may require, from the mask of shape (rows, length).
DERIVED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "token_type_ids": torch.zeros_like,
    "segment_ids": torch.zeros_like,
    "position_ids": lambda mask: torch.arange(mask.shape[1]).expand_as(mask).clone(),
    "lengths": lambda mask: mask.sum(1),
    "seq_lens": lambda mask: mask.sum(1),
    "sequence_lengths": lambda mask: mask.sum(1),
    "padding_mask": lambda mask: mask == 0,
    "key_padding_mask": lambda mask: mask == 0,
}
#: Inputs that a head may need though the forward has a default for them, from the mask.
NEEDED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "global_attention_mask": lambda mask: (torch.arange(mask.shape[1]) == 0).long().expand_as(mask).clone(),
}
#: Inputs of models that read a page: the forward needs them, though it has defaults for them.
PAGE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "image": lambda mask: torch.zeros(mask.shape[0], 3, 56, 56),
    "bbox": lambda mask: torch.zeros(*mask.shape, 4, dtype=torch.long),
}
#: Further inputs that tell padding by themselves -> which positions are no padding, from the input and positions.
TELLING: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    **dict.fromkeys(("padding_mask", "key_padding_mask"), lambda mask, _: mask == 0),
    **dict.fromkeys(("lengths", "seq_lens", "sequence_lengths"), lambda counts, at: at < counts[:, None]),
}
#: Inputs that say to which text of a pair a token belongs.
TYPES = ("token_type_ids", "segment_ids")
#: Inputs that count tokens: they tell where padding is only if it is on the right.
COUNTS = {"lengths", "seq_lens", "sequence_lengths"}


@dataclass(frozen=True)
class Signature:
    """The names of the inputs that a forward is given: ids, mask if it takes one, and what is derived from the mask.

    `others`: the names of further texts. `choices`: how many texts each row holds, on an axis behind the rows; 1
    without that axis. `optional`: further inputs that the forward can do without.
    """

    ids: str
    mask: str | None
    derived: tuple[str, ...]
    choices: int = 1
    others: tuple[TextInputs, ...] = ()
    optional: frozenset[str] = frozenset()

    @property
    def texts(self) -> tuple[TextInputs, ...]:
        """Every text, the first one first."""
        return (TextInputs(self.ids, self.mask, self.derived), *self.others)

    def with_head(self, choices: int, needed: Collection[str]) -> Signature:
        """The same with an axis of choices, and with the inputs that a head needs where the forward takes them."""
        more = tuple(name for name in needed if name in self.optional and name in NEEDED | PAGE)
        return replace(self, choices=choices, derived=(*self.derived, *more))

    @property
    def masked(self) -> bool:
        """Whether any position can be masked."""
        return any(text.mask is not None for text in self.texts) or bool(TELLING.keys() & self._words - COUNTS)

    @property
    def counted(self) -> bool:
        """Whether tokens are counted."""
        return bool(COUNTS & self._words)

    @property
    def _words(self) -> set[str | None]:
        return {word_of(name, COMPUTED) for text in self.texts for name in text.derived}


def signature(forward: Callable[..., Any], given: Collection[str] = ()) -> Signature:
    """The inputs of a forward, by the names of its parameters, without those that are `given`.

    TargetError where the names do not tell.
    """
    parameters = {n: needed for n, needed in inputs_of(forward, given).items() if n not in given}
    required = [n for n, needed in parameters.items() if needed]
    if PAGE.keys() <= parameters.keys():
        required += [n for n in PAGE if n not in required]
    texts_taken = texts(parameters, required)
    known = {n for text in texts_taken for n in (text.ids, text.mask, *text.derived)}
    unknown = [n for n in required if n not in known and n not in PAGE and not TRAINING_ONLY.fullmatch(n)]
    if unknown or not texts_taken:
        raise _unknown_inputs(inspect.signature(forward).parameters, unknown)
    first, *others = texts_taken
    pages = tuple(n for n in PAGE if n in required)
    return Signature(
        first.ids, first.mask, (*first.derived, *pages), 1, tuple(others), frozenset(parameters) - {*required}
    )


def _unknown_inputs(parameters: Collection[str], unknown: Sequence[str]) -> TargetError:
    """The refusal where inputs are unknown by their names; it says how to give them."""
    name = (*unknown, "input_ids")[0]
    return TargetError(
        message(
            "the inputs of the model are not known by their names",
            where=f"forward({', '.join(parameters)})",
            why=f"unknown: {', '.join(unknown) or 'none holds the token ids'}",
            do=f"give {name} for {ROWS} rows: --input {name}='[[5, 6, 7], [8, 9, 10]]', whatever its shape, "
            f"or --input {name}=file.npy (.npz, .json); in Python archtrace.trace(..., inputs={{{name!r}: ...}})",
        )
    )


@dataclass(frozen=True)
class Pattern:
    """A layout before it has a length: which positions are padding, and where eos stands."""

    padding: Callable[[int, int], range | None] = lambda length, row: None
    eos: Callable[[int, int], tuple[int, ...]] = lambda length, row: ()
    pads_ids: bool = True
    cue: Callable[[int, int], tuple[int, ...]] = lambda length, row: ()


def _content(length: int, row: int) -> int:
    """The number of tokens of a padded row: the rows differ."""
    return length - 2 - row


#: name -> pattern; a position of eos counts from the first token that is not padding.
PATTERNS: Mapping[str, Pattern] = {
    "full": Pattern(eos=lambda n, row: (n - 1,)),
    "right_padded": Pattern(lambda n, row: range(_content(n, row), n), lambda n, row: (_content(n, row) - 1,)),
    "left_padded": Pattern(lambda n, row: range(n - _content(n, row)), lambda n, row: (n - 1,)),
    "padded_inside": Pattern(lambda n, row: range(2 + row, 4 + row), lambda n, row: (n - 1,)),
    "eos_early": Pattern(eos=lambda n, row: (2 + row,)),
    "several_eos": Pattern(eos=lambda n, row: (1 + row, n - 2 - row)),
    "no_eos": Pattern(),
    "masked_tail": Pattern(lambda n, row: range(_content(n, row), n), lambda n, row: (_content(n, row) - 1,), False),
}
#: Where a cue stands; it is absent from all other patterns.
CUE_PATTERNS: Mapping[str, Pattern] = {
    "in_front": Pattern(eos=lambda n, row: (n - 1,), cue=lambda n, row: (row,)),
    "in_the_middle": Pattern(eos=lambda n, row: (n - 1,), cue=lambda n, row: (n // 2 + row,)),
    "at_the_end": Pattern(eos=lambda n, row: (), cue=lambda n, row: (n - 1 - row,)),
    "twice": Pattern(eos=lambda n, row: (n - 1,), cue=lambda n, row: (2 + row, n - 4 - row)),
}
#: Patterns that say nothing about a model without an eos id.
ABOUT_EOS = {"eos_early", "several_eos", "no_eos"}
#: Patterns that need a pad id, or a mask.
ABOUT_PADDING = {"right_padded", "left_padded", "padded_inside"}


def layouts(names: Signature, vocabulary: Vocabulary, length: int) -> dict[str, Layout]:
    """Every layout of one length that says something about a model with these inputs and ids."""
    usual = {
        name: _layout(pattern, names, vocabulary, length)
        for name, pattern in PATTERNS.items()
        if (vocabulary.eos is not None or name not in ABOUT_EOS) and _can_pad(name, names, vocabulary)
    }
    with_cues = {
        f"id_{cue}_{name}": _layout(pattern, names, vocabulary, length, cue)
        for cue in vocabulary.cues
        for name, pattern in CUE_PATTERNS.items()
    }
    return usual | _of_types(usual, names, vocabulary) | with_cues


def _of_types(usual: Mapping[str, Layout], names: Signature, vocabulary: Vocabulary) -> dict[str, Layout]:
    """The layout of a pair as one text, where a forward takes token types: the second half has the other type."""
    typed = [n for text in names.texts for n in text.derived if word_of(n, TYPES)]
    if not typed or vocabulary.types < 2:
        return {}
    second = {n: _half(usual["full"][n]) for n in typed}
    return {"both_types": {**usual["full"], **second}}


def _half(value: torch.Tensor) -> torch.Tensor:
    """1 in the second half of the positions."""
    return (torch.arange(value.shape[-1]) >= value.shape[-1] // 2).long().expand_as(value).clone()


def _can_pad(name: str, names: Signature, vocabulary: Vocabulary) -> bool:
    """Whether the inputs can mark the padding of a pattern, if it has any."""
    if name == "masked_tail":
        return names.masked
    counted = names.counted and name == "right_padded"
    return name not in ABOUT_PADDING or vocabulary.pad is not None or names.masked or counted


def _layout(pattern: Pattern, names: Signature, vocabulary: Vocabulary, length: int, cue: int | None = None) -> Layout:
    rows, layout = ROWS * names.choices, dict[str, torch.Tensor]()
    # The rows of a second text are padded otherwise than those of the first, so that one's mask is not the other's.
    for number, text in enumerate(names.texts):
        layout |= _inputs_of_text(pattern, text, vocabulary, range(number * rows, (number + 1) * rows), length, cue)
    if names.choices == 1:
        return layout
    return {n: v.reshape(ROWS, names.choices, *v.shape[1:]) for n, v in layout.items()}


def _inputs_of_text(
    pattern: Pattern, text: TextInputs, vocabulary: Vocabulary, rows: range, length: int, cue: int | None = None
) -> Layout:
    """The inputs of one text, as a pattern has it in some rows."""
    ids = torch.tensor(list(islice(cycle(vocabulary.ordinary), len(rows) * length))).reshape(len(rows), length)
    mask = torch.ones(len(rows), length, dtype=torch.long)
    for place, row in enumerate(rows):
        padding = pattern.padding(length, row)
        if vocabulary.eos is not None:
            ids[place, list(pattern.eos(length, row))] = vocabulary.eos
        if cue is not None:
            ids[place, list(pattern.cue(length, row))] = cue
        if padding is not None:
            mask[place, list(padding)] = 0
            if pattern.pads_ids and vocabulary.pad is not None:
                ids[place, list(padding)] = vocabulary.pad
    layout = {text.ids: ids} | ({text.mask: mask} if text.mask else {})
    return layout | {n: (DERIVED | PAGE | NEEDED)[word_of(n, DERIVED) or n](mask) for n in text.derived}


def texts_in(layout: Mapping[str, torch.Tensor]) -> tuple[TextInputs, ...]:
    """The texts among the inputs of a layout, as far as their names tell."""
    integers = [n for n, value in layout.items() if not value.is_floating_point()]
    names = [n for n in layout if n in integers or n in MASKS]
    return tuple(text for text in texts(names, integers) if layout[text.ids].ndim >= 2)


def attended_by(layout: Mapping[str, torch.Tensor], vocabulary: Vocabulary, ids: str = "") -> dict[str, torch.Tensor]:
    """Which positions are no padding, of shape (rows, length), by each expression in the inputs that tells it:
    `attention_mask`, `input_ids != pad_token_id`.

    Masks first, else what replaces one; then the pad id; counts where nothing else tells. `ids`: of which text, where
    there are several.
    """
    text = next((t for t in texts_in(layout) if ids in ("", t.ids)), TextInputs("", None, ()))
    if not text.ids:
        text = TextInputs("", next((n for n in MASKS if n in layout), None), ())
    present = [n for n in (text.ids, text.mask) if n and n in layout]
    rows = {n: layout[n].flatten(0, -2) for n in present if layout[n].ndim >= 2}
    masks = {name: value != 0 for name, value in rows.items() if name == text.mask}
    value = rows.get(text.ids)
    by_id = {} if value is None or vocabulary.pad is None else {f"{text.ids} != pad_token_id": value != vocabulary.pad}
    at = torch.arange(0 if value is None else value.shape[1])
    word_by_input = {n: word_of(n, COMPUTED) or "" for n in _beside_mask(text, layout)}
    by_input = {n: TELLING[word](layout[n], at) for n, word in word_by_input.items() if word in TELLING}
    marked = {n: flags for n, flags in by_input.items() if word_by_input[n] not in COUNTS}
    return masks | marked | by_id or by_input


def _beside_mask(text: TextInputs, layout: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """The inputs beside a mask that may tell where the padding of a text is."""
    return text.derived or tuple(n for n in layout if not text.ids and split_name(n, COMPUTED))


def attended(layout: Mapping[str, torch.Tensor], vocabulary: Vocabulary, ids: str = "") -> torch.Tensor | None:
    """Which positions of a text are no padding, (rows, length), by the first that tells of them; None if none does."""
    return next(iter(attended_by(layout, vocabulary, ids).values()), None)
