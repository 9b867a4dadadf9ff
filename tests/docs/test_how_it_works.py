"""docs/how-it-works.md shows what the engine finds, which is the truth, and the sources as they are."""

from __future__ import annotations

import re
import runpy

import torch

from .pages import ROOT

MADE = runpy.run_path(str(ROOT / "docs" / "make_how_it_works.py"))
PAGE = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
AGAIN = "run: python docs/make_how_it_works.py"


def test_its_figures_are_made_anew() -> None:
    """python docs/make_how_it_works.py would change nothing."""
    shown = MADE["BLOCK"].search(PAGE)
    assert shown, AGAIN
    assert shown[2] == MADE["block"](PAGE), AGAIN
    assert MADE["PICTURE"].read_text("utf-8") == MADE["drawn"](MADE["floors"](MADE["imports"]())), AGAIN


def test_its_marks_are_where_gradients_are() -> None:
    """Of the page's model, run as it stands: tokens 0 to 3, and index 0 of what the layer returns."""
    torch.manual_seed(0)
    model, kept = MADE["example"](PAGE).double(), list[torch.Tensor]()
    for module in (model.embed, model.layer):
        module.register_forward_hook(lambda _, __, output: (output.retain_grad(), kept.append(output))[0])
    model(**MADE["LAYOUT"]).sum().backward()
    reached = [grad.abs().sum(-1)[0].nonzero().ravel().tolist() for state in kept if (grad := state.grad) is not None]
    assert reached == [[0, 1, 2, 3], [0]]
    assert re.search(r"\n  embedding +####··\n", PAGE)
    assert re.search(r"\n  add +#·····\n", PAGE)


def test_the_tour_passes_every_folder() -> None:
    """Each folder and top file of the three packages has a row."""
    tour = PAGE.partition("## A tour of the sources")[2].partition("## Details")[0]
    named = {word for row in re.findall(r"^\| (`.*?) \|", tour, re.M) for word in re.findall(r"`([\w/]+)`", row)}
    assert {name.partition(".")[2] for name in MADE["imports"]()} - {""} <= named
    assert {f"{root}/{name}" for name, (root, _) in MADE["PACKAGES"].items()} <= named
