"""Site: the atlas as a folder of files, which a browser opens from disk."""

from __future__ import annotations

from archtrace_reports.atlas.site.folder import check
from archtrace_reports.atlas.site.write import write

__all__ = ["check", "write"]
