"""Files: text goes out whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import TextIO

#: What a terminal without Unicode shows instead; each as wide as what it stands for.
_TWINS = str.maketrans({"→": ">", "·": ".", "─": "-", "…": "~"})


def write(text: str, output: Path | None) -> None:
    """To the file, or to stdout where there is none."""
    if output is None:
        sys.stdout.write(encodable(text, sys.stdout))
        sys.stdout.flush()
    elif output.exists() and not output.is_file():
        output.write_text(text, "utf-8")  # a device or a pipe: there is nothing to replace
    else:
        replace(output.resolve(), text)


def encodable(text: str, stream: TextIO) -> str:
    """The text as the stream's encoding can hold it."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_TWINS).encode(encoding, "backslashreplace").decode(encoding)
    return text


def replace(file: Path, content: str | bytes) -> None:
    """Write beside the file, then put it in its place: nobody ever sees half of it. Mode and owner stay."""
    beside = file.with_name(f".archtrace-{os.urandom(8).hex()}.tmp")
    try:
        with beside.open("xb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
        if file.exists():
            _copy_attributes(file, beside)
        beside.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _copy_attributes(file: Path, other: Path) -> None:
    """Give a file the owner and mode of another; only root may give files away."""
    status = file.stat()
    with contextlib.suppress(OSError, AttributeError):
        os.chown(other, status.st_uid, status.st_gid)
    other.chmod(stat.S_IMODE(status.st_mode))


def why_unwritable(output: Path) -> str | None:
    """Why a file cannot be written; None where it can. To be called before any work is done."""
    if output.is_dir():
        return f"{output} is a folder"
    if not output.parent.is_dir():
        return f"there is no folder {output.parent}"
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        return f"{output} may not be written"
    return None
