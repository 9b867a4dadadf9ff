"""Quiet: a capture that fails is told once, by our own error."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator

#: Loggers that tell of the tracer's insides.
_LOGGERS = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings, logs, and the partial graph that torch.export prints when it fails; let the model's own
    prints through."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    printed, graph = io.StringIO(), ""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(printed):
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.disabled = True
            yield
    except Exception as error:
        graph = str(getattr(error, "partial_fx_graph", ""))
        raise
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
        rest = printed.getvalue().replace(graph, "").strip()
        if rest:
            print(rest, file=sys.stderr)
