"""Write docs/rules/field.md: what the rules find in released packages, joined with what was judged by hand.

The wheels are unpacked side by side, a folder NAME-VERSION each, and read; nothing of them is run:

    python docs/rules/make_field.py FOLDER_OF_UNPACKED_WHEELS
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from archtrace.lint import UnreadableError, Violation, check_source

HERE = Path(__file__).parent

TEXT = """# Field test

What the source rules find in released wheels, downloaded by version and read, never run. Made by
`python docs/rules/make_field.py FOLDER`; the verdicts stand in `field.toml` and were given by reading each hit.

*right*: the code does what the rule says, and hands on a wrong vector for the inputs that the rule names; such inputs
may be rare. *loud*: it does, and raises where rows differ. *known*: it does, for the sake of old configs, in a branch
that says so. *wrong*: a false alarm: for no input does the code read another token than it means to. A package that has
no row has no hits. Files that are made of one another (`modular_*` and `modeling_*`) count each.

| Package | Files | Rule | Hits | right | loud | known | wrong | Of what kind |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{table}

{total} hits, {wrong} of them false alarms{open}. Without hits: {silent}.

## Counted by other means

{counted}

## Missed

{missed}

## Every hit

{hits}
"""

COUNTED = """\
Each by a search that shares nothing with the rules: all expressions of a kind, printed and read, the same line once.

* AT001 and AT002: every `x - 1`, `x.sub(1)`, `-1 + x` and `x -= 1` where x holds a reduction of something called mask,
  pad, ids, eos or tokens, or is called a length: 1,004 in all packages, and 63 of them are readouts. In transformers
  4.31.0 these are 14 classifiers in torch (13 that write `.sum(-1) - 1`, and Falcon, which writes `.sum(dim=-1) - 1`)
  and 5 in TensorFlow; in 4.48.3 they are 32 in torch and 6 in TensorFlow that write `argmax`, and BioGPT; in adapters
  4; in TRL 1. The rules find these and no more. The other 941 are position ids, blocks and convolutions of audio, masks
  of pretraining, `shift_tokens_right` (FSMT, mBART, PLBart), and bounds. In 5.23.0 there is no readout among them.
* AT002 and AT016: every `argmax`, `argmin`, `nonzero`, `argwhere`, `topk` and `searchsorted` on such names, in torch,
  TensorFlow and Flax: 375. Those that read hidden states at a pad or at the highest id are among the hits. (Those in
  files of image models were passed over by the name of the file.)
* AT003: every line that gives pad an eos. Beside TRL's 5 it is done by generators, a decoder of a loss (in
  sentence_transformers) and the zero-shot pipeline (below).
* AT006: every mean over dim 1 or -2 in a function that speaks of a mask, in files that are not of images or audio. They
  stand where the mask is None (EuroBERT, Cohere Compass, TIPSv2), over latents (Perceiver), or in a summary layer
  (below). And every `mask.sum()` without a dim: counts, losses, and the codebooks of audio.
* AT004, AT008, AT010: no file that sets a side of padding reads a fixed position; SEQ_CLS meets a checkpoint by name in
  docstrings alone, and so does `pooler_output` of a RoBERTa. These rules are for scripts, and packages hold few.
* AT011: every line with `eos_mask`. All boolean gathers are among the hits.
* AT015: every definition of such a method in 5.23.0 and the other packages: none overrides a method of another model.
* Fixes: 47 of the 63 hits of AT001 and AT002 have one. Each gives a file that parses, differs in one line and is clean;
  TensorFlow (11), an index that passes through a function of another module (adapters, 4) and TRL's helper are left."""


class Hit(NamedTuple):
    """One violation of one package."""

    package: str
    violation: Violation
    verdict: str
    note: str


def judged(package: str, violation: Violation, table: list[dict[str, str]]) -> tuple[str, str]:
    """The last row that fits; the file may be named from its model's folder on."""
    place = violation.path.partition("/models/")[2] or violation.path
    rows = [
        row
        for row in table
        if row["rule"] == violation.code
        and package.startswith(row["package"])
        and (fnmatch(place, row["where"]) or fnmatch(violation.path, row["where"]))
    ]
    return (rows[-1]["verdict"], rows[-1]["note"]) if rows else ("open", "not judged yet")


def hits_of(folder: Path, table: list[dict[str, str]]) -> tuple[int, list[Hit]]:
    """All hits in one unpacked wheel."""
    files = sorted(folder.rglob("*.py"))
    hits = []
    for file in files:
        try:
            found = check_source(file.relative_to(folder).as_posix(), file.read_bytes())
        except UnreadableError:
            continue
        hits += [Hit(folder.name, v, *judged(folder.name, v, table)) for v in found]
    return len(files), hits


def table_of(counts: dict[str, int], hits: list[Hit]) -> str:
    """A row for each package and rule."""
    rows = []
    for package, code in sorted({(h.package, h.violation.code) for h in hits}):
        mine = [h for h in hits if (h.package, h.violation.code) == (package, code)]
        verdicts = Counter(h.verdict for h in mine)
        numbers = [str(verdicts[v] or "") for v in ("right", "loud", "known", "wrong")]
        notes = "; ".join(f"{v}: {n}" for v, n in dict.fromkeys((h.verdict, h.note) for h in mine))
        cells = [package.replace("-", " "), str(counts[package]), code, str(len(mine)), *numbers, notes]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def line_of(hit: Hit) -> str:
    """One hit in the list of all."""
    v = hit.violation
    return f"* {v.code} {hit.package.replace('-', ' ')}: `{v.path}:{v.line}` {v.function} ({hit.verdict})"


def main(root: str) -> None:
    """Write the report."""
    facts: dict[str, list[dict[str, Any]]] = tomllib.loads((HERE / "field.toml").read_text())
    found = {f.name: hits_of(f, facts["judged"]) for f in sorted(Path(root).iterdir()) if f.is_dir()}
    hits = [hit for _, mine in found.values() for hit in mine]
    open_hits = sum(h.verdict == "open" for h in hits)
    text = TEXT.format(
        table=table_of({name: number for name, (number, _) in found.items()}, hits),
        total=len(hits),
        wrong=sum(h.verdict == "wrong" for h in hits),
        open=f", {open_hits} not judged yet" if open_hits else "",
        silent=", ".join(name.replace("-", " ") for name, (_, mine) in found.items() if not mine),
        counted=COUNTED,
        missed="\n".join(f"* {m['rule']}, {m['package']}: {m['what']}." for m in facts["missed"]),
        hits="\n".join(map(line_of, hits)),
    )
    (HERE / "field.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
