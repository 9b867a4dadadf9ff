"""Make the gallery: real traces as pictures.

python docs/make_gallery.py        writes docs/gallery.md and the pictures in docs/gallery/; needs chromium
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from archtrace import trace
from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.look import Look
from archtrace_reports.report import report
from archtrace_reports.words import headline

HERE = Path(__file__).parent
#: name of the pictures -> target.
MODELS = {
    "bert": "bert-base-uncased",
    "roberta": "roberta-base",
    "gpt2": "gpt2",
    "xlnet": "xlnet-base-cased",
    "bart": "facebook/bart-base",
    "modernbert": "answerdotai/ModernBERT-base",
    "fnet": "google/fnet-base",
    "mixtral": "mixtral",
}
INTRODUCTION = """# Gallery

What `archtrace TARGET --html FILE` shows, and what `--format cone` and `--format path` draw, of eight real models.
Made by `python docs/make_gallery.py`.

Positions run across, layers down; the two blocks are the two rows of the batch. One sees the last row narrow to what
the classifier reads: index 0 for BERT, the last token for GPT-2, every token that is not padding for ModernBERT, and
padding that reaches the logits (crossed) for FNet.

| light | dark |
| --- | --- |
| ![The page of BERT, light](gallery/page-light.png) | ![The page of BERT, dark](gallery/page-dark.png) |

Several targets get a matrix first:

![The matrix of eight models](gallery/matrix.png)
"""


def main() -> None:
    """Trace, draw, photograph, write."""
    results = {name: trace(target).result for name, target in MODELS.items()}
    (HERE / "gallery").mkdir(exist_ok=True)
    for name, result in results.items():
        for style in ("cone", "path"):
            (HERE / "gallery" / f"{name}.{style}.svg").write_text(drawn([result], style), "utf-8")
    photograph(drawn([results["bert"]], "html"), drawn(list(results.values()), "html"))
    sections = [section(name, result) for name, result in results.items()]
    (HERE / "gallery.md").write_text("\n".join([INTRODUCTION, *sections]), "utf-8")


def drawn(results: list[Result], style: str) -> str:
    """Results in a format."""
    return formats.load(style).render(report(results), Look())


def section(name: str, result: Result) -> str:
    """A model: the sentence, the slice, the cone, the path."""
    slices = "\n".join(f"`{readout.slice}`" for readout in result.readouts)
    return f"""## {result.target}

{headline(result)}

{slices} · {result.status}

![The cone of {result.target}](gallery/{name}.cone.svg)

![The path of {result.target}](gallery/{name}.path.svg)
"""


def photograph(one: str, many: str) -> None:
    """The pages as a browser shows them."""
    chromium = shutil.which("chromium") or sys.exit("no chromium on the path (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for file, text, scheme in (("page-light", one, "light"), ("page-dark", one, "dark"), ("matrix", many, "light")):
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 700})
            page.set_content(text)
            page.screenshot(path=HERE / "gallery" / f"{file}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
