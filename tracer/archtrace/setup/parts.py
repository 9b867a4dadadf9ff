"""Parts: a traced model and what it is given, as all that examines them shares them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.kinds import KINDS, without_padding
from archtrace.setup.batch_reading import BatchReading
from archtrace.setup.given_texts import Given, GivenTexts
from archtrace.setup.pad_id import pad_field
from archtrace.targets.tokenized import NO_LIMIT, Encoded, TextTokenizer
from archtrace.tracing.trace import Trace

#: The same model with another pad id in its config, traced in the layout of a batch.
Retrace: TypeAlias = Callable[[int, Encoded], Trace]


@dataclass(frozen=True)
class Setup:
    """One model and what it is given, texts or rows of ids; `retrace` traces the model with another pad id."""

    trace: Trace
    given: Given
    retrace: Retrace

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """The tokenizer; None where only rows of ids were given."""
        return self.given.tokenizer

    @property
    def written(self) -> GivenTexts | None:
        """The texts with their tokenizer; None where rows of ids were given."""
        return self.given if isinstance(self.given, GivenTexts) else None

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What the readouts are (archtrace.answer.kinds)."""
        return frozenset(readout.kind for readout in self.trace.readouts)

    @property
    def reads_last(self) -> bool:
        """Whether nothing is read but the last token, or the last that is no padding."""
        sure = (without_padding(kind) == "last_non_pad" and not KINDS[kind].provided for kind in self.kinds)
        return bool(self.kinds) and all(sure)

    @property
    def source(self) -> object:
        """What holds the ids: the config, or a module without one."""
        return self.trace.module if self.trace.config is None else self.trace.config

    @property
    def pad(self) -> int | None:
        """The pad id that the model is told."""
        return lay.vocabulary_of(self.source).pad

    @property
    def pad_line(self) -> str:
        """The line that gives the model the pad id of what it is given."""
        tokenizers = self.given.pad == getattr(self.tokenizer, "pad_token_id", None)
        whose = "the tokenizer's" if tokenizers else "what the batch is padded with"
        return f"model.config.{pad_field(self.trace.config)} = {self.given.pad}  # {whose}"

    @property
    def own_pad(self) -> str:
        """The line that gives padding a token of its own."""
        return (
            "tokenizer.add_special_tokens({'pad_token': '<pad>'}); model.resize_token_embeddings(len(tokenizer)); "
            f"model.config.{pad_field(self.trace.config)} = tokenizer.pad_token_id"
        )

    @property
    def limit(self) -> int | None:
        """The most tokens that the tokenizer leaves of a text; None without a limit, which tokenizers write as 1e30."""
        limit: float = getattr(self.tokenizer, "model_max_length", NO_LIMIT)
        return int(limit) if limit < NO_LIMIT else None

    @property
    def special(self) -> frozenset[int]:
        """The ids of the tokenizer's special tokens."""
        return frozenset(getattr(self.tokenizer, "all_special_ids", ()))

    def is_sure(self, *looked: BatchReading) -> bool:
        """Whether what is read is known well enough to call it wrong. A bound leaves out nothing that is read, so that
        it may say right. It may hold more, so that it says wrong only of one position a row: that one, then, or none.
        """
        return self.trace.result.status == "exact" or all(len(row) < 2 for each in looked for row in each.texts.read)

    def by_position(self, singles: Sequence[BatchReading]) -> bool:
        """Whether the output is as long as each text; one with as many labels as the text has tokens is none."""
        if not all(each.output[1:2] == (len(each.ids(0)),) for each in singles):
            return False
        labels: int | None = getattr(self.trace.config, "num_labels", None)
        return any(len(each.output) > 2 or each.output[1] != labels for each in singles)
