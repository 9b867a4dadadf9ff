"""The atlas in a real browser, from disk, used as a reader would; nothing comes from outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from archtrace.answer.result import Result
from archtrace_reports.atlas.site import write
from archtrace_reports.atlas.site.pages import assets
from archtrace_reports.atlas.site.write import files
from archtrace_reports.text.report import Report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
#: A browser run by root has no sandbox to be in.
FLAGS = ["--no-sandbox"] if os.geteuid() == 0 else []
#: Rows of the large atlas, in each of three editions; seconds after which it must stand there.
ROWS, SOON = 1_200, 2.0

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


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, made: Path) -> Iterator[Open]:
    """Open a page; at the end nothing may have been said to the console, and no file asked for outside the atlas."""
    trouble: list[str] = []
    contexts = []

    def open_(name: str, *, folder: Path = made, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("request", lambda request: request.url.startswith(inside) or trouble.append(f"asks: {request.url}"))
        inside = folder.as_uri()
        page.goto(f"{inside}/{name}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not trouble


def shown(page: Page) -> list[str]:
    """The classes whose rows are shown, in their order."""
    return [" ".join(link.split()) for link in page.locator("tr.line:visible th a").all_inner_texts()]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "light"), (1280, "dark")])
@pytest.mark.parametrize("name", ["index.html", "versions.html", "models/bert.html"])
def test_no_barrier_for_anyone(name: str, width: int, scheme: str, opened: Open) -> None:
    page = opened(name, width=width, scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = Axe().run(page, options={"preload": False}).response["violations"]
    assert not [f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_search_is_instant_and_by_keys(opened: Open) -> None:
    page = opened("index.html")
    page.keyboard.press("/")
    page.keyboard.type("bert token")
    assert shown(page) == ["BertForTokenClassification"]
    assert page.locator("#shown").inner_text() == "1 of 5 shown"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "BertForTokenClassification"
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert len(shown(page)) == 5
    page.keyboard.type("last non pad")
    assert shown(page) == ["GPT2ForSequenceClassification"]


@pytest.mark.parametrize(
    ("name", "value", "rows"),
    [
        ("kind", "first", ["BertForSequenceClassification", "FNetForSequenceClassification"]),
        ("head", "token-classification", ["BertForTokenClassification"]),
        ("padding", "leaks", ["FNetForSequenceClassification"]),
        ("status", "unanswered", ["BltForCausalLM"]),
        ("changed", "changed", ["GPT2ForSequenceClassification"]),
    ],
)
def test_filters(name: str, value: str, rows: list[str], opened: Open) -> None:
    page = opened("index.html")
    page.locator(f"select[name={name}]").select_option(value)
    assert shown(page) == rows
    again = opened("index.html" + page.evaluate("location.hash"))
    assert shown(again) == rows
    again.locator("#clear").click()
    assert len(shown(again)) == 5
    assert again.evaluate("location.hash") == ""


def test_a_family_is_a_link(opened: Open) -> None:
    page = opened("index.html")
    page.locator(".families a", has_text="last non pad").click()
    assert shown(page) == ["GPT2ForSequenceClassification"]
    page.go_back()
    assert len(shown(page)) == 5


def test_columns_sort_and_families_come_back(opened: Open) -> None:
    page = opened("index.html")
    before, button = shown(page), page.locator("th[data-name=class] button")
    button.click()
    assert shown(page) == sorted(before)
    assert page.locator("tr.head:visible").count() == 0
    button.click()
    assert shown(page) == sorted(before, reverse=True)
    assert page.evaluate("location.hash") == "#sort=-class"
    button.click()
    assert shown(page) == before
    assert page.locator("tr.head:visible").count() > 1


def test_numbers_sort_as_numbers(newer: Report, tmp_path: Path, opened: Open) -> None:
    """None is less than one."""
    names = tuple(f"layer.{number}" for number in range(12))
    results = tuple(
        replace(result, dead_parameters=names[:number])
        for number, result in zip((9, 12, 0, 2), newer.results, strict=True)
    )
    write([replace(newer, results=results, unanswered=())], tmp_path / "atlas")
    page = opened("index.html#sort=dead", folder=tmp_path / "atlas")
    told = page.locator("tr.line td:nth-of-type(4)").all_inner_texts()
    assert [text.split(" of ")[0] for text in told] == ["none", "2", "9", "12"]


def test_versions_stand_side_by_side(opened: Open) -> None:
    page = opened("index.html")
    page.get_by_role("link", name="What changed since").click()
    group = page.locator(".change-group")
    assert group.locator("h3").inner_text() == "1 class"
    assert group.locator(".changes tr").nth(2).inner_text().split("\t") == ["kind", "other", "last non pad"]
    assert shown(page) == ["BertForSequenceClassification", "GPT2ForSequenceClassification"]
    page.locator("select[name=changed]").select_option("changed")
    assert shown(page) == ["GPT2ForSequenceClassification"]
    row = page.locator("tr.line:visible td")
    assert "argmax(arange(s)" in row.nth(0).inner_text()
    assert "argmax(input_ids == pad_token_id) - 1" in row.nth(1).inner_text()
    page.locator("tr.line:visible th a").click()
    assert page.url.endswith("models/gpt2.html#GPT2ForSequenceClassification")
    versions = page.locator("#GPT2ForSequenceClassification .editions tbody th")
    assert versions.all_inner_texts()[1] == "4.48.3"


def test_the_cone_works_under_the_policy_of_the_site(opened: Open) -> None:
    page = opened("models/bert.html")
    panel = page.locator(".panel:visible")
    assert panel.count() == 1
    page.locator(".picks").get_by_text("left padded", exact=True).click()
    assert "left padded" in (panel.get_by_role("region").first.get_attribute("aria-label") or "")


@pytest.fixture(scope="module")
def large(newer: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real answers under many names, each edition with another mix of them."""
    folder = tmp_path_factory.mktemp("large")
    plain = [replace(result, anatomy=None) for result in newer.results]

    def result(number: int, edition: int) -> Result:
        answer = plain[(number + edition * (number % 7 == 0)) % len(plain)]
        name = f"Class{number}"
        return replace(answer, target=f"transformers:{name}", class_name=name, model_type=f"type{number % 40}")

    editions = [Report(tuple(result(n, e) for n in range(ROWS)), (), {"transformers": f"{5 - e}.0"}) for e in range(3)]
    (folder / "assets").mkdir()
    for name, text in (*islice(files(editions), 3), *assets()):
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("name", ["index.html", "versions.html"])
def test_a_large_atlas_opens_soon(name: str, large: Path, opened: Open) -> None:
    page = opened(name, folder=large)
    timing = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
    page.wait_for_function(f"{timing} > 0")
    assert page.evaluate(timing) < SOON
    if name == "index.html":
        assert len(shown(page)) == ROWS
