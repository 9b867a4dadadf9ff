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

`archtrace TARGET --format json` writes one document, for example

```json
{{
  "format": {number},
  "results": [{{"target": "bert", "status": "exact", "readouts": [{{"slice": "last_hidden_state[:, 0]"}}]}}]
}}
```

with many more keys. The [schema](../reports/archtrace_reports/formats/schema/result-{number}.json) describes them all;
`python docs/make_json_page.py` makes this page from it. Your program should ignore keys that it does not know: new keys
may come at any time. If the meaning of a key changes, `format` gets a new number.

* **Format 3**: `run` has everything that differs from run to run: when the model was traced, how many seconds each
  stage took, and whether the answer comes from the cache. `--reproducible` leaves `run` out; then the same question
  gives the same document.
* **Format 2**: an answer may be about any output of the forward. `output` names it, and `outputs` lists all that
  there are. A parameter is dead only if it reaches none of them. If the output has positions, `each` says for each
  layout what reaches each position, and `relations` describes it. New keys: `others` (the tokens of further texts),
  `padding` (which positions are padding), `fields` (which part of an image is at a position), `work` (what is
  computed in vain), `texts` (the tokens of your texts), `setup` (whether model and tokenizer agree), `frame` (the
  special tokens around a text), and `early` (a step that runs on every position, before one is picked).
* **Format 1** was only about the logits. `archtrace diff` still reads it.
"""

SECOND = """\
## Comparisons

`archtrace diff A B --format json` writes another kind of document, format {number}.
[Its schema](../reports/archtrace_reports/formats/schema/diff-{number}.json) describes it.
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
    return "\n".join([*parts, f"## Types used above\n\n{named}", SECOND.format(number=DIFF), *tables])


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
