"""What the tests of check share: code that is wrong, and the real command line in a folder of its own."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"
RIGHT = "def first(hidden_states):\n    return hidden_states[:, 0]\n"
#: Wrong, and with what its fix needs.
FIXABLE = f"import torch\n\n\n{WRONG}"

PROGRAM = (sys.executable, "-W", "error", "-m", "archtrace_reports.commands.cli", "check")


def check(folder: Path, *arguments: str, bound: bool = False) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, where its cache goes too; no warning is let pass. `bound`: by modes, also as root."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder),
        preexec_fn=be_bound if bound and os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def environment(folder: Path) -> dict[str, str]:
    """The environment with a cache folder beside the folder."""
    return dict(os.environ) | {"XDG_CACHE_HOME": str(folder.parent / f"{folder.name}-cache")}


def be_bound() -> None:
    """Give up the right of root to read and write whatever it likes; what is run next has it no more."""
    drop, override, search = 24, 1, 2
    libc = ctypes.CDLL(None, use_errno=True)
    for right in (override, search):
        if libc.prctl(drop, right, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
