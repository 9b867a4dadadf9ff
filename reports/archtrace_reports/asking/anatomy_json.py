"""Parcel: an anatomy as plain JSON between processes of ours; `--format json` has none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archtrace.answer.drawing import Anatomy


def pack(anatomy: Anatomy | None) -> Any:
    """Plain dicts and lists."""
    from cattrs import unstructure

    return unstructure(anatomy)


def unpack(value: Any) -> Anatomy | None:
    """The frozen values again. Raises cattrs' errors where the value was not packed here."""
    from cattrs import structure

    from archtrace.answer.drawing import Anatomy

    return None if value is None else structure(value, Anatomy)
