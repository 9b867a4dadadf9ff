"""Layouts: the concrete integer inputs that fix the structure of a run, and the ones that tell readouts apart.

Where padding is and where eos is are facts of a layout. Each has two rows of different length, so that an index that
follows the length shows itself, and rows that mix do too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any, TypeAlias

import torch

from archtrace.errors import TargetError, message

Layout: TypeAlias = dict[str, torch.Tensor]
#: Layouts by name, and the name of the ids.
Plan: TypeAlias = tuple[dict[str, Layout], str]

#: Lengths in which a model is looked at. Primes, which no model has for a width or a number of heads.
LENGTHS = (19, 13)
ROWS = 2
#: Each cue has layouts of its own; a program that looks for more of them is looked at with the lowest.
MOST_CUES = 4


@dataclass(frozen=True)
class Vocabulary:
    """The ids that mean something, and ordinary ones that do not. None where the model has no such id.

    `cues` are further constants that the program compares ids with: a marker of an entity, a mask, an image.
    """

    pad: int | None
    eos: int | None
    ordinary: tuple[int, ...]
    cues: tuple[int, ...] = ()


def holder(source: Any) -> Any:
    """What holds the special ids: the text part of a config, a module's config, the module's own attributes, or the
    config of the first module in it that has ids."""
    config = _configured(source) if isinstance(source, torch.nn.Module) else source
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _configured(module: torch.nn.Module) -> Any:
    if getattr(module, "config", None) is not None:
        return module.config
    if any(hasattr(module, f"{name}_token_id") for name in ("pad", "eos")):
        return module
    configs = (getattr(part, "config", None) for part in module.modules())
    return next((config for config in configs if hasattr(config, "pad_token_id")), module)


def vocabulary(source: Any, compared: Collection[int] = ()) -> Vocabulary:
    """The ids of a config or of a module without one (None: no ids); `compared` are those the program looks for.

    Ordinary ids are small, so that they stay valid in a small vocabulary; in a very small one they come again.
    """
    names = ("pad", "eos", "bos", "cls", "sep", "mask")
    special = {name: _special(holder(source), f"{name}_token_id") for name in names}
    taken = {i for i in special.values() if i is not None} | {0, 1, 2} | set(compared)
    wanted, size = ROWS * max(LENGTHS), vocabulary_size(source)
    stop = min(3 + wanted + len(taken), size) if isinstance(size, int) else 3 + wanted + len(taken)
    ordinary = [i for i in range(3, stop) if i not in taken] or [0]
    known = {special["pad"], special["eos"]}
    cues = sorted(c for c in set(compared) - known if c >= 0 and (size is None or c < size))
    return Vocabulary(special["pad"], special["eos"], tuple(islice(cycle(ordinary), wanted)), tuple(cues[:MOST_CUES]))


def vocabulary_size(source: Any) -> int | None:
    """How many ids there are: as the config says, else as many as the first table of embeddings has."""
    size = getattr(holder(source), "vocab_size", None)
    if isinstance(size, int) or not isinstance(source, torch.nn.Module):
        return size if isinstance(size, int) else None
    tables = (part.num_embeddings for part in source.modules() if isinstance(part, torch.nn.Embedding))
    return next(tables, None)


def _special(config: Any, field: str) -> int | None:
    """A special id; None where there is none, or none in the vocabulary (a default config may name such a one)."""
    value = getattr(config, field, None)
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    size = getattr(config, "vocab_size", None)
    inside = isinstance(value, int) and value >= 0 and not (isinstance(size, int) and value >= size)
    return int(value) if isinstance(value, int) and inside else None


#: The names that forwards give to their inputs, by what they hold.
IDS = ("input_ids", "inputs", "ids", "tokens", "token_ids")
MASKS = ("attention_mask", "mask", "input_mask")
#: Further inputs that a forward may require, from the mask of shape (rows, length).
DERIVED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "token_type_ids": torch.zeros_like,
    "position_ids": lambda mask: torch.arange(mask.shape[1]).expand_as(mask).clone(),
    "lengths": lambda mask: mask.sum(1),
    "seq_lens": lambda mask: mask.sum(1),
    "sequence_lengths": lambda mask: mask.sum(1),
    "padding_mask": lambda mask: mask == 0,
    "key_padding_mask": lambda mask: mask == 0,
}
#: Inputs that a head may want though a forward has a default for them, from the mask.
WANTED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "global_attention_mask": lambda mask: (torch.arange(mask.shape[1]) == 0).long().expand_as(mask).clone(),
}
#: Inputs of models that read a page, which a forward cannot do without though it has defaults for them.
PAGE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "image": lambda mask: torch.zeros(mask.shape[0], 3, 56, 56),
    "bbox": lambda mask: torch.zeros(*mask.shape, 4, dtype=torch.long),
}
#: Further inputs that tell padding by themselves -> which positions are none, from the input and the positions.
TELLING: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    **dict.fromkeys(("padding_mask", "key_padding_mask"), lambda mask, _: mask == 0),
    **dict.fromkeys(("lengths", "seq_lens", "sequence_lengths"), lambda counts, at: at < counts[:, None]),
}
#: Those that count, which say where padding is only if it is on the right.
COUNTS = {"lengths", "seq_lens", "sequence_lengths"}


@dataclass(frozen=True)
class Signature:
    """The names of the inputs that a forward is given: ids, mask if it takes one, and what is derived from the mask.

    `choices`: how many texts each row holds, on an axis behind the rows; 1 without that axis.
    """

    ids: str
    mask: str | None
    derived: tuple[str, ...]
    choices: int = 1
    optional: frozenset[str] = frozenset()

    def with_head(self, choices: int, wanted: Collection[str]) -> Signature:
        """The same with an axis of choices, and with inputs that a head wants where the forward takes them."""
        more = tuple(name for name in wanted if name in self.optional and name in WANTED | PAGE)
        return replace(self, choices=choices, derived=(*self.derived, *more))

    @property
    def masked(self) -> bool:
        """Whether any position can be masked."""
        return self.mask is not None or bool(TELLING.keys() & {*self.derived} - COUNTS)

    @property
    def counted(self) -> bool:
        """Whether tokens are counted."""
        return bool(COUNTS & {*self.derived})


def signature(forward: Callable[..., Any], known: Collection[str] = ()) -> Signature:
    """Read the inputs off the parameter names of a forward; those `known` are given anyhow. TargetError when they do
    not tell."""
    parameters = inspect.signature(forward).parameters
    ids = next((n for n in IDS if n in parameters), None)
    mask = next((n for n in MASKS if n in parameters), None)
    required = {
        n for n, p in parameters.items() if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    if PAGE.keys() <= parameters.keys():
        required |= PAGE.keys()
    missing = sorted(required - {ids, mask, *DERIVED, *PAGE, *known})
    if ids is None or missing:
        unknown = ", ".join(missing) or "none holds the token ids"
        raise TargetError(
            message(
                "the inputs of the model are not known by their names",
                where=f"forward({', '.join(parameters)})",
                why=f"unknown: {unknown}",
                do="give one layout: archtrace.trace(module, inputs={...}), or name the ids input_ids",
            )
        )
    derived = tuple(n for n in (*DERIVED, *PAGE) if n in required)
    return Signature(ids, mask, derived, optional=frozenset(parameters) - required)


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


def layouts(names: Signature, words: Vocabulary, length: int) -> dict[str, Layout]:
    """Every layout of one length that says something about a model with these inputs and ids."""
    usual = {
        name: _layout(pattern, names, words, length)
        for name, pattern in PATTERNS.items()
        if (words.eos is not None or name not in ABOUT_EOS) and _can_pad(name, names, words)
    }
    cued = {
        f"id_{cue}_{name}": _layout(pattern, names, words, length, cue)
        for cue in words.cues
        for name, pattern in CUE_PATTERNS.items()
    }
    return usual | cued


def _can_pad(name: str, names: Signature, words: Vocabulary) -> bool:
    """Whether a model can be told of the padding of a pattern, if it has any."""
    if name == "masked_tail":
        return names.masked
    counted = names.counted and name == "right_padded"
    return name not in ABOUT_PADDING or words.pad is not None or names.masked or counted


def _layout(pattern: Pattern, names: Signature, words: Vocabulary, length: int, cue: int | None = None) -> Layout:
    rows = ROWS * names.choices
    ids = torch.tensor(list(islice(cycle(words.ordinary), rows * length))).reshape(rows, length)
    mask = torch.ones(rows, length, dtype=torch.long)
    for row in range(rows):
        padding = pattern.padding(length, row)
        if words.eos is not None:
            ids[row, list(pattern.eos(length, row))] = words.eos
        if cue is not None:
            ids[row, list(pattern.cue(length, row))] = cue
        if padding is not None:
            mask[row, list(padding)] = 0
            if pattern.pads_ids and words.pad is not None:
                ids[row, list(padding)] = words.pad
    layout = {names.ids: ids} | ({names.mask: mask} if names.mask else {})
    layout |= {n: (DERIVED | PAGE | WANTED)[n](mask) for n in names.derived}
    return (
        layout if names.choices == 1 else {n: v.reshape(ROWS, names.choices, *v.shape[1:]) for n, v in layout.items()}
    )


def told(layout: Mapping[str, torch.Tensor], words: Vocabulary) -> dict[str, torch.Tensor]:
    """Each way in which a model can tell padding, as it is written: which positions are none, (rows, length).

    By a mask, else by what stands for one; by the pad id; by counts where nothing else tells.
    """
    ids, masks = (
        {name: layout[name].flatten(0, -2) for name in names if name in layout and layout[name].ndim >= 2}
        for names in (IDS, MASKS)
    )
    masks = {name: value != 0 for name, value in masks.items()}
    by_id = {f"{name} != pad_token_id": value != words.pad for name, value in ids.items() if words.pad is not None}
    at = torch.arange(next((value.shape[1] for value in ids.values()), 0))
    others = {name: tell(layout[name], at) for name, tell in TELLING.items() if name in layout}
    marked = {name: flags for name, flags in others.items() if name not in COUNTS}
    return masks | marked | by_id or others


def attended(layout: Mapping[str, torch.Tensor], words: Vocabulary) -> torch.Tensor | None:
    """Which positions are not padding, of shape (rows, length), in the first way to tell; None if unknown."""
    return next(iter(told(layout, words).values()), None)
