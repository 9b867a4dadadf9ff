"""For training runs: examine the first batch before the first step, and stop where the wrong token is read."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from transformers import TrainerCallback

from archtrace.answer.diagnosis import Diagnosis
from archtrace.errors import ArchtraceError, SetupError, message
from archtrace.setup.first_batch import FirstBatch, examine_first_batch

LOG = logging.getLogger("archtrace")


class SetupWarning(UserWarning):
    """A training run goes on, though its setup is wrong or could not be examined."""


class SetupCallback(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Examines model, tokenizer and first batch of a `transformers.Trainer` before the first step is made.

    `on_wrong`: "stop" raises SetupError, which names the token that is read, the one that should be, and the line to
    change; "warn" gives the same text as a SetupWarning, and the run goes on. The run also goes on, with a warning of
    one line, where the setup cannot be examined or the diagnosis is unknown.

    `diagnosis`: of the first batch, None before it and where it could not be examined. `seconds`: how long that took,
    None before the first batch. Model, loader and random generators are left as they were: a run with the callback ends
    with the weights of a run without it.
    """

    def __init__(self, on_wrong: Literal["stop", "warn"] = "stop") -> None:
        if on_wrong not in ("stop", "warn"):
            do = 'write SetupCallback("stop") or SetupCallback("warn")'
            raise ArchtraceError(message(f"on_wrong is {on_wrong!r}", where="SetupCallback", do=do))
        self.on_wrong = on_wrong
        self.diagnosis: Diagnosis | None = None
        self.seconds: float | None = None
        self._first_batch: FirstBatch | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Start afresh: one callback may serve several runs."""
        self.diagnosis = self.seconds = None
        self.on_train_end(args, state, control)

    def on_step_begin(
        self, args: Any, state: Any, control: Any, *, model: Any = None, processing_class: Any = None, **others: Any
    ) -> None:
        """Wait for the next call of the model, which is with the batch of the first step: no event of the Trainer has
        that batch, and the model may have been called earlier to be evaluated (`eval_on_start`)."""
        if self._first_batch is None:
            tokenizer, labels = _tokenizer_in(processing_class), frozenset(args.label_names or ())
            self._first_batch = FirstBatch(
                model,
                lambda batch: self._examine(model, {n: v for n, v in batch.items() if n not in labels}, tokenizer),
                compiled=bool(args.torch_compile),
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Leave no hook on the model."""
        if self._first_batch is not None:
            self._first_batch.remove()
        self._first_batch = None

    def _examine(self, model: Any, batch: Mapping[str, Any], tokenizer: Any) -> None:
        began = time.perf_counter()
        try:
            self.diagnosis = examine_first_batch(model, batch, tokenizer)
        except ArchtraceError as error:
            _warn(f"archtrace could not examine this setup, and training goes on: {' '.join(str(error).split())}")
        finally:
            self.seconds = time.perf_counter() - began
        if self.diagnosis is not None:
            self._report(self.diagnosis)

    def _report(self, diagnosis: Diagnosis) -> None:
        if diagnosis.opinion == "right":
            LOG.info("the setup of %s is right: %s", diagnosis.target, diagnosis.reason)
        elif diagnosis.opinion == "unknown":
            _warn(f"archtrace cannot tell whether this setup is right, and training goes on: {diagnosis.reason}")
        elif self.on_wrong == "stop":
            raise SetupError(_wrong_setup(diagnosis))
        else:
            _warn(_wrong_setup(diagnosis))


def _tokenizer_in(processing_class: Any) -> Any:
    """The tokenizer, which may be a part of a processor; None where there is none."""
    candidates = (processing_class, getattr(processing_class, "tokenizer", None))
    return next((tokenizer for tokenizer in candidates if hasattr(tokenizer, "get_vocab")), None)


def _wrong_setup(diagnosis: Diagnosis) -> str:
    """The message about a wrong setup."""
    return message(
        f"this setup is wrong: {', '.join(fault.code for fault in diagnosis.faults)}",
        where=f"the first batch of {diagnosis.target}, before the first step",
        why="; ".join(fault.told for fault in diagnosis.faults),
        do="; ".join(fault.change for fault in diagnosis.faults),
    )


def _warn(text: str) -> None:
    # The source line that Python shows with the warning is the Trainer's, which calls the callback.
    warnings.warn(text, SetupWarning, stacklevel=2)
