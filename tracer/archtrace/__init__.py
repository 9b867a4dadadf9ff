"""archtrace tells exactly which hidden-state slices a sequence classifier reads, without weights.

>>> import archtrace
>>> archtrace.trace("bert-base-uncased").readouts[0].slice     # doctest: +SKIP
'last_hidden_state[:, 0]'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archtrace.answer.version import __version__

if TYPE_CHECKING:
    from archtrace.readout.view import View
    from archtrace.tracing.trace import Trace, trace

__all__ = ["Trace", "View", "__version__", "trace"]


#: Where the public names live: torch is imported when one of them is asked for, not before.
_HOMES = {"trace": "archtrace.tracing.trace", "Trace": "archtrace.tracing.trace", "View": "archtrace.readout.view"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'archtrace' has no attribute {name!r}")
    from archtrace.tracing.optional_dependencies import require

    require()
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """What Tab offers: the public names, imported or not."""
    return sorted(__all__)
