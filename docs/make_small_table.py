"""Write tracer/archtrace/witness/small_model.json: how small each of the library's default configs can be made.

python docs/make_small_table.py [model types]      (hours for all; what was found before is taken from the user's cache)

The table saves the search, not the check: a trace takes an entry only if the small model keeps skeleton and bounds.
The search counts parameters, not activations: deepseek_v3's entry was made smaller by hand (4 heads, 16 experts).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from archtrace.targets import prepare, resolve
from archtrace.targets.library import classifiers
from archtrace.witness.small_model import remembered

FILE = Path(__file__).parents[1] / "tracer" / "archtrace" / "witness" / "small_model.json"


def main(wanted: list[str]) -> None:
    """Collect the overrides of each model type; keep what the file says of the others."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in wanted or classifiers():
        overrides = _overrides(name)
        if overrides:
            found[name] = overrides
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"{FILE.name}: {len(found)} model types")


def _overrides(name: str) -> dict[str, int] | None:
    try:
        target = resolve(name)
        prepare(target)  # settles the config as a trace does: what was found is kept under its digest
        if remembered(target) is None:
            subprocess.run(
                [sys.executable, "-m", "archtrace_reports.commands.cli", name, "--fresh"],
                capture_output=True,
                check=False,
            )
        return remembered(target)
    except Exception as error:
        print(f"{name}: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
