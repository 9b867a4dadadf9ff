"""Write docs/rules/models.md: what the graph rules say of each sequence classifier of the library, by default config.

    python docs/rules/make_models.py [TYPE...]

Each model is traced in a process of its own, two at a time, and given up after LIMIT seconds. Types that are named are
printed and not written.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

LIMIT = 300
FILE = Path(__file__).with_name("models.md")

#: Asked of each: both sides of padding, and what an adapter leaves out that saves `classifier` and `score`.
CHILD = """
import json, sys, warnings
warnings.simplefilter("ignore")
from archtrace.contract.contract import declared
from archtrace.contract.examine import examine
from archtrace.contract.judge import judge
from archtrace.contract.rules.at008_head_not_saved import SAVED

name = sys.argv[1]
table = {"target": name, "padding": "either", "modules_to_save": []}
model = examine(declared(name, table, "models.md"))
read = {r.layout for n, readout in enumerate(model.result.readouts) for r in model.reads(readout) if not r.attended}
print(json.dumps({
    "reads": ", ".join(readout.kind for readout in model.result.readouts) or "nothing",
    "status": model.result.status,
    "codes": sorted({broken.code for broken in judge(model)} - {"AT004", "AT008"}),
    "pads": [side for side in ("right", "left") if f"{side}_padded" in read],
    "left_out": [path for path in model.head if not SAVED & set(path.split("."))],
}))
"""

TEXT = """# The classifiers of transformers

What the graph rules find in each sequence classifier of transformers {version}, with its default config. Made by
`python docs/rules/make_models.py`.

* *Reported*: the codes that a contract with only a `target` gets. If a default config has no pad id, that is AT012;
  mostly, real checkpoints of the family have none either.
* *Falls on pads*: with padding on this side, the model reads a pad (AT004, if a contract declares that side).
* *Left out*: modules with parameters between the readout and the logits that PEFT does not save by default (AT008).

If the status is `bound`, the model may have fewer of these problems than the table says. MRA is traced without its CUDA
kernel; its code then returns zeros, hence AT005 and AT007.

{counts}

| Type | Reads | Status | Reported | Falls on pads | Left out |
| --- | --- | --- | --- | --- | --- |
{rows}

No answer: {missing}.
"""


def asked(name: str) -> dict[str, Any] | str:
    """What a child says of one type; why there is no answer."""
    command = [sys.executable, "-c", CHILD, name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"none within {LIMIT} s"
    if done.returncode:
        error = next((line for line in done.stderr.splitlines() if line.startswith("archtrace.errors.")), "")
        return error.partition(": ")[2] or "a defect: " + (done.stderr.strip().splitlines() or ["killed"])[-1]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def row(name: str, told: dict[str, Any]) -> str:
    """One line of the table."""
    cells = [name, told["reads"], told["status"], *(", ".join(told[key]) for key in ("codes", "pads", "left_out"))]
    return "| " + " | ".join(cells) + " |"


def counts(answers: dict[str, dict[str, Any]]) -> str:
    """How many of each code."""
    number = Counter(code for told in answers.values() for code in told["codes"])
    listed = [f"{code} {count}" for code, count in sorted(number.items())]
    silent = sum(not told["codes"] for told in answers.values())
    return f"Of {len(answers)} that were answered: {', '.join(listed)}; nothing is reported for {silent}."


def main(names: list[str]) -> None:
    """Ask, and write the page."""
    import transformers

    from archtrace.targets.library import classifiers

    types = names or sorted(classifiers())
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(types, pool.map(asked, types), strict=True))
    answers = {name: told for name, told in found.items() if isinstance(told, dict)}
    missing = {name: told for name, told in found.items() if isinstance(told, str)}
    text = TEXT.format(
        version=transformers.__version__,
        counts=counts(answers),
        rows="\n".join(row(name, told) for name, told in answers.items()),
        missing="; ".join(f"{name} ({why})" for name, why in missing.items()) or "none",
    )
    if names:
        print(text)
    else:
        FILE.write_text(text, encoding="utf-8")
        sys.path.insert(0, str(FILE.parents[1]))
        import made_at

        made_at.stamp(FILE, __file__)


if __name__ == "__main__":
    main(sys.argv[1:])
