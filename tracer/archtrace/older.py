"""What older releases of transformers and huggingface_hub name or place otherwise.

Told apart by what is there, and not by number.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import cast


def no_init_weights() -> AbstractContextManager[None]:
    """The library's own switch for building models without drawing their weights."""
    if find_spec("transformers.initialization"):
        from transformers.initialization import no_init_weights as found  # since 5.0
    else:
        from transformers.modeling_utils import no_init_weights as found
    return cast(AbstractContextManager[None], found())


def is_missing_file(error: Exception) -> bool:
    """Whether the Hub said with this error that a repository has no such file."""
    from huggingface_hub import errors

    kind = getattr(errors, "RemoteEntryNotFoundError", errors.EntryNotFoundError)  # the former since 1.0
    return isinstance(error, kind) and not isinstance(error, errors.LocalEntryNotFoundError)
