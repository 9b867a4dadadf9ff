"""Run what docs/compare.md says of torchinfo, torch.export and asdex, and put what they really say into the page.

python docs/make_compare.py [--peers PYTHON]

PYTHON is an interpreter with torchinfo and asdex. Without it, an environment with both is made for the time of the run.
torchinfo is imported beside the torch that is installed here; asdex runs over there, since it brings JAX along.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import made_at
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification

import archtrace

PAGE = Path(__file__).with_name("compare.md")
BLOCK = re.compile(r"(<!-- run: (\w+) -->\n)(.*?)(<!-- /run -->)", re.S)
PEERS = ("torchinfo", "asdex")
IDS = torch.zeros(2, 19, dtype=torch.long)

#: Self-attention over five positions, of which the query stands at the first and the last two are masked.
ATTENTION = """
import json
import asdex, jax, jax.numpy as jnp

def attention(flat):
    hidden = flat.reshape(5, 4)
    return jax.nn.softmax(hidden @ hidden[0] + jnp.array([0, 0, 0, -1e9, -1e9])) @ hidden

columns = asdex.jacobian_sparsity(attention, jnp.zeros(20)).cols
print(json.dumps(sorted({int(column) // 4 for column in columns})))
"""


class Attention(torch.nn.Module):
    """The same for archtrace, with a mask that the layout decides."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = torch.nn.Embedding(9, 4), torch.nn.Linear(4, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Of shape (rows, 2)."""
        hidden = self.embed(input_ids)
        scores = hidden @ hidden[:, :1].mT + (1 - attention_mask[..., None]) * -1e9
        return self.head((scores.softmax(1) * hidden).sum(1))


class Pool(torch.nn.Module):
    """A pooler of a dense layer, behind one of two ways to lose the positions."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.dense = how, torch.nn.Linear(32, 32)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """From (rows, positions, 32) to (rows, 32)."""
        return self.dense(hidden[:, 0] if self.how == "hidden[:, 0]" else hidden.mean(1))


class Branching(torch.nn.Module):
    """A forward that looks at values of its mask, in a branch or in a loop, or at those of its ids."""

    def __init__(self, looks: str) -> None:
        super().__init__()
        self.looks, self.embed, self.head = looks, torch.nn.Embedding(100, 4), torch.nn.Linear(4, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Of shape (rows, 2)."""
        hidden = self.embed(input_ids)
        if self.looks == LOOKS[0]:
            return self.head(hidden.mean(1) if attention_mask.all() else hidden[:, 0])
        if self.looks == LOOKS[1]:
            return self.head(
                torch.stack([row[int(n) - 1] for row, n in zip(hidden, attention_mask.sum(1), strict=True)])
            )
        last = [len(ids) - ids.count(0) - 1 for ids in input_ids.tolist()]
        return self.head(torch.stack([row[n] for row, n in zip(hidden, last, strict=True)]))


LOOKS = ("if attention_mask.all(): …", "for n in attention_mask.sum(1): … int(n)", "input_ids.tolist()")


def main() -> None:
    """Run the peers, and write the blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path)
    given = parser.parse_args().peers
    with tempfile.TemporaryDirectory() as folder:
        blocks = said(given or installed(Path(folder)))
    text = PAGE.read_text("utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]}\n{found[4]}", text), "utf-8")
    made_at.stamp(PAGE, __file__)


def installed(folder: Path) -> Path:
    """The interpreter of a new environment with the peers."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
    return python


def said(peers: Path) -> Mapping[str, str]:
    """What each of them says, as blocks of the page."""
    site = peers.parents[1] / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    sys.path.append(str(site))
    versions = {found.name: found.version for found in distributions(path=[str(site)])}
    return {
        "torchinfo": torchinfo_says(versions["torchinfo"]),
        "export": export_says(),
        "refused": refusals(),
        "asdex": asdex_says(peers, versions["asdex"]),
    }


def bert() -> BertForSequenceClassification:
    """The small BERT of the page."""
    config = BertConfig(num_hidden_layers=2, hidden_size=32, num_attention_heads=2, intermediate_size=64)
    return BertForSequenceClassification(config).eval()


def fenced(*lines: str) -> str:
    """A block of plain text."""
    return "\n".join(["```text", *lines, "```"])


def torchinfo_says(version: str) -> str:
    """The line of the pooler; and whether two ways to pool can be told apart."""
    import torchinfo

    summary = torchinfo.summary(
        bert(), input_data={"input_ids": IDS}, verbose=0, col_names=("input_size", "output_size")
    )
    pooler = next(line for line in str(summary).splitlines() if "BertPooler" in line)
    ways = [str(torchinfo.summary(Pool(how), (2, 19, 32), verbose=0)) for how in ("hidden[:, 0]", "hidden.mean(1)")]
    same = "are identical" if ways[0] == ways[1] else "differ"
    return fenced(
        f"torchinfo {version}, torch {plain(torch)}, transformers {transformers.__version__}",
        re.sub(r"\s{2,}", "  ", pooler),
        f"the summaries of a pooler with hidden[:, 0] and of one with hidden.mean(1) {same}",
    )


def export_says() -> str:
    """How long the program is, and the node that picks the token."""
    kwargs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    nodes = torch.export.export(bert(), (), kwargs=kwargs, strict=False).graph.nodes
    picks = [f"{node.target}({', '.join(map(str, node.args))})" for node in nodes if "select" in str(node.target)]
    ops = sum(node.op == "call_function" for node in nodes)
    return fenced(
        f"torch {plain(torch)}, transformers {transformers.__version__}: {len(nodes)} nodes, {ops} of them ops", *picks
    )


def refusals() -> str:
    """What torch.export and archtrace say of forwards that look at values."""
    rows = [(looks, exported(Branching(looks)), traced(Branching(looks))) for looks in LOOKS]
    return "\n".join(["| `forward` has | torch.export | archtrace |", "| --- | --- | --- |", *map(row, rows)])


def row(cells: tuple[str, str, str]) -> str:
    """A line of the table."""
    looks, export, trace = cells
    return f"| `{looks}` | {export} | {trace} |"


def exported(module: torch.nn.Module) -> str:
    """The error of an export, by its name."""
    try:
        torch.export.export(module, (torch.ones_like(IDS), torch.ones_like(IDS)), strict=False)
    except Exception as error:  # whatever it is, it is what the page tells
        return f"refused: `{type(error).__name__}`"
    return "a program"


def traced(module: torch.nn.Module) -> str:
    """How a trace is answered."""
    return f"answered, {archtrace.trace(module).result.status}"


def asdex_says(peers: Path, version: str) -> str:
    """The positions that reach the output of a masked attention, by both."""
    code = [peers, "-c", ATTENTION]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    view: Any = archtrace.trace(Attention()).at(input_ids=[[1, 2, 3, 0, 0]], attention_mask=[[1, 1, 1, 0, 0]])
    return fenced(
        "attention over 5 positions, of which the last two get -1e9",
        f"asdex {version}: positions {', '.join(map(str, theirs))} reach the output",
        f"archtrace: positions {', '.join(map(str, view.tokens[0]))} reach the output",
    )


def plain(package: Any) -> str:
    """A version without its build."""
    return str(package.__version__).partition("+")[0]


if __name__ == "__main__":
    main()
