"""Write docs/random-programs.md: random programs traced and held against the truth, by head and by op.

python docs/make_random_programs.py [--programs 3000] [--seed 0] [--keep FILE] [--failures FOLDER]

What is done is kept in FILE, line by line, as long as the engine and the programs stay the same: an interrupted run
goes on where it stopped. Each failure is shrunk and written to FOLDER as source.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import made_at

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

import torch  # noqa: E402
from programs.program import Program, program  # noqa: E402
from programs.shrink import shrunk  # noqa: E402
from programs.verdict import Verdict, judge  # noqa: E402

OUTCOMES = ("exact", "bound", "refused", "missed", "raised", "invalid")
NAMES = ("exact", "bound", "refused", "false negatives", "raw exceptions", "invalid")


def main() -> int:
    """Run what is not kept yet, and write the page; 1 when the law is broken."""
    asked = _arguments()
    torch.set_num_threads(1)
    kept = _kept(asked.keep)
    try:
        _run(asked, kept)
    except KeyboardInterrupt:
        print(f"stopped; {len(kept)} programs are kept in {asked.keep}", file=sys.stderr)
    rows = [kept[seed] for seed in sorted(kept) if asked.seed <= seed < asked.seed + asked.programs]
    (ROOT / "docs" / "random-programs.md").write_text(_page(rows, asked))
    made_at.stamp(ROOT / "docs" / "random-programs.md", __file__)
    print(_summary(rows))
    return int(any(row["outcome"] in ("missed", "raised") for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--programs", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=ROOT / "build" / "random-programs.jsonl")
    parser.add_argument("--failures", type=Path)
    return parser.parse_args()


def _digest() -> str:
    """Changes with the engine and with the programs: what was kept before is worth nothing then."""
    files = [*(ROOT / "tracer").rglob("*.py"), *(ROOT / "tests" / "fuzz").rglob("*.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def _kept(file: Path) -> dict[int, dict[str, Any]]:
    lines = file.read_text().splitlines() if file.exists() else []
    if not lines or lines[0] != _digest():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_digest() + "\n")
        return {}
    return {row["seed"]: row for row in map(json.loads, lines[1:])}


def _run(asked: argparse.Namespace, kept: dict[int, dict[str, Any]]) -> None:
    start, last = time.monotonic(), 0.0
    for seed in range(asked.seed, asked.seed + asked.programs):
        if seed not in kept:
            kept[seed] = _row(seed, asked.failures)
            with asked.keep.open("a") as file:
                file.write(json.dumps(kept[seed]) + "\n")
        if time.monotonic() - last > 10:
            last = time.monotonic()
            print(f"{last - start:5.0f} s  {_summary(kept.values())}", file=sys.stderr, flush=True)


def _row(seed: int, folder: Path | None) -> dict[str, Any]:
    drawn = program(random.Random(seed).choice)
    start = time.process_time()
    verdict = judge(drawn)
    seconds = time.process_time() - start
    if verdict.failed and folder:
        _write(folder, seed, *shrunk(drawn, verdict))
    return {
        "seed": seed,
        "outcome": verdict.outcome,
        "told": verdict.told,
        "why": verdict.why,
        "hollow": verdict.hollow,
        "embedding": drawn.embedding.part.name,
        "body": [step.part.name for step in drawn.body],
        "head": drawn.head.part.name,
        "given": drawn.inputs is not None,
        "seconds": round(seconds, 3),
    }


def _write(folder: Path, seed: int, small: Program, verdict: Verdict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = "_".join(step.part.name for step in small.steps if step.part.name not in ("embedding", "first"))
    told = f", told as {verdict.told}" if verdict.told else ""
    head = f'"""{verdict.outcome}{told}: {verdict.why}\n\nSeed {seed}; inputs: {small.given}."""\n'
    (folder / f"{verdict.outcome}_{names}.py").write_text(head.replace("\\", "/") + small.source())


def _summary(rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    counts = Counter(row["outcome"] for row in rows)
    told = ", ".join(f"{counts[o]} {name}" for o, name in zip(OUTCOMES, NAMES, strict=True))
    return f"{len(rows)} programs: {told}"


def _page(rows: list[dict[str, Any]], asked: argparse.Namespace) -> str:
    single = [row for row in rows if len(row["body"]) <= 1]
    lines = [
        "# Random programs",
        "",
        "Small random models of every sort are traced, and the answers compared with the truth: a test changes all",
        "tokens and all hidden states outside the bound, and looks at gradients and at changes from row to row, with",
        "several sets of random parameters. `tests/fuzz/programs/` makes the models.",
        "",
        f"    python docs/make_random_programs.py --programs {asked.programs} --seed {asked.seed}",
        "",
        f"torch {torch.__version__.split('+')[0]}. {_summary(rows)}.",
        f"Exact: {_share(rows)} of all, {_share(single)} of those with at most one op between embedding and head.",
        f"Exact although changing a token of the bound had no effect here: {sum(bool(row['hollow']) for row in rows)}.",
        f"{sum(row['seconds'] for row in rows):.0f} CPU s.",
    ]
    return "\n".join([*lines, *_tables(rows), ""])


def _tables(rows: list[dict[str, Any]]) -> Iterator[str]:
    for title, names in (("Embedding", "embedding"), ("Op", "body"), ("Head", "head")):
        yield from (
            "",
            f"## By {title.lower()}",
            "",
            f"| {title} | programs | {' | '.join(NAMES)} |",
            "|---|" + "---|" * 7,
        )
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            for name in set(row[names]) if names == "body" else {row[names]}:
                groups.setdefault(name, []).append(row)
        yield from (_line(name, groups[name]) for name in sorted(groups))


def _line(name: str, rows: list[dict[str, Any]]) -> str:
    counts = Counter(row["outcome"] for row in rows)
    return f"| {name} | {len(rows)} | " + " | ".join(str(counts[outcome]) for outcome in OUTCOMES) + " |"


def _share(rows: list[dict[str, Any]]) -> str:
    ran = [row for row in rows if row["outcome"] != "invalid"]
    return f"{sum(row['outcome'] == 'exact' for row in ran) / max(1, len(ran)):.1%}"


if __name__ == "__main__":
    sys.exit(main())
