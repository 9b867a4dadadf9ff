"""A traced model and what it is given: what every part of an examination starts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.kinds import KINDS, without_padding
from archtrace.setup.batch_reading import BatchReading
from archtrace.setup.given_texts import GivenInput, GivenTexts
from archtrace.setup.pad_id import pad_field
from archtrace.targets.tokenized import NO_LIMIT, Encoded, TextTokenizer
from archtrace.tracing.trace import Trace

#: The same model with another pad id in its config, traced in the layout of a batch.
Retrace: TypeAlias = Callable[[int, Encoded], Trace]


@dataclass(frozen=True)
class Setup:
    """One model and what it is given, texts or rows of ids. `retrace` traces the model with another pad id."""

    trace: Trace
    given: GivenInput
    retrace: Retrace

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """The tokenizer; None where only rows of ids were given."""
        return self.given.tokenizer

    @property
    def texts(self) -> GivenTexts | None:
        """The texts with their tokenizer; None where rows of ids were given."""
        return self.given if isinstance(self.given, GivenTexts) else None

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of the readouts (archtrace.answer.kinds)."""
        return frozenset(readout.kind for readout in self.trace.readouts)

    @property
    def reads_last(self) -> bool:
        """Whether nothing is read but the last token, or the last that is no padding."""
        are_last = (without_padding(kind) == "last_non_pad" and not KINDS[kind].provided for kind in self.kinds)
        return bool(self.kinds) and all(are_last)

    @property
    def config_or_module(self) -> object:
        """What holds the ids of special tokens: the config, or the module where it has none."""
        return self.trace.module if self.trace.config is None else self.trace.config

    @property
    def model_pad_id(self) -> int | None:
        """The pad id of the model's config."""
        return lay.vocabulary_of(self.config_or_module).pad

    @property
    def pad_id_line(self) -> str:
        """The line that sets the config's pad id to the one of the texts or rows."""
        is_tokenizers = self.given.pad_id == getattr(self.tokenizer, "pad_token_id", None)
        whose = "the tokenizer's" if is_tokenizers else "what the batch is padded with"
        return f"model.config.{pad_field(self.trace.config)} = {self.given.pad_id}  # {whose}"

    @property
    def pad_token_line(self) -> str:
        """The line that adds a pad token of its own to tokenizer and model."""
        return (
            "tokenizer.add_special_tokens({'pad_token': '<pad>'}); model.resize_token_embeddings(len(tokenizer)); "
            f"model.config.{pad_field(self.trace.config)} = tokenizer.pad_token_id"
        )

    @property
    def max_length(self) -> int | None:
        """The tokens to which the tokenizer cuts a text; None without a limit, which tokenizers write as 1e30."""
        limit: float = getattr(self.tokenizer, "model_max_length", NO_LIMIT)
        return int(limit) if limit < NO_LIMIT else None

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids of the tokenizer's special tokens."""
        return frozenset(getattr(self.tokenizer, "all_special_ids", ()))

    def is_sure(self, *readings: BatchReading) -> bool:
        """Whether the readings are certain enough to call them wrong.

        A bound contains everything that is read, so it can always show that a setup is right. It may contain more, so
        it shows that one is wrong only where it has one position for a row: if anything is read, it is that one.
        """
        rows = (row for reading in readings for row in reading.texts.read)
        return self.trace.result.status == "exact" or all(len(row) < 2 for row in rows)

    def has_output_per_token(self, single_readings: Sequence[BatchReading]) -> bool:
        """Whether the second axis of the output is as long as each text, and is not merely that of the labels."""
        shapes = [reading.output_shape for reading in single_readings]
        lengths = [len(reading.ids(0)) for reading in single_readings]
        if not all(shape[1:2] == (length,) for shape, length in zip(shapes, lengths, strict=True)):
            return False
        labels: int | None = getattr(self.trace.config, "num_labels", None)
        return any(len(shape) > 2 or shape[1] != labels for shape in shapes)
