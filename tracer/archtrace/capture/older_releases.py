"""What older releases of transformers and huggingface_hub name or place otherwise.

Releases are recognised by what they contain, not by their numbers.
"""

from __future__ import annotations

import inspect
import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import cast


def no_init_weights() -> AbstractContextManager[None]:
    """The library's own switch for building models without drawing their weights."""
    if find_spec("transformers.initialization"):
        from transformers.initialization import no_init_weights as switch  # since 5.0
    else:
        from transformers.modeling_utils import no_init_weights as switch
    return cast(AbstractContextManager[None], switch())


def is_missing_file(error: Exception) -> bool:
    """Whether the Hub said with this error that a repository has no such file."""
    from huggingface_hub import errors

    kind = getattr(errors, "RemoteEntryNotFoundError", errors.EntryNotFoundError)  # the former since 1.0
    return isinstance(error, kind) and not isinstance(error, errors.LocalEntryNotFoundError)


def ask_for_file(url: str, patience: float) -> None:
    """Ask the Hub once, for so many seconds, whether it has a file; raises its error, or that of the connection."""
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    if "retry_on_errors" in inspect.signature(get_hf_file_metadata).parameters:  # off by default
        get_hf_file_metadata(url, timeout=patience)
    else:
        # The function would try five times more, and print a line each time.
        hf_raise_for_status(get_session().head(url, headers=build_hf_headers(), timeout=patience))


def newer_for_experts(file: str) -> str:
    """The upgrade to install where this file of the library branches on parameters and newer ones do not; else empty.

    Before 5.0 its models loop over the experts that the router chose; since then they can compute all at once.
    """
    library = sys.modules.get("transformers")
    if library is None or not Path(file).is_relative_to(Path(str(library.__file__)).parent):
        return ""
    if hasattr(library.PreTrainedModel, "set_experts_implementation"):
        return ""
    return "pip install 'transformers>=5.0', whose experts need no branch"
