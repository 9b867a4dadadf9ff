"""python -m archtrace: the command line, whoever has signed up as the console script `archtrace`."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

if __name__ == "__main__":
    scripts = entry_points(group="console_scripts", name="archtrace")
    sys.exit(next(iter(scripts)).load()())
