"""Pages: the templates of the atlas filled in. Style and scripts are files that all pages share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from archtrace_reports.atlas.site import atlas_text
from archtrace_reports.atlas.site import rows as names_of_rows
from archtrace_reports.atlas.site.editions import EditionChange
from archtrace_reports.atlas.site.folder import GENERATOR, MARK
from archtrace_reports.atlas.site.rows import AtlasRow
from archtrace_reports.formats.html.page import environment, script, style

HERE = Path(__file__).parent
#: Nothing but the files of the atlas itself.
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'"


def index(lines: Sequence[atlas_text.TableRow], names: Sequence[str]) -> str:
    """The table of all rows, family by family."""
    newest = [line for line in lines if line.family != atlas_text.GONE]
    counts = Counter(line.status for line in newest)
    marks = {kind for line in lines for kind in dict(line.marks)["kind"].split()}
    heads = {dict(line.marks)["head"]: line.head for line in lines if line.head}
    return _fill(
        "index.html.j2",
        families=atlas_text.families(lines),
        kinds=[
            (mark, name.replace("_", " ")) for name in atlas_text.FAMILIES if (mark := atlas_text.mark(name)) in marks
        ],
        total=len(newest),
        types=len({line.name.model_type for line in newest}),
        counts=counts,
        heads=list(heads.items()),
        names=names,
    )


def versions(
    rows: Sequence[AtlasRow],
    lines: Sequence[atlas_text.TableRow],
    compared: Sequence[EditionChange],
    names: Sequence[str],
) -> str:
    """What changed from edition to edition, and every row that several of them speak of."""
    both = [
        (line, {each.name: each for each in atlas_text.editions(row, names)})
        for row, line in zip(rows, lines, strict=True)
        if sum(outcome is not None for outcome in row.outcomes) > 1
    ]
    return _fill("versions.html.j2", compared=compared, both=both, names=names)


def model_type(sections: Sequence[atlas_text.Section], names: Sequence[str]) -> str:
    """The page of one model type."""
    name = sections[0].line.name.model_type or names_of_rows.UNTYPED
    return _fill("type.html.j2", root="../", title=name, sections=sections, names=names)


def assets() -> Iterator[tuple[str, str]]:
    """What all pages share."""
    yield "assets/site.css", style() + _text("atlas.css")
    yield "assets/page.js", script()
    yield "assets/atlas.js", _text("atlas.js")


def _fill(template: str, root: str = "", **values: Any) -> str:
    """A page; `root` leads from it to the folder of the atlas."""
    shared = {"policy": POLICY, "generator": Markup(GENERATOR), "mark": MARK}
    return f"{_environment().get_template(template).render(root=root, **shared, **values)}\n"


@cache
def _text(name: str) -> str:
    return (HERE / "assets" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    made = environment(HERE / "templates")
    made.filters["humps"] = _humps
    return made


def _humps(text: str) -> Markup:
    """A name that a narrow column breaks before a capital or a sign, and nowhere else."""
    return Markup("<wbr>").join(re.split(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[/._-])(?=.)", text))
