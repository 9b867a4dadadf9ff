"""Write docs/json.md, the page of the JSON format, from its schema.

Run as ``python docs/make_json_page.py``; a test holds that the page is what this makes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from archtrace_reports.diff.to_json import FORMAT as DIFF
from archtrace_reports.formats.to_json import FORMAT

PAGE = Path(__file__).with_name("json.md")
HEAD = """\
# The JSON format

`archtrace TARGET --format json` writes one document: format {number}, held by the
[schema](../reports/archtrace_reports/formats/schema/result-{number}.json), from which
`python docs/make_json_page.py` makes this page. Readers ignore keys that they do not know; the number rises when a
known key changes.

* **Format 3**: what differs from run to run stands in `run`: when it was traced, how many seconds each stage took,
  whether the answer was kept from before. `--reproducible` leaves it out; all else is the same each time.
* **Format 2**: `output` names the output that an answer is about, `outputs` all that the forward returns, and a
  parameter is dead only if it reaches none of them. An output with positions has `relations`, and in each layout what
  reaches `each` of its positions. `others` are the tokens of further texts, `padding` is told by input and tensor,
  `fields` say what of an image stands at a position, `work` counts what is computed in vain. `texts` names the tokens
  of a layout that was made of texts, `setup` says whether the tokenizer goes together with the model,
  `frame` what it sets around a text. A step is `early` where it runs on every position, before one is picked.
* **Format 1** was about the logits alone. `archtrace diff` still reads it.
"""

SECOND = """\
## What changes from one to another

`archtrace diff A B --format json` writes a document of its own, format {number}, held by
[its schema](../reports/archtrace_reports/formats/schema/diff-{number}.json).
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The whole page."""
    schema = _schema(f"result-{FORMAT}")
    objects = {"document": schema, **_objects(schema)}
    others = {name: d for name, d in schema["$defs"].items() if name not in objects and "description" in d}
    parts = [HEAD.format(number=FORMAT), *(_table(name, each) for name, each in objects.items())]
    named = "".join(f"* `{name}`: {each['description']}\n" for name, each in others.items())
    difference = _schema(f"diff-{DIFF}")
    tables = (_table(name, each, "###") for name, each in {"difference": difference, **_objects(difference)}.items())
    return "\n".join([*parts, f"## What is named above\n\n{named}", SECOND.format(number=DIFF), *tables])


def _schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        files("archtrace_reports").joinpath(f"formats/schema/{name}.json").read_text("utf-8")
    )
    return loaded


def _objects(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in schema["$defs"].items() if "properties" in each}


def _table(name: str, schema: dict[str, Any], level: str = "##") -> str:
    rows = (f"| `{key}` | {_type(value)} | {value.get('description', '')} |" for key, value in _keys(schema))
    lines = [f"{level} {name}", "", "| key | is | says |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _keys(schema: dict[str, Any], prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The properties, those of objects within them by dots."""
    found = []
    for key, value in schema["properties"].items():
        found.append((prefix + key, value))
        inner = value.get("items", value)
        if "properties" in inner:
            found += _keys(inner, f"{prefix}{key}.")
    return found


def _type(value: dict[str, Any]) -> str:
    """The type in words."""
    if "$ref" in value:
        return f"`{value['$ref'].rpartition('/')[2]}`"
    if "const" in value:
        return json.dumps(value["const"])
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "anyOf" in value:
        return " or ".join(map(_type, value["anyOf"]))
    kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
    return " or ".join(_named(kind, value) for kind in kinds)


def _named(kind: str, value: dict[str, Any]) -> str:
    if kind == "array" and "items" in value:
        return f"list of {_type(value['items'])}"
    if kind == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"name → {_type(value['additionalProperties'])}"
    return kind


if __name__ == "__main__":
    main()
