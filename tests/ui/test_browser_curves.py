"""Curves, comparisons and the timeline in a real browser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from support import browser as browsers
from support.browser import go
from support.builders import put_run

from contexta import Contexta

pytestmark = pytest.mark.slow


@pytest.fixture
def page(chromium: Browser, ctx: Contexta, tmp_path: Path) -> Iterator[Page]:
    """A page of a workspace with two runs of 50 metrics; the console has to stay empty."""
    for name, level in (("march", 0.91), ("april", 0.87)):
        with ctx.run(name, project="churn", config={"learning_rate": level, "epochs": 5}) as run:
            for step in range(300):
                run.metric("accuracy", level - math.exp(-step / 40) / 3, step=step)
            for number in range(49):
                run.metric(f"m{number:02}", number, step=0)
                run.metric(f"m{number:02}", number + level, step=1)
    with browsers.opened(chromium, tmp_path / ".contexta") as opened:
        yield opened


def fetched(page: Page) -> list[str]:
    """The addresses of curves that the page asks for from now on."""
    addresses: list[str] = []

    def on_request(request: Request) -> None:
        if "/curves.json" in request.url:
            addresses.append(request.url)

    page.on("request", on_request)
    return addresses


def figure(page: Page, metric: str) -> str:
    return f'figure:has(h3:text-is("{metric}"))'


def test_only_the_curves_in_view_are_fetched(page: Page) -> None:
    addresses = fetched(page)
    go(page, "/run?run=churn.march")
    expect(page.locator(f"{figure(page, 'accuracy')} canvas")).to_be_visible()
    page.wait_for_load_state("networkidle")
    first = len(addresses)
    assert 1 <= first <= 16
    page.locator(figure(page, "m48")).scroll_into_view_if_needed()
    expect(page.locator(f"{figure(page, 'm48')} canvas")).to_be_visible()
    assert any("m48" in address for address in addresses[first:])
    assert not any("m25" in address for address in addresses[:first])


def test_the_axes_are_in_the_address_and_the_back_button_restores_them(page: Page) -> None:
    addresses = fetched(page)
    go(page, "/run?run=churn.march")
    expect(page.locator(f"{figure(page, 'accuracy')} canvas")).to_be_visible()
    scale = page.get_by_role("group", name="How the curves are drawn")
    scale.get_by_role("link", name="relative: time since the start").click()
    expect(page).to_have_url(re.compile(r"x=relative"))
    scale.get_by_role("link", name="log", exact=True).click()
    scale.get_by_role("link", name="smoothing: 0.9", exact=True).click()
    expect(page).to_have_url(re.compile(r"x=relative&log=1&smooth=0.9"))
    expect(scale.get_by_role("link", name="smoothing: 0.9", exact=True)).to_have_attribute("aria-current", "true")
    page.wait_for_load_state("networkidle")
    assert "x=relative" in addresses[-1]
    assert "smooth=0.9" in addresses[-1]
    for _ in range(3):
        page.go_back()
    expect(page).to_have_url(re.compile(r"run=churn.march$"))
    expect(scale.get_by_role("link", name="smoothing: none")).to_have_attribute("aria-current", "true")
    page.reload()
    expect(page.locator(f"{figure(page, 'accuracy')} canvas")).to_be_visible()


def test_a_live_curve_grows(page: Page, ctx: Contexta) -> None:
    with ctx.run("may", project="churn") as run:
        for step in range(3):
            run.metric("accuracy", step / 10, step=step)
        go(page, "/run?run=churn.may")
        curve = page.locator(figure(page, "accuracy"))
        expect(curve).to_have_attribute("data-points", "3")
        run.metric("accuracy", 0.75, step=3)
        expect(curve).to_have_attribute("data-points", "4", timeout=10_000)
        expect(curve.locator("[data-last]")).to_have_text("0.75")
        expect(page.locator("#run-head")).to_contain_text("0.75")
        run.event("checkpoint", "saved the model", level="warning")
        expect(page.locator("#events")).to_contain_text("saved the model", timeout=10_000)


def test_the_cursor_moves_by_keys_and_says_the_value(page: Page) -> None:
    go(page, "/run?run=churn.march")
    curve = page.locator(figure(page, "accuracy"))
    expect(curve.locator("canvas")).to_be_visible()
    curve.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(curve.locator(".readout")).to_have_text(re.compile(r"step 1 · 0\.\d+"))


def test_a_long_curve_is_drawn_from_two_points_for_each_pixel(page: Page, ctx: Contexta) -> None:
    with ctx.run("long", project="churn") as run:
        for step in range(200_000):
            run.metric("accuracy", math.sin(step / 9_000), step=step)
    go(page, "/run?run=churn.long")
    curve = page.locator(figure(page, "accuracy"))
    expect(curve).to_have_attribute("data-points", "200000", timeout=10_000)
    points = page.evaluate(
        "async address => (await (await fetch(address)).json()).curves[0].x.length",
        "/curves.json?run=churn.long&metric=accuracy&columns=300",
    )
    assert points <= 600


def test_a_comparison_shows_only_differences_until_everything_is_shown(page: Page) -> None:
    go(page, "/compare?run=churn.march&run=churn.april")
    expect(page.locator("table.compared tr", has_text="learning_rate")).to_be_visible()
    expect(page.locator("table.compared tr", has_text="epochs")).to_have_count(0)
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("show=all"))
    expect(page.locator("table.compared tr", has_text="pytest").first).to_be_visible()
    page.go_back()
    expect(page.locator("table.compared tr", has_text="pytest")).to_have_count(0)


def test_lines_of_a_comparison_are_found_by_a_regular_expression(page: Page) -> None:
    go(page, "/compare?run=churn.march&run=churn.april&show=all")
    page.locator("#filter").fill("^metrics m0[12]")
    expect(page.locator("table.compared tbody tr")).to_have_count(0)
    page.get_by_label("regex").check()
    expect(page.locator("table.compared tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile("regex=1"))
    page.reload()
    expect(page.locator("#filter")).to_have_value("^metrics m0[12]")
    expect(page.locator("table.compared tbody tr")).to_have_count(2)


def test_curves_of_two_runs_are_overlaid(page: Page) -> None:
    go(page, "/compare?run=churn.march&run=churn.april")
    curve = page.locator(figure(page, "accuracy"))
    curve.scroll_into_view_if_needed()
    expect(curve).to_have_attribute("data-points", "600")
    curve.locator(".plot").hover(position={"x": 200, "y": 80})
    expect(curve.locator(".readout")).to_have_text(re.compile(r"step \d+ · 0\.\d+ · 0\.\d+ · .0\.\d+"))
    page.get_by_role("link", name="band").click()
    expect(page).to_have_url(re.compile("band=1"))


def test_a_click_on_the_timeline_compares_both_sides_and_back_returns(page: Page, ctx: Contexta) -> None:
    for number in range(12):
        is_late = number >= 7
        put_run(
            ctx,
            f"r{number:02}",
            project="shop",
            started_at=f"2026-03-{number + 1:02}T08:00:00Z",
            ended_at=f"2026-03-{number + 1:02}T09:00:00Z",
            metrics={"accuracy": (0.87 if is_late else 0.91) + 0.001 * (number % 3)},
            environment={"packages": {"pandas": "3.0.2" if is_late else "2.3.3"}},
        )
    go(page, "/timeline?project=shop&metric=accuracy")
    page.get_by_role("link", name=re.compile("^pandas 3.0.2")).click()
    expect(page.locator("h1")).to_have_text("r06 → r07")
    expect(page.locator("table.compared tr", has_text="pandas")).to_contain_text("major")
    page.go_back()
    expect(page).to_have_url(re.compile("metric=accuracy"))
    expect(page.locator(".change-name")).to_have_text("first bad run: r07")


def test_pages_of_runs_fit_narrow_screens_in_light_and_dark(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (400, 800):
            page.set_viewport_size({"width": width, "height": 800})
            for path in (
                "/run?run=churn.march",
                "/compare?run=churn.march&run=churn.april&show=all",
                "/timeline?project=churn",
                "/curves?run=churn.march&metric=accuracy",
            ):
                go(page, path)
                page.wait_for_load_state("networkidle")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
