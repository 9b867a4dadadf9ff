"""Site: the atlas as a folder of files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from archtrace_reports.files import replace
from archtrace_reports.formats.to_json import document
from archtrace_reports.report import Report


def write(editions: Sequence[Report], folder: Path) -> None:
    """Write atlas.json: the answers of each edition, the one that was just made first."""
    replace(folder / "atlas.json", json.dumps({"editions": [document(each) for each in editions]}) + "\n")
