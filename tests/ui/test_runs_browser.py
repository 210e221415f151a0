"""The page Runs in a real browser: completion, navigation in place, selection, keys, editing, live rows and curves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support import browser as browsers
from support.browser import go
from support.builders import put_run

from contexta import Contexta

pytestmark = pytest.mark.slow


@pytest.fixture
def page(chromium: Browser, ctx: Contexta, tmp_path: Path) -> Iterator[Page]:
    """The page Runs of a workspace with five runs; the console has to stay empty."""
    for month, pandas, values in (("march", "2.3.3", (0.91, 0.912)), ("april", "3.0.2", (0.87, 0.871, 0.875))):
        for seed, value in enumerate(values):
            put_run(
                ctx,
                f"{month}-{seed}",
                project="churn",
                started_at=f"2026-0{3 if month == 'march' else 4}-1{seed}T08:00:00Z",
                ended_at=f"2026-0{3 if month == 'march' else 4}-1{seed}T09:00:00Z",
                metrics={"accuracy": value, "loss": 1 - value},
                environment={"packages": {"pandas": pandas, "numpy": "2.0.0"}},
            )
    with browsers.opened(chromium, tmp_path / ".contexta", expected="400 (Bad Request)") as opened:
        yield opened


def rows(page: Page) -> list[str]:
    return [name.strip() for name in page.locator("table.runs tbody .label").all_inner_texts()]


def test_the_filter_is_completed_by_keyboard_and_the_back_button_restores_the_list(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("acc")
    expect(page.get_by_role("option", name="metrics.accuracy")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#filter")).to_have_value("metrics.accuracy ")
    page.keyboard.type("> 0.911")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("where=metrics.accuracy"))
    expect(page.locator("#matches")).to_contain_text("1 run matches")
    assert rows(page) == ["march-1"]
    page.go_back()
    expect(page.locator("#filter")).to_have_value("")
    assert len(rows(page)) == 5
    page.go_forward()
    expect(page.locator("#filter")).to_have_value("metrics.accuracy > 0.911")


def test_a_pick_is_kept_when_a_later_answer_replaces_the_suggestions(page: Page) -> None:
    delayed: list[Route] = []
    page.route(re.compile("/complete.*text=acc$"), lambda route: delayed.append(route))
    page.keyboard.press("/")
    page.keyboard.type("ac")
    expect(page.get_by_role("option", name="metrics.accuracy")).to_be_visible()
    with page.expect_request(re.compile("/complete.*text=acc$")):
        page.keyboard.type("c")
    page.keyboard.press("ArrowDown")
    with page.expect_response(re.compile("/complete.*text=acc$")) as answer:
        delayed[0].continue_()
    answer.value.finished()
    expect(page.get_by_role("option", name="metrics.accuracy")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#filter")).to_have_value("metrics.accuracy ")


def test_a_wrong_filter_is_explained_and_the_last_result_stays(page: Page) -> None:
    page.locator("#filter").fill("metrics.accuracy >> 0.9")
    page.locator("#filter").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("at character 19")
    expect(page.get_by_role("alert")).to_contain_text("still shown")
    assert len(rows(page)) == 5


def test_columns_are_switched_chosen_and_sorted(page: Page) -> None:
    expect(page.locator("th[data-column='packages.numpy']")).to_have_count(0)
    page.locator("#columns-menu summary").click()
    page.keyboard.press("Escape")
    expect(page.get_by_label("packages.numpy")).to_be_hidden()
    page.keyboard.press("Enter")
    page.get_by_label("packages.numpy").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("th[data-column='packages.numpy']")).to_have_count(1)
    page.locator("th[data-column=value] a").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Last ↓")
    assert rows(page)[0] == "march-1"
    page.locator("th[data-column=value] a").press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Last ↑")
    assert rows(page)[0] == "april-0"
    page.locator("#all-columns").click()
    expect(page.locator("#all-columns[aria-current]")).to_be_visible()


def test_a_pinned_column_stays_beside_the_name_when_the_table_scrolls(page: Page) -> None:
    page.set_viewport_size({"width": 720, "height": 600})
    page.locator("#columns-menu summary").click()
    page.get_by_label("Pin pandas").click()
    cell = page.locator("tbody tr >> nth=0").locator("td.packages.kept")
    expect(cell).to_be_visible()
    before = cell.bounding_box()
    page.evaluate("document.querySelector('.tall').scrollLeft = 300")
    after = cell.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["x"] - after["x"]) < 2


def test_groups_show_their_runs_and_a_baseline_shows_the_distance(page: Page) -> None:
    page.get_by_label("Group by").select_option("environment")
    expect(page.locator("tr.group")).to_have_count(2)
    page.get_by_label("churn.march-1 as baseline").click()
    expect(page.locator("tr.baseline")).to_contain_text("march")
    expect(page.locator("tr.group", has_text="april")).to_contain_text("▼")
    page.get_by_label("Open april").click()
    expect(page.get_by_label("Close april")).to_be_focused()
    assert rows(page) == ["march", "april", "april-2", "april-1", "april-0"]


def test_the_table_is_used_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    for key in ("j", "j", "x", "j", "j", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("#selection .what")).to_contain_text("2 selected")
    assert page.url.count("run=churn.") == 2
    page.reload()
    assert page.locator("input[name=run]:checked").count() == 2
    page.keyboard.press("j")
    page.keyboard.press("b")
    expect(page.locator("tr.baseline")).to_contain_text("april-2")
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("columns=all"))
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/compare"))
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.locator("h1")).to_have_text("Runs")


def test_a_run_is_found_by_name_from_every_page(page: Page) -> None:
    go(page, "/timeline")
    page.keyboard.press("Control+k")
    page.keyboard.type("march-1")
    expect(page.get_by_role("option", name="churn.march-1")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/run\?run=churn.march-1"))


def test_enter_waits_for_the_runs_that_match_the_whole_text(page: Page) -> None:
    delayed: list[Route] = []
    page.route(re.compile("/go.*text=march-0$"), lambda route: delayed.append(route))
    page.keyboard.press("Control+k")
    page.keyboard.type("march-")
    expect(page.get_by_role("option", name="churn.march-0")).to_be_visible()
    with page.expect_request(re.compile("/go.*text=march-0$")):
        page.keyboard.type("0")
    page.keyboard.press("Enter")
    delayed[0].continue_()
    expect(page).to_have_url(re.compile(r"/run\?run=churn.march-0"))


def test_single_keys_can_be_turned_off(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_label("single keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("input[name=run]:checked").count() == 0


def test_a_note_and_a_tag_are_edited_and_runs_archived_and_restored(page: Page, ctx: Contexta) -> None:
    page.get_by_label("Edit note and tags of churn.april-0").click()
    expect(page.get_by_label("Note", exact=True)).to_be_focused()
    page.keyboard.type("seems <b>wrong</b>")
    page.get_by_label("Tags, one a line").fill("team=vision")
    page.get_by_role("button", name="Save").click()
    row = page.locator("tr[data-row='churn.april-0']")
    expect(row).to_contain_text("seems <b>wrong</b>")
    expect(row).to_contain_text("team=vision")
    assert ctx.get_run("churn.april-0").note == "seems <b>wrong</b>"
    page.get_by_label("Select churn.april-0").check()
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("main")).to_contain_text("Archived 1 run")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)


def test_a_live_run_appears_its_value_changes_and_its_curve_grows(page: Page, ctx: Contexta) -> None:
    with ctx.run("may", project="churn") as run:
        for step in range(5):
            run.metric("accuracy", 0.5 + step / 100, step=step)
        expect(page.locator("#new-runs")).to_contain_text("1 new run", timeout=10_000)
        page.locator("#new-runs button").click()
        row = page.locator("table.runs tr", has_text="may")
        expect(row).to_contain_text("running")
        expect(row.locator("svg.spark.live path")).to_be_visible()
        curve = row.locator("svg.spark path").get_attribute("d")
        for step in range(5, 30):
            run.metric("accuracy", 0.75, step=step)
        expect(row).to_contain_text("0.75", timeout=10_000)
        expect(row.locator("svg.spark path")).not_to_have_attribute("d", str(curve), timeout=10_000)
    expect(row).to_contain_text("completed", timeout=10_000)


def test_everything_but_live_updates_works_without_a_script(chromium: Browser, ctx: Contexta, tmp_path: Path) -> None:
    for name in ("march", "april"):
        put_run(ctx, name, project="churn", metrics={"accuracy": 0.9})
    with browsers.served(tmp_path / ".contexta") as address:
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name=re.compile("Theme")).click()
        expect(page.locator("html[data-theme=light]")).to_be_visible()
        page.get_by_label("churn.march as baseline").click()
        expect(page.locator("tr.baseline")).to_contain_text("march")
        page.get_by_label("Edit note and tags of churn.april").click()
        page.get_by_label("Note", exact=True).fill("good")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("table.runs")).to_contain_text("good")
        page.get_by_label("Select churn.april").check()
        page.get_by_label("Select churn.march").check()
        page.get_by_role("button", name="Compare").click()
        expect(page).to_have_url(re.compile(r"/compare\?run=churn"))
        context.close()


@pytest.mark.parametrize("width", [320, 400, 800, 1280])
def test_the_page_never_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/?columns=all", "/?group=environment&baseline=churn.march-0", "/?edit=churn.april-0", "/?where=x"):
        go(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
