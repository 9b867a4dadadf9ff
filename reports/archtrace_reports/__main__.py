"""python -m archtrace_reports: the command line."""

from __future__ import annotations

from archtrace_reports.commands.cli import main

if __name__ == "__main__":
    main()
