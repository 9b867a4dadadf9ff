"""Parts: a traced model, a tokenizer and some texts, as all that examines them shares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import archtrace.layouts as lay
from archtrace.setup.batch import Looked, look
from archtrace.targets.fills import nested
from archtrace.targets.texts import NO_LIMIT
from archtrace.tracing import Trace

#: The same model with other fields in its config, traced.
Again: TypeAlias = Callable[[Mapping[str, Any]], Trace]


@dataclass(frozen=True)
class Setup:
    """One model with one tokenizer and some texts; `again` traces the model with other fields in its config.

    `sampled`: nobody gave a text, so that conversations of the tokenizer's chat template count as much as plain ones.
    """

    trace: Trace
    tokenizer: Any
    texts: Sequence[str]
    pairs: Sequence[str] | None
    again: Again
    sampled: bool = False

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What the readouts are (archtrace.answer.kinds)."""
        return frozenset(readout.kind for readout in self.trace.readouts)

    @property
    def reads_last(self) -> bool:
        """Whether nothing is read but the last token, or the last that is no padding."""
        return bool(self.kinds) and self.kinds <= {"last", "last_non_pad"}

    @property
    def source(self) -> Any:
        """What holds the ids: the config, or a module without one."""
        return self.trace.module if self.trace.config is None else self.trace.config

    @property
    def pad(self) -> int | None:
        """The pad id that the model is told."""
        return lay.vocabulary(self.source).pad

    @property
    def pad_field(self) -> str:
        """The pad id's name in the config: a composite config has it in the part that the head asks."""
        asked = lay.holder(self.trace.config)
        parts = nested("", self.trace.config) if self.trace.config is not None else ()
        return f"{next((path for path, part in parts if part is asked), '')}pad_token_id"

    @property
    def pad_line(self) -> str:
        """The line that gives the model the tokenizer's pad id."""
        return f"model.config.{self.pad_field} = {self.tokenizer.pad_token_id}  # the tokenizer's"

    @property
    def own_pad(self) -> str:
        """The line that gives padding a token of its own."""
        return (
            "tokenizer.add_special_tokens({'pad_token': '<pad>'}); model.resize_token_embeddings(len(tokenizer)); "
            f"model.config.{self.pad_field} = tokenizer.pad_token_id"
        )

    @property
    def limit(self) -> int | None:
        """The most tokens that the tokenizer leaves of a text; None without a limit, which tokenizers write as 1e30."""
        limit = getattr(self.tokenizer, "model_max_length", NO_LIMIT)
        return int(limit) if limit < NO_LIMIT else None

    def is_special(self, index: int) -> bool:
        """Whether an id is one of the tokenizer's special tokens."""
        return index in self.tokenizer.all_special_ids

    def row(self, number: int) -> tuple[Sequence[str], Sequence[str] | None]:
        """One text, with the other of its pair."""
        return [self.texts[number]], None if self.pairs is None else [self.pairs[number]]

    def one(self, number: int) -> Looked:
        """What is read of one text alone."""
        return look(self.trace, self.tokenizer, *self.row(number))

    def together(self, traced: Trace | None = None, tokenizer: Any = None) -> Looked:
        """All texts in one batch, of this model and tokenizer or of others."""
        return look(traced or self.trace, self.tokenizer if tokenizer is None else tokenizer, self.texts, self.pairs)
