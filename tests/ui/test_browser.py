"""The pages in a real browser: forms, links, live updates, the back button and the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support import browser as browsers
from support.browser import go
from support.builders import put_run

from contexta import Contexta

pytestmark = pytest.mark.slow


@pytest.fixture
def page(chromium: Browser, ctx: Contexta, tmp_path: Path) -> Iterator[Page]:
    """The page of runs of a workspace with two runs; the console has to stay empty."""
    for name, accuracy, version in (("march", 0.91, "2.3.3"), ("april", 0.87, "3.0.2")):
        put_run(ctx, f"hand-{name}", project="churn", environment={"packages": {"pandas": version}})
        with ctx.run(name, project="churn") as run:
            run.param("learning_rate", 0.1 if name == "march" else 0.2)
            for step in range(3):
                run.metric("accuracy", accuracy - (2 - step) / 100, step=step)
    with browsers.opened(chromium, tmp_path / ".contexta") as opened:
        yield opened


def rows(page: Page) -> list[str]:
    return page.locator("table.runs tbody th").all_inner_texts()


def test_the_token_leaves_the_address_and_the_pages_stay_open(page: Page) -> None:
    assert "token" not in page.url
    page.reload()
    expect(page.locator("h1")).to_have_text("Runs")


def test_selected_runs_are_compared_by_keyboard_alone(page: Page) -> None:
    for name in ("churn.march", "churn.april"):
        page.get_by_label(f"Select {name}").focus()
        page.keyboard.press("Space")
    page.locator("#compare").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("march")
    expect(page.locator("main")).to_contain_text("learning_rate")
    page.get_by_role("link", name="Why", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Why")


def test_a_comparison_of_runs_written_by_hand_lists_the_changed_package(page: Page) -> None:
    go(page, "/compare?run=hand-march&run=hand-april")
    expect(page.locator("tr", has_text="pandas")).to_be_visible()


def test_nothing_is_wider_than_a_narrow_screen(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for path in ("/", "/compare", "/why", "/run?run=churn.march", "/bisect", "/timeline?package=pandas"):
        go(page, path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 400, path
