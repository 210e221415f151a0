"""Every page in a real browser, with hostile contents: no script of theirs runs, no rule of axe is violated, nothing
is cut off at three widths. Keeps a screenshot of each in ``build/screenshots``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page, expect
from support import browser as browsers
from support.hostile import hostile_workspace
from support.paths import ROOT
from support.studies import a_space, status_within, studied

from contexta.bisect.session import study_files

pytestmark = pytest.mark.slow
SCREENSHOTS = ROOT / "build" / "screenshots"
WIDTHS = (1280, 800, 400)
PAGES = {
    "runs": "/",
    "runs-all": "/?columns=all",
    "runs-none": "/?where=metrics.accuracy+%3E+2",
    "runs-wrong": "/?where=metrics.accuracy+%3E%3E",
    "run": "/run?run=churn.printed",
    "run-curves": "/run?run=churn.curves",
    "compare": "/compare?run=churn.r3&run=churn.r4",
    "compare-three": "/compare?run=churn.r3&run=churn.r4&run=churn.curves",
    "curves": "/curves?run=churn.curves&metric=accuracy",
    "why": "/why?old=churn.r3&new=churn.r5&metric=accuracy",
    "timeline": "/timeline",
    "bisect-live": "/bisect?study=running",
    "bisect-proved": "/bisect?study=proved",
    "not-found": "/run?run=nope",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_workspace(tmp_path_factory.mktemp("hostile") / "project")


@pytest.fixture(scope="module")
def address(project: Path) -> Iterator[str]:
    with browsers.served(project / ".contexta") as printed:
        yield printed


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser, address: str) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    opened = context.new_page()
    opened.goto(address)
    yield opened
    context.close()


def opened(page: Page, address: str, path: str) -> None:
    page.goto(address.partition("/?")[0] + path)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("name", PAGES)
def test_no_page_violates_a_rule_of_axe(page: Page, address: str, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    opened(page, address, PAGES[name])
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach(part => { part.open = true; })")
    violations = Axe().run(page).response["violations"]
    assert [
        (rule["id"], rule["nodes"][0]["html"][:200], rule["nodes"][0]["failureSummary"]) for rule in violations
    ] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_runs_a_script_of_its_contents(page: Page, address: str, name: str) -> None:
    messages = browsers.watched(page)
    opened(page, address, PAGES[name])
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate("window.hit") is None
    foreign = "script:not([src^='/static/']), img, iframe, object, embed, style, [onerror], [onload], [ontoggle]"
    assert page.locator(foreign).count() == 0
    links = page.evaluate("[...document.links].map(link => link.protocol)")
    assert set(links) <= {"http:", "https:"}
    assert page.locator("[style]:not(.uplot, .uplot *)").count() == 0
    expected = 1 if name in ("runs-wrong", "not-found") else 0  # the browser reports that the page itself is an error
    assert len(messages) <= expected, messages


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(page: Page, address: str, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, address, PAGES[name])
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_study_is_followed_to_its_proof_without_a_reload(page: Page, address: str, project: Path) -> None:
    report = studied(a_space("culprit", "other", "third"), {frozenset({"culprit"}): 0.05})
    folder = project / ".contexta" / "bisect" / "followed"
    folder.mkdir(exist_ok=True)
    (folder / "report.json").unlink(missing_ok=True)
    study_files.write_status(folder, status_within(report, 3))
    page.set_viewport_size({"width": 1280, "height": 900})
    opened(page, address, "/bisect?study=followed")
    page.evaluate("window.unchanged = true")
    expect(page.locator("table.trials tbody tr")).to_have_count(4)
    page.locator("[aria-label=Trials]").focus()
    study_files.write_status(folder, status_within(report, 4))
    expect(page.locator("table.trials tbody tr")).to_have_count(5, timeout=10_000)
    expect(page.locator("[aria-label=Trials]")).to_be_focused()
    finished = status_within(report, 4).model_copy(update={"state": "finished", "running": None})
    study_files.write_report(folder, report)
    study_files.write_status(folder, finished)
    expect(page.locator(".verdict")).to_contain_text("proved", timeout=10_000)
    assert page.evaluate("window.unchanged") is True
    assert page.locator("[data-live]").count() == 0


def test_the_page_of_a_study_has_no_control_that_changes_it(page: Page, address: str) -> None:
    opened(page, address, "/bisect?study=running")
    assert page.locator("main form, main button:not(.copy)").count() == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_no_column_of_an_exported_report_is_a_column_of_single_words(
    chromium: Browser, address: str, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(address)
    base = address.partition("/?")[0]
    for path in ("/export?run=churn.printed", "/export?run=churn.r3&run=churn.r4", "/bisect.html?study=proved"):
        html = context.request.get(base + path).text()
        page.goto("about:blank")
        page.set_content(html)
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert page.evaluate(_NARROW) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


_NARROW = """() => {
  const narrow = [];
  for (const cell of document.querySelectorAll("td, th")) {
    const text = cell.innerText.trim(), words = text.split(/\\s+/).length, own = text.split("\\n").length;
    const style = getComputedStyle(cell);
    const height = cell.firstChild ? (() => { const range = document.createRange(); range.selectNodeContents(cell);
      return range.getBoundingClientRect().height; })() : 0;
    const lines = Math.round(height / parseFloat(style.lineHeight));
    if (words > 4 && lines - own >= 3 && words / lines < 1.8) narrow.push([cell.offsetWidth, lines, text.slice(0, 60)]);
  }
  return narrow;
}"""
