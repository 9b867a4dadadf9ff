"""Write: answers to files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from archtrace_reports.text.report import Report


def write(editions: Sequence[Report], folder: Path) -> None:
    """Make the atlas of some editions, the newest first, in a folder.

    Raises TargetError where the folder holds other things than an atlas, or may not be written; OSError where the disk
    is full. What is not answered is a row with its reason.
    """
    from archtrace_reports.atlas.site.folder import fill

    fill(folder, dict(files(editions)))


def files(editions: Sequence[Report]) -> Iterator[tuple[str, str]]:
    """Each file of the atlas: its name from the folder on, and its text. The same answers give the same bytes."""
    from archtrace_reports.atlas.site import atlas_text, document, pages
    from archtrace_reports.atlas.site.editions import comparisons, names_of
    from archtrace_reports.atlas.site.folder import MARK
    from archtrace_reports.atlas.site.rows import rows_of

    names, rows = names_of(editions), rows_of(editions)
    compared = comparisons(rows, names)
    yield MARK, document.text_of(document.document(editions, names, rows, compared))
    lines = [atlas_text.line(row, names) for row in rows]
    yield "index.html", pages.index(lines, names)
    yield "versions.html", pages.versions(rows, lines, compared, names)
    for page, own in groupby(rows, key=lambda row: row.name.page):
        yield page, pages.model_type([*atlas_text.sections([*own], names)], names)
    yield from pages.assets()
