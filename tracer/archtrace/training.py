"""For training runs: look at the first batch before the first step, and stop where the wrong token is read."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from transformers import TrainerCallback

from archtrace.answer.diagnosis import Diagnosis
from archtrace.errors import ArchtraceError, SetupError, message
from archtrace.setup.first_batch import FirstBatch, examined

LOG = logging.getLogger("archtrace")


class SetupWarning(UserWarning):
    """Of a training run that goes on, though its setup is wrong or nothing could be told of it."""


class SetupCallback(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Examines model, tokenizer and first batch of a `transformers.Trainer` before the first step is made.

    `on_wrong`: "stop" raises SetupError, which says what is read, what is meant and the line to change; "warn" says the
    same as a SetupWarning, and the run goes on. It goes on too, with a warning of one line, where nothing can be told.

    `diagnosis` is what was found, None where nothing was; `seconds` what that took, None before the first batch. Model,
    loader and random generators are left as they were: a run with the callback gives the weights of a run without.
    """

    def __init__(self, on_wrong: Literal["stop", "warn"] = "stop") -> None:
        if on_wrong not in ("stop", "warn"):
            do = 'write SetupCallback("stop") or SetupCallback("warn")'
            raise ArchtraceError(message(f"on_wrong is {on_wrong!r}", where="SetupCallback", do=do))
        self.on_wrong = on_wrong
        self.diagnosis: Diagnosis | None = None
        self.seconds: float | None = None
        self._waiting: FirstBatch | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """A callback may serve several runs."""
        self.diagnosis = self.seconds = None
        self.on_train_end(args, state, control)

    def on_step_begin(
        self, args: Any, state: Any, control: Any, *, model: Any = None, processing_class: Any = None, **others: Any
    ) -> None:
        """The next call of the model is with the batch of the first step. No event of the Trainer has that batch, and
        before the first step the model may have been called to evaluate it (`eval_on_start`)."""
        if self._waiting is None:
            tokenizer, labels = _tokenizer_in(processing_class), frozenset(args.label_names or ())
            self._waiting = FirstBatch(
                model,
                lambda batch: self._look(model, {n: v for n, v in batch.items() if n not in labels}, tokenizer),
                compiled=bool(args.torch_compile),
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Nothing stays on the model."""
        if self._waiting is not None:
            self._waiting.leave()
        self._waiting = None

    def _look(self, model: Any, batch: Mapping[str, Any], tokenizer: Any) -> None:
        began = time.perf_counter()
        try:
            self.diagnosis = examined(model, batch, tokenizer)
        except ArchtraceError as error:
            _warn(f"archtrace could not examine this setup, and training goes on: {' '.join(str(error).split())}")
        finally:
            self.seconds = time.perf_counter() - began
        if self.diagnosis is not None:
            self._tell(self.diagnosis)

    def _tell(self, found: Diagnosis) -> None:
        if found.opinion == "right":
            LOG.info("the setup of %s is right: %s", found.target, found.reason)
        elif found.opinion == "unknown":
            _warn(f"archtrace cannot tell whether this setup is right, and training goes on: {found.reason}")
        elif self.on_wrong == "stop":
            raise SetupError(_told(found))
        else:
            _warn(_told(found))


def _tokenizer_in(processing_class: Any) -> Any:
    """The tokenizer, which may be a part of a processor; None where there is none."""
    found = (processing_class, getattr(processing_class, "tokenizer", None))
    return next((each for each in found if hasattr(each, "get_vocab")), None)


def _told(found: Diagnosis) -> str:
    """What is wrong, as a message."""
    return message(
        f"this setup is wrong: {', '.join(fault.code for fault in found.faults)}",
        where=f"the first batch of {found.target}, before the first step",
        why="; ".join(fault.told for fault in found.faults),
        do="; ".join(fault.change for fault in found.faults),
    )


def _warn(text: str) -> None:
    # The line that is shown is nobody's: the Trainer's own, which calls back.
    warnings.warn(text, SetupWarning, stacklevel=2)
