"""Make the gallery: real traces as pictures.

python docs/make_gallery.py        writes docs/gallery.md and the pictures in docs/gallery/; needs chromium
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import made_at
from playwright.sync_api import sync_playwright

from archtrace import trace
from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report
from archtrace_reports.text.wording import headline

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

Eight real models, each as `archtrace TARGET --html FILE` shows it, and as `--format cone` and `--format path` draw it.
`python docs/make_gallery.py` makes this page.

The tokens are at the bottom and the logits on top, with a row for each layer in between; the two texts of the batch are
side by side. Lit cells reach the logits. They narrow to what the classifier reads: index 0 for BERT, the last token for
GPT-2, every token that is not padding for ModernBERT. In FNet, padding reaches the logits (crossed cells).

| light | dark |
| --- | --- |
| ![The page of BERT, light](gallery/page-light.png) | ![The page of BERT, dark](gallery/page-dark.png) |

If the output has positions, you pick one on the page, and only what reaches it stays lit. In this small Mistral, the
attention looks two tokens back, so each layer further down adds two more:

![What reaches position 12 of the logits of a token classifier](gallery/position.png)

A page about several targets begins with a matrix:

![The matrix of eight models](gallery/matrix.png)
"""


#: A token classifier whose cone is one: each layer attends to a window of three.
WINDOW = {"num_hidden_layers": 6, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4,
          "num_key_value_heads": 2, "sliding_window": 3}  # fmt: skip


def main() -> None:
    """Trace, draw, photograph, write."""
    results = {name: trace(target).result for name, target in MODELS.items()}
    (HERE / "gallery").mkdir(exist_ok=True)
    for name, result in results.items():
        for style in ("cone", "path"):
            (HERE / "gallery" / f"{name}.{style}.svg").write_text(drawn([result], style), "utf-8")
    each = trace("mistral", head="token-classification", overrides=WINDOW).result
    photograph(drawn([results["bert"]], "html"), drawn(list(results.values()), "html"), drawn([each], "html"))
    sections = [section(name, result) for name, result in results.items()]
    (HERE / "gallery.md").write_text("\n".join([INTRODUCTION, *sections]), "utf-8")
    made_at.stamp(HERE / "gallery.md", __file__)


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


def photograph(one: str, many: str, each: str) -> None:
    """The pages as a browser shows them."""
    chromium = shutil.which("chromium") or sys.exit("no chromium on the path (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for file, text, scheme in (("page-light", one, "light"), ("page-dark", one, "dark"), ("matrix", many, "light")):
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1200, "height": 700})
            page.set_content(text)
            page.screenshot(path=HERE / "gallery" / f"{file}.png", full_page=True)
        page = browser.new_page(viewport={"width": 1200, "height": 700})
        page.set_content(each)
        page.locator(".panel:visible .row-logits td").nth(12).click()
        page.mouse.move(0, 0)
        box = page.locator(".cone-box").evaluate("node => node.getBoundingClientRect().toJSON()")
        clip = {"x": box["x"] - 16, "y": box["y"] - 12, "width": box["width"] + 16, "height": box["height"] + 16}
        page.screenshot(path=HERE / "gallery" / "position.png", clip=clip, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
