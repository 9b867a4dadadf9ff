"""The pages in a real browser: driven as a reader would, in light and dark, and held to say nothing to the outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from archtrace import trace
from archtrace.answer.result import Result
from archtrace_reports.diff import to_html as diff_page
from archtrace_reports.diff.compare import Difference, compare
from archtrace_reports.formats import to_html
from archtrace_reports.formats.notebook import fragment
from archtrace_reports.text.cone import cones
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered

from .conftest import REAL
from .test_html import hostile

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
#: A browser run by root has no sandbox to be in.
FLAGS = ["--no-sandbox"] if os.geteuid() == 0 else []

#: What notebooks do to their outputs: JupyterLab's rules for tables, terms and code, and two of Bootstrap's.
HOST = """
:root { --jp-layout-color0: #fdfdfd; --jp-content-font-color1: #111111; }
body[data-jp-theme-light="false"] { --jp-layout-color0: #101010; --jp-content-font-color1: #f0f0f0; }
.jp-RenderedHTMLCommon table { table-layout: fixed; font-size: 12px; margin: 0 auto 1em; }
.jp-RenderedHTMLCommon :is(td, th, tr) { text-align: right; padding: 0.5em; white-space: normal; max-width: none; }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: #eeeeee; }
.jp-RenderedHTMLCommon dt { float: left; width: 20%; }
.jp-RenderedHTMLCommon dd { float: left; width: 70%; margin-left: 20%; }
.jp-RenderedHTMLCommon :not(pre) > code { background: #dddddd; padding: 1px 5px; }
.hidden { display: none !important; }
legend { width: 100%; border-bottom: 1px solid; }
"""

#: A reason that is longer than the whole table is wide.
REASON = "no model is called nix: it is no model type of transformers, no folder, and neither in the cache nor " * 2

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("ARCHTRACE_BROWSER") != "required",
    reason="no chromium on the path (Debian: apt-get install chromium); the check of a change requires it",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        assert CHROMIUM is not None, "these tests are required, and there is no chromium"
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def each() -> Result:
    """A token classifier that reads each position for itself, behind causal attention."""
    return trace("gpt2", head="token-classification", overrides={"n_layer": 2}).result


def notebook(*results: Result) -> str:
    """A document with a style of its own and outputs, as a notebook has them."""
    outputs = "".join(f'<div class="jp-RenderedHTMLCommon">{fragment(result)}</div>' for result in results)
    return f"""<!DOCTYPE html><html lang="en"><head><title>notebook</title><style>{HOST}</style></head>
<body data-jp-theme-light="true"><main><h1>A notebook</h1><table id="own"><tbody><tr><td>1</td></tr></tbody></table>
<p class="hidden lead badge" id="words">own</p>{outputs}</main></body></html>"""


@pytest.fixture(scope="module")
def files(real: dict[str, Result], each: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages on disk, by what they show."""
    folder = tmp_path_factory.mktemp("pages")
    many = [replace(real[name], target=f"{target}") for name, target in REAL.items()]
    whole = [replace(real[list(REAL)[n % 5]], target=f"model {n}") for n in range(127)]
    image = trace("vit", head="image-classification", overrides={"num_hidden_layers": 2}).result
    texts = {
        "one": to_html.render(Report((real["bert"],)), Look()),
        "many": to_html.render(Report(tuple(many), (Unanswered("nix", REASON),)), Look()),
        "answered": to_html.render(Report(tuple(many)), Look()),
        "whole": to_html.render(Report(tuple(whole)), Look()),
        "hostile": to_html.render(Report((hostile(real["bert"]), real["fnet"])), Look()),
        "each": to_html.render(Report((each,)), Look()),
        "image": to_html.render(Report((image,)), Look()),
        "notebook": notebook(real["bert"], each),
        "diff": diff_page.render(Difference((compare(real["bert"], real["modernbert"]),)), Look()),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: folder / f"{name}.html" for name in texts}


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Open a page; at the end, nothing may have been said to the console and nothing asked of the outside."""
    trouble: list[str] = []
    contexts = []

    def open_(name: str, *, hash_: str = "", width: int = 1200, scheme: str = "light", scripts: bool = True) -> Page:
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: trouble.append(f"request: {request.url}") if request.url != url else None)
        url = files[name].as_uri()
        page.goto(url + hash_)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not trouble


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "hash_"),
    [
        ("one", ""),
        ("many", ""),
        ("many", "#model-2"),
        ("hostile", "#model-1"),
        ("diff", ""),
        ("each", ""),
        ("image", ""),
        ("notebook", ""),
    ],
)
def test_no_barrier_for_anyone(name: str, hash_: str, scheme: str, opened: Open) -> None:
    page = opened(name, hash_=hash_, scheme=scheme)
    for summary in page.locator("summary:visible").all():
        if summary.evaluate("node => !node.parentElement.open"):
            summary.click()
    found = Axe().run(page).response["violations"]
    serious = [f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")]
    assert not serious


@pytest.mark.parametrize("name", ["one", "many", "diff", "each", "image"])
def test_a_narrow_screen_does_not_scroll_sideways(name: str, opened: Open) -> None:
    page = opened(name, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def panel(page: Page) -> Locator:
    """The cone that is shown."""
    shown = page.locator(".panel:visible")
    assert shown.count() == 1
    return shown


def drawn(page: Page) -> list[tuple[str, str]]:
    """The rows that are shown, the logits first: name, and a letter a cell, of all texts one after the other."""
    texts = [shown_rows(table) for table in panel(page).locator("table.cone").all()]
    return [(rows[0][0], "".join(letters for _, letters in rows)) for rows in zip(*texts, strict=True)]


def shown_rows(table: Locator) -> list[tuple[str, str]]:
    """The rows of one text."""
    cells = "tr => [...tr.querySelectorAll('td:not(.gap)')].map(td => td.classList[0]).join('')"
    rows = table.locator("tr[data-row]").all()
    return [(row.locator(".name").inner_text(), row.evaluate(cells)) for row in rows]


def expected(result: Result, layout: str) -> list[tuple[str, str]]:
    """The same, from the result."""
    letters = {"yes": "y", "no": "n", "pad": "p", "leak": "l", "may": "m"}
    found = next(cone for cone in cones(result) if cone.name == layout)
    rows = [(row.name, "".join(letters[sign] for cells in row.cells for sign in cells)) for row in found.rows]
    return rows[::-1]


def test_the_reader_picks_a_layout(opened: Open, real: dict[str, Result]) -> None:
    page = opened("one")
    assert drawn(page) == expected(real["bert"], "right padded")
    page.get_by_text("left padded", exact=True).first.click()
    assert drawn(page) == expected(real["bert"], "left padded")
    assert dict(drawn(page))["last_hidden_state"] == "lp" + "n" * 17 + "lpp" + "n" * 16


def test_a_layout_is_picked_by_keys(opened: Open, real: dict[str, Result]) -> None:
    page = opened("one")
    page.locator(".picks input:checked").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".picks input:checked + label > span").first.inner_text() == "left padded"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert drawn(page) == expected(real["bert"], "full")


def test_a_layout_is_picked_without_scripts(opened: Open, real: dict[str, Result]) -> None:
    page = opened("one", scripts=False)
    assert drawn(page) == expected(real["bert"], "right padded")
    page.locator("label", has_text="left padded").first.click()
    assert drawn(page) == expected(real["bert"], "left padded")


def test_a_cell_tells_about_itself_on_hover(opened: Open) -> None:
    page = opened("one")
    first, second = panel(page).locator("tr.row-read").all()
    first.locator("td").nth(0).hover()
    tip = page.get_by_role("tooltip")
    assert tip.inner_text().startswith("position 0 of last_hidden_state, text 0: reaches the logits")
    second.locator("td").last.hover()
    assert tip.inner_text().startswith("position 18 of last_hidden_state, text 1: padding, does not reach the logits")
    page.locator("h1").hover()
    assert not tip.is_visible()


def test_a_cell_tells_about_itself_to_the_keyboard(opened: Open) -> None:
    page = opened("one")
    page.locator(".picks input:checked").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Cone of bert-base-uncased")
    page.keyboard.press("Tab")
    tip = page.get_by_role("tooltip")
    assert tip.inner_text().startswith("logits, text 0: reaches the logits (classifier 2 × 2)")
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    # The vector stands above the first three positions, its middle above the second.
    assert tip.inner_text().startswith("position 1 of last_hidden_state, text 0: does not reach the logits")
    page.keyboard.press("End")
    assert "position 18 of last_hidden_state, text 0" in tip.inner_text()
    page.keyboard.press("ArrowUp")
    assert tip.inner_text().startswith("pooled vector, text 0: reaches the logits (bert.pooler 2 × 768)")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_a_layout_in_which_padding_is_read_is_marked(opened: Open) -> None:
    page = opened("one")
    page.get_by_role("radio", name="left padded (padding is read)", exact=True).press("Space")
    assert panel(page).get_by_text("In this layout padding is read.").is_visible()
    page.get_by_role("radio", name="full", exact=True).press("Space")
    assert not panel(page).locator(".marked").count()


def test_a_layout_in_which_padding_leaks_has_another_mark(opened: Open) -> None:
    page = opened("many", hash_="#model-5")
    leaks = "right padded (padding that is not read reaches the logits)"
    assert page.get_by_role("radio", name=leaks, exact=True).is_checked()
    assert page.locator(".model.current .picks .mark.leak").count() == 3
    assert page.locator(".model.current .picks .mark.read").count() == 1


def test_the_positions_and_tokens_stand_below_the_cone(opened: Open) -> None:
    page = opened("one")
    text = panel(page).locator("table.cone").first
    assert text.locator(".numbers th").all_inner_texts() == ["position", *map(str, range(19))]
    assert text.locator(".names th").all_inner_texts() == ["token", "[CLS]", *["tok"] * 15, "[SEP]", "[PAD]", "[PAD]"]
    assert text.locator(".names .picked").all_inner_texts() == ["[CLS]"]
    heights = [row.bounding_box() for row in text.locator("tbody tr[data-row]").all()]
    tops = [box["y"] for box in heights if box]
    assert tops == sorted(tops)
    assert text.locator("tr[data-row]").last.locator(".name").inner_text() == "input_ids"


MIDDLES = "one => { const box = one.getBoundingClientRect(); return [box.left + box.width / 2, box.left, box.right]; }"


def test_a_line_leads_from_the_lit_cell_to_the_vector_and_on(opened: Open) -> None:
    page = opened("many", hash_="#model-2")
    text = page.locator(".model.current .panel:visible table.cone").first
    lit, _, _ = text.locator("tr.row-read td.y").evaluate(MIDDLES)
    vector, _, _ = text.locator("tr.row-logits td.wide").evaluate(MIDDLES)
    fan, up, on = (ray.evaluate(MIDDLES) for ray in text.locator(".beam .ray").all()[::-1])
    first, _, _ = text.locator("tr.row-hidden td.y").first.evaluate(MIDDLES)
    assert text.locator("tr.row-read td").count() == 19
    assert fan[1] == pytest.approx(first, abs=1)
    assert fan[2] == pytest.approx(lit, abs=1)
    assert up[0] == pytest.approx(lit, abs=1)
    assert (on[1], on[2]) == pytest.approx((min(lit, vector), max(lit, vector)), abs=1)


@pytest.mark.parametrize("key", ["Enter", ""])
def test_layers_unfold_and_fold(key: str, opened: Open) -> None:
    page = opened("one")
    before = drawn(page)
    button = panel(page).get_by_role("button", name="Unfold hidden_states[0] to [11]: 12 that are alike").first
    (button.press(key) if key else button.click())
    assert button.get_attribute("aria-expanded") == "true"
    names = [name for name, _ in drawn(page)]
    assert names[4:16] == [f"hidden_states[{n}]" for n in range(11, -1, -1)]
    assert len({letters for _, letters in drawn(page)[3:17]}) == 1
    page.get_by_text("left padded", exact=True).first.click()
    assert len(drawn(page)) == len(names)
    page.get_by_text("right padded", exact=True).first.click()
    (button.press(key) if key else button.click())
    assert drawn(page) == before


def lit(page: Page, text: int, row: str) -> list[int]:
    """The positions of a row that are lit."""
    rows = dict(shown_rows(panel(page).locator("table.cone").nth(text)))
    return [position for position, letter in enumerate(rows[row]) if letter in "ylm"]


def test_a_position_of_the_output_shows_what_reaches_it_alone(opened: Open, each: Result) -> None:
    page = opened("each")
    before = drawn(page)
    layout = next(layout for layout in each.layouts if layout.name == "right_padded")
    for text, position in ((0, 5), (1, 0), (1, 17)):
        panel(page).locator("table.cone").nth(text).locator("tr.row-logits td").nth(position).hover()
        assert lit(page, text, "logits") == [position]
        assert lit(page, text, "last_hidden_state") == list(layout.each[position].reads["last_hidden_state"][text])
        assert lit(page, text, "input_ids") == list(layout.each[position].tokens[text])
        assert lit(page, 1 - text, "logits") == list(range(19))
    page.locator("h1").hover()
    assert drawn(page) == before


def test_a_position_is_kept_by_the_keyboard_until_escape(opened: Open) -> None:
    page = opened("each")
    before = drawn(page)
    page.locator(".picks input:checked").focus()
    for key in ("Tab", "Tab", *["ArrowRight"] * 3, "Enter", *["ArrowDown"] * 2):
        page.keyboard.press(key)
    assert lit(page, 0, "logits") == [3]
    assert lit(page, 0, "input_ids") == [0, 1, 2, 3]
    panel(page).get_by_role("button", name="Unfold hidden_states[0]").first.click()
    assert lit(page, 0, "hidden_states[1]") == [0, 1, 2, 3]
    page.keyboard.press("Escape")
    assert lit(page, 0, "input_ids") == list(range(19))
    panel(page).get_by_role("button", name="Unfold hidden_states[0]").first.click()
    assert drawn(page) == before


def test_relations_of_an_output_are_told(opened: Open) -> None:
    told = opened("each").locator(".relations").inner_text()
    assert "logits[:, i]" in told
    assert "reads last_hidden_state[:, i]: position i alone" in told
    assert "is reached by the tokens at the positions up to i that are not padding, and at i itself" in told


def test_a_drawing_that_goes_on_beyond_the_edge_fades_and_scrolls_by_keys(opened: Open) -> None:
    page = opened("image", width=800)
    region = page.get_by_role("region", name="Cone of vit, full, input 0")
    ahead = "node => getComputedStyle(node).getPropertyValue('--archtrace-ahead')"
    page.wait_for_function(
        "n => getComputedStyle(n).getPropertyValue('--archtrace-ahead') !== '0px'", arg=region.element_handle()
    )
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("node => node.scrollLeft > 0", arg=region.element_handle())
    region.evaluate("node => { node.scrollLeft = node.scrollWidth; }")
    page.wait_for_function(
        "n => getComputedStyle(n).getPropertyValue('--archtrace-ahead') === '0px'", arg=region.element_handle()
    )
    assert page.get_by_role("region", name="Drawing of the path of vit").evaluate(ahead) == "0px"


def test_modules_open_level_by_level(opened: Open) -> None:
    page = opened("one")
    tree = page.locator(".tree")
    visible = tree.locator("b:visible")
    assert visible.all_inner_texts() == ["BertForSequenceClassification", "bert", "dropout", "classifier"]
    tree.locator("summary", has_text="BertModel").click()
    assert visible.all_inner_texts()[1:5] == ["bert", "embeddings", "encoder", "pooler"]
    tree.locator("summary", has_text="BertEncoder").focus()
    page.keyboard.press("Enter")
    tree.locator("summary", has_text="ModuleList").click()
    assert tree.locator("summary:visible", has_text="0 to 11").locator(".times").inner_text() == "×12"


def test_the_source_line_is_marked(opened: Open) -> None:
    page = opened("one")
    assert page.locator(".code .chosen mark").inner_text() == "hidden_states[:, 0]"
    assert page.locator(".code .line").count() == 9


def test_the_path_is_drawn_and_told(opened: Open, real: dict[str, Result]) -> None:
    page = opened("one")
    assert page.locator("svg.drawing").bounding_box()
    assert page.locator("svg.drawing .node").count() == 7
    page.locator("summary", has_text="The same as a list").click()
    told = page.locator(".path li code:first-child").all_inner_texts()
    anatomy = real["bert"].anatomy
    assert anatomy is not None
    assert told == [node.label for node in anatomy.path.nodes]


def targets(page: Page) -> list[str]:
    """The rows of the matrix that are shown."""
    return page.locator("#models tbody tr:visible th").all_inner_texts()


#: Words, and parts of names, that stand on more than one line.
BROKEN = """node => {
  const broken = [];
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    for (const { 0: word, index } of text.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) broken.push(word);
    }
  }
  return broken;
}"""


@pytest.mark.parametrize("width", [1280, 900, 400])
@pytest.mark.parametrize("name", ["many", "diff"])
def test_no_word_and_no_name_breaks_in_its_middle(name: str, width: int, opened: Open) -> None:
    page = opened(name, width=width)
    assert page.locator("#models, .diff-table").evaluate(BROKEN) == []


def widths(page: Page) -> list[float]:
    """Of the columns of the matrix."""
    return [box["width"] for head in page.locator("#models thead th").all() if (box := head.bounding_box())]


def test_a_model_without_an_answer_takes_no_room_from_the_others(opened: Open) -> None:
    assert widths(opened("many")) == pytest.approx(widths(opened("answered")), abs=1)
    whole, reason = (opened("many").locator(name).bounding_box() for name in ("#models", ".why"))
    assert whole
    assert reason
    assert reason["x"] + reason["width"] == pytest.approx(whole["x"] + whole["width"], abs=1)


def test_a_strip_shows_which_positions_each_model_reads(opened: Open) -> None:
    page = opened("many")
    signs = "node => [...node.querySelectorAll('.cell')].map((cell) => cell.classList[1]).join('')"
    found = {row.locator("th").inner_text(): row.locator(".strip") for row in page.locator("#models tbody tr").all()}
    assert found[REAL["bert"]].evaluate(signs) == "y" + "n" * 16 + "pp"
    assert found[REAL["gpt2"]].evaluate(signs) == "n" * 16 + "ypp"
    assert found[REAL["modernbert"]].evaluate(signs) == "y" * 17 + "pp"
    told = found[REAL["gpt2"]].get_attribute("aria-label")
    assert told == "right padded: of 19 positions 16 read"
    assert not found["nix"].count()


def test_the_matrix_filters(opened: Open) -> None:
    page = opened("many")
    everything = [*REAL.values(), "nix"]
    assert targets(page) == everything
    page.keyboard.press("/")
    page.keyboard.type("MEAN exact")
    assert targets(page) == [REAL["modernbert"]]
    assert page.locator("#shown").inner_text() == "1 of 6 shown"
    page.keyboard.press("Escape")
    assert targets(page) == everything
    page.keyboard.type("zzz")
    assert targets(page) == []


def test_the_matrix_sorts(opened: Open) -> None:
    page = opened("many")
    button = page.get_by_role("button", name="kind")
    button.click()
    assert button.locator("..").get_attribute("aria-sort") == "ascending"
    kinds = page.locator("#models tbody tr:visible td:nth-child(2)").all_inner_texts()
    assert kinds[:5] == ["first", "first", "last eos", "last non pad", "masked mean"]
    assert targets(page)[-1] == "nix"
    button.focus()
    page.keyboard.press("Enter")
    assert button.locator("..").get_attribute("aria-sort") == "descending"
    assert page.locator("#models tbody td:nth-child(2)").first.inner_text() == "masked mean"


def test_a_row_leads_to_its_model(opened: Open) -> None:
    page = opened("many")
    assert not page.locator(".model:visible").count()
    page.locator("#filter").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#model-2").wait_for()
    assert page.locator(".model:visible").count() == 1
    assert page.locator(".model:visible h2").first.inner_text().startswith("GPT2ForSequenceClassification reads")
    assert page.evaluate("document.activeElement.id") == "model-2"
    page.get_by_text("all models").locator("visible=true").click()
    assert page.evaluate("document.activeElement.id") == "filter"


def test_all_models_are_there_without_scripts(opened: Open) -> None:
    page = opened("many", scripts=False)
    assert page.locator(".model:visible").count() == 5


def test_the_whole_library_on_one_page(opened: Open) -> None:
    page = opened("whole")
    assert page.locator("#models tbody tr").count() == 127
    page.locator("#models a").nth(100).click()
    assert page.locator(".model:visible .target").inner_text().startswith("model 100")


def test_dark_is_dark(opened: Open) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = opened("one", scheme=scheme)
        body = "getComputedStyle(document.body).backgroundColor"
        node = "getComputedStyle(document.querySelector('.drawing .role-read polygon')).fill"
        colours[scheme] = (page.evaluate(body), page.evaluate(node))
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert all(a != b for a, b in zip(*colours.values(), strict=True))


def test_paper_has_the_layout_that_was_picked(opened: Open) -> None:
    page = opened("one")
    page.emulate_media(media="print")
    assert page.locator(".picks label:visible").all_inner_texts() == ["right padded"]
    assert panel(page).is_visible()


def test_what_a_model_says_does_nothing(opened: Open) -> None:
    page = opened("hostile", hash_="#model-1")
    assert page.locator(".model:visible").count() == 1
    panel(page).locator("tr.row-read td").first.hover()
    assert "<script>alert(1)</script>" in page.get_by_role("tooltip").inner_text()


def test_the_difference_in_words_then_side_by_side(opened: Open) -> None:
    page = opened("diff")
    assert page.locator(".change").first.inner_text() == (
        "Index 0 of last_hidden_state became the masked mean of last_hidden_state."
    )
    assert page.locator("svg.drawing").count() == 2
    assert page.locator(".panel:visible").count() == 2
    assert page.locator(".steps .left").count() > 0


def test_a_notebook_stays_as_it_is(browser: Browser, real: dict[str, Result]) -> None:
    look = """() => ["#own", "#own td", "#words", "h1", "body"].map((name) => {
      const style = getComputedStyle(document.querySelector(name));
      // How large a document is depends on what stands in it.
      const size = /height|block-size|origin|^--archtrace-/;
      return [...style].filter((p) => !size.test(p)).map((p) => `${p}: ${style.getPropertyValue(p)}`);
    })"""
    looks = []
    for document in (notebook(), notebook(real["bert"])):
        page = browser.new_page()
        page.set_content(document)
        looks.append(page.evaluate(look))
        page.close()
    for without, answered in zip(*looks, strict=True):
        assert answered == without


def outputs(page: Page) -> list[Locator]:
    """The answers in a notebook."""
    return page.locator(".archtrace-output").all()


def test_each_output_of_a_notebook_is_picked_for_itself(opened: Open, real: dict[str, Result]) -> None:
    page = opened("notebook")
    first, second = outputs(page)
    first.get_by_text("left padded", exact=True).first.click()
    assert first.locator(".picks input:checked + label > span").first.inner_text() == "left padded"
    assert second.locator(".picks input:checked + label > span").first.inner_text() == "right padded"
    first.get_by_role("button", name="Unfold").first.click()
    assert first.locator(".panel:visible tr.layer").count() > 0
    assert not second.locator("tr.layer").count()
    second.locator(".panel:visible tr.row-logits td").nth(4).hover()
    assert page.get_by_role("tooltip").inner_text() == "position 4 of logits, text 0: lit is what reaches it"


def test_a_notebook_needs_no_script(opened: Open) -> None:
    page = opened("notebook", scripts=False)
    first = outputs(page)[0]
    rows = dict(shown_rows(first.locator(".panel:visible table.cone").first))
    assert rows["last_hidden_state"] == "y" + "n" * 16 + "pp"
    assert first.locator(".panel:visible tr.row-hidden").first.is_visible()
    first.locator("summary", has_text="The source").click()
    assert first.locator(".code .chosen mark").inner_text() == "hidden_states[:, 0]"


@pytest.mark.parametrize(("light", "paper"), [("true", "rgb(253, 253, 253)"), ("false", "rgb(16, 16, 16)")])
def test_a_notebook_says_whether_it_is_dark(light: str, paper: str, opened: Open) -> None:
    page = opened("notebook", scheme="dark" if light == "true" else "light")
    page.evaluate("light => document.body.setAttribute('data-jp-theme-light', light)", light)
    style = "node => [getComputedStyle(node).backgroundColor, getComputedStyle(node).colorScheme]"
    assert outputs(page)[0].evaluate(style) == [paper, "light" if light == "true" else "dark"]
