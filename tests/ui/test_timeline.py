"""The timeline leads from a drop to the comparison of both sides."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.builders import put_run

from contexta import Contexta
from contexta.ui.routes import site


@pytest.fixture
def browser(ctx: Contexta) -> TestClient:
    for number in range(14):
        is_late = number >= 9
        put_run(
            ctx,
            f"r{number:02}",
            project="shop",
            started_at=f"2026-03-{number + 1:02}T08:00:00Z",
            ended_at=f"2026-03-{number + 1:02}T09:00:00Z",
            metrics={"accuracy": (0.87 if is_late else 0.91) + 0.001 * (number % 3), "rows": 4},
            environment={"packages": {"pandas": "3.0.2" if is_late else "2.3.3", "six": "1.16.0"}},
        )
    return TestClient(site(ctx))


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_answer_names_the_drop_and_what_moved_there(browser: TestClient) -> None:
    text = text_of(browser.get("/timeline").text)
    assert re.search(r"accuracy fell by 0\.0\d+ at r09 \(2026-03-10\)\. pandas moved there\. Why", text)
    assert "first bad run: r09" in text
    assert "1 packages did not change" in text
    assert re.search(r"r09 2026-03-10 08:00 0\.91\d* 0\.87\d* .0\.0\d+ ▼ worse pandas 3\.0\.2 Compare", text)


def test_a_parameter_and_an_input_that_moved_at_the_drop_are_named(ctx: Contexta, tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / "train.csv").write_text("old" if number < 6 else "new")
        with ctx.run(f"r{number}", project="shop") as run:
            run.params({"lr": 0.1 if number < 6 else 0.5})
            run.input("train.csv", tmp_path / "train.csv")
            run.metric("accuracy", (0.91 if number < 6 else 0.87) + 0.001 * (number % 3))
    text = text_of(TestClient(site(ctx)).get("/timeline").text)
    assert "parameter lr, input train.csv moved there together" in text
    assert "parameter lr 0.5" in text


def test_larger_steps_come_before_packages_that_were_added(ctx: Contexta) -> None:
    added = {f"added-{number:02}": "1.0" for number in range(42)}
    for number in range(14):
        is_late = number >= 9
        put_run(
            ctx,
            f"r{number:02}",
            project="shop",
            started_at=f"2026-03-{number + 1:02}T08:00:00Z",
            ended_at=f"2026-03-{number + 1:02}T09:00:00Z",
            metrics={"accuracy": (0.87 if is_late else 0.91) + 0.001 * (number % 3)},
            environment={
                "packages": {"pandas": "3.0.2", "beta": "1.1", **added}
                if is_late
                else {"pandas": "2.3.3", "beta": "1.0"}
            },
        )
    page = TestClient(site(ctx)).get("/timeline").text
    assert re.findall(r"Versions of ([^\"]+)", page)[:3] == ["pandas", "beta", "added-00"]
    text = text_of(page)
    assert "pandas, beta, added-00, added-01, added-02, added-03" in text
    assert re.search(r"▼ worse pandas 3\.0\.2 beta 1\.1 added-00 1\.0 .* added-09 1\.0 and 32 more", text)


def test_each_bar_leads_to_the_comparison_of_both_its_sides(browser: TestClient) -> None:
    page = browser.get("/timeline?metric=accuracy").text
    (link,) = re.findall(r'<a href="([^"]+)"><title>pandas 3\.0\.2: r09 to r13\. Compare r08 with r09</title>', page)
    compared = browser.get(html.unescape(link))
    assert compared.status_code == 200
    assert "pandas major 2.3.3 3.0.2" in text_of(compared.text)


def test_lanes_are_selected_by_name_and_by_what_was_imported(browser: TestClient) -> None:
    assert "Versions of pandas" in browser.get("/timeline?package=pand").text
    assert "Versions of pandas" not in browser.get("/timeline?package=nothing").text
    text = text_of(browser.get("/timeline?imported=1").text)
    assert "the imports of the latest run are unknown" in text


def test_runs_are_limited_and_the_rest_is_counted(browser: TestClient, ctx: Contexta) -> None:
    for number in range(60):
        put_run(
            ctx,
            f"s{number:02}",
            project="shop",
            started_at=f"2026-05-01T08:{number:02}:00Z",
            ended_at=None,
            status="open",
        )
    text = text_of(browser.get("/timeline?project=shop&last=50").text)
    assert "50 runs, the oldest left" in text
    assert "24 older runs are left out" in text


def test_an_unknown_metric_or_project_is_explained(browser: TestClient) -> None:
    assert browser.get("/timeline?metric=acuracy").status_code == 404
    assert browser.get("/timeline?project=nobody").status_code == 404
