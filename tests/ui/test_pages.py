"""Every page shows what the workspace holds, and what a run holds stays text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.builders import put_run

from contexta import Contexta
from contexta.ui.routes import VIEWS, site

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "' onclick='x",
    "&lt;b&gt;",
]
SCRIPTS = [f"/static/{name}.js" for name in ("contexta", "find", "uplot", "charts", "compare", "runs")]


@pytest.fixture
def browser(ctx: Contexta) -> Iterator[TestClient]:
    for name, accuracy, version in (("march", 0.91, "2.3.3"), ("april", 0.87, "3.0.2")):
        with ctx.run(name, project="churn") as run:
            run.param("learning_rate", 0.1 if name == "march" else 0.2)
            run.param("epochs", 5)
            run.tag("release", "yes")
            for step in range(3):
                run.metric("accuracy", accuracy - (2 - step) / 100, step=step)
            run.metric("loss", 1 - accuracy)
        put_run(ctx, f"hand-{name}", project="churn", environment={"packages": {"pandas": version}})
    with TestClient(site(ctx)) as client:
        yield client


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.mark.parametrize("path", VIEWS)
def test_every_page_answers(browser: TestClient, path: str) -> None:
    response = browser.get(path)
    needs_a_run = path in ("/run", "/log", "/artifact", "/image", "/curves", "/curves.json", "/export")
    needs_a_study = path.startswith("/bisect.")
    assert response.status_code == (400 if needs_a_run else 404 if needs_a_study else 200)
    assert "Traceback" not in response.text


def test_two_runs_are_compared(browser: TestClient) -> None:
    text = text_of(browser.get("/compare", params={"run": ["churn.march", "churn.april"]}).text)
    assert "contexta diff churn.march churn.april" in text
    assert "\N{MINUS SIGN}0.0400" in text
    assert "learning_rate" in text
    assert "pandas major 2.3.3 3.0.2" in text_of(browser.get("/compare?run=hand-march&run=hand-april").text)


def test_three_runs_are_compared_and_eleven_are_too_many(browser: TestClient) -> None:
    names = ["churn.march", "churn.april", "churn.hand-march"]
    assert "contexta compare" in text_of(browser.get("/compare", params={"run": names}).text)
    response = browser.get("/compare", params={"run": ["churn.march"] * 11})
    assert (response.status_code, "select fewer runs" in response.text) == (400, True)


def test_why_names_the_suspects_and_the_command_that_proves(browser: TestClient) -> None:
    text = text_of(browser.get("/why?old=churn.march&new=churn.april&metric=accuracy").text)
    assert "accuracy dropped from 0.91 to 0.87" in text
    assert re.search("contexta bisect .*march .*april --metric accuracy", text)


def test_a_timeline_shows_the_versions_of_a_package(browser: TestClient) -> None:
    text = text_of(browser.get("/timeline?package=pandas").text)
    assert "2.3.3" in text
    assert "3.0.2" in text


def test_a_run_shows_its_metrics_and_curves(browser: TestClient) -> None:
    page = browser.get("/run?run=churn.march").text
    assert "accuracy ended at 0.91" in text_of(page)
    assert 'data-curves="/curves.json?run=churn.march&amp;metric=accuracy"' in page
    assert "loss" in text_of(page)
    assert "learning_rate" in text_of(page)


def test_a_run_shows_its_checks_files_processes_and_what_is_missing(browser: TestClient, ctx: Contexta) -> None:
    with ctx.run("may", project="churn") as run:
        run.event("checkpoint", "saved", level="warning")
    text = text_of(browser.get("/run?run=churn.may").text)
    for words in ("partly reproducible", "How to fix it", "What was not captured", "Processes 1", "checkpoint saved"):
        assert words in text


def test_a_run_is_compared_with_a_baseline(browser: TestClient) -> None:
    text = text_of(browser.get("/run?run=churn.april&baseline=churn.march").text)
    assert re.search(r"\N{MINUS SIGN}0\.0400 ▼ worse than churn\.march", text)


def test_a_stored_file_is_an_attachment_by_its_digest(ctx: Contexta, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>alert(1)</script>", encoding="utf-8")
    with ctx.run("march", project="churn") as run:
        run.artifact("../report <1>.html", page)
    (stored,) = ctx.get_run("march").artifacts
    browser = TestClient(site(ctx))
    response = browser.get("/artifact", params={"run": "march", "digest": stored.digest or ""})
    assert response.content == page.read_bytes()
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == 'attachment; filename="report_1_.html"'
    assert "sandbox" in response.headers["content-security-policy"]
    assert browser.get("/artifact", params={"run": "march", "digest": "sha256:" + "0" * 64}).status_code == 404
    assert browser.get("/artifact", params={"run": "march", "digest": stored.name}).status_code == 404


@pytest.mark.parametrize("names", [["march"], ["march", "april"], ["march", "april", "hand-march"]])
def test_a_report_is_downloaded_as_one_file(browser: TestClient, names: list[str]) -> None:
    response = browser.get("/export", params={"run": [f"churn.{name}" for name in names]})
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    assert "This file is complete in itself." in response.text
    assert "/static/" not in response.text


def test_an_unknown_run_is_not_found_with_the_next_step(browser: TestClient) -> None:
    response = browser.get("/run?run=marhc")
    assert response.status_code == 404
    assert "hint:" in response.text


def test_hostile_names_values_and_parameters_stay_text(ctx: Contexta) -> None:
    with ctx.run("march", project="churn") as run:
        for number, text in enumerate(HOSTILE):
            run.param(f"p{number}{text}", text)
            run.metric(f"m{number} {text}", number)
            run.tag(f"t{number}", text)
    with ctx.run("april", project="churn") as run:
        run.metric(HOSTILE[0], 1)
    browser = TestClient(site(ctx))
    paths = ["/", "/?columns=all", "/compare", "/run?run=march", "/why"]
    for text in HOSTILE:
        for parameter in ("where", "sort", "project", "metric", "group", "column", "pin", "run", "undo"):
            response = browser.get("/", params={parameter: text})
            assert response.status_code in (200, 400, 404)
            assert_harmless(response.text)
        for path, parameter in (("/run", "run"), ("/why", "old"), ("/timeline", "package"), ("/compare", "run")):
            assert_harmless(browser.get(path, params={parameter: text}).text)
    for path in paths:
        response = browser.get(path)
        assert response.status_code == 200, response.text
        assert_harmless(response.text)


class Elements(HTMLParser):
    """The elements of a page, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(page: str) -> None:
    """No element and no attribute but those of the pages: the text of a run never becomes markup."""
    for tag, attributes in Elements(page).found:
        assert tag != "img" or attributes["src"] == "/static/icon.svg"
        assert tag not in ("style", "iframe", "object", "base", "embed")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action"):
            address = attributes.get(name) or "/"
            assert re.match(r"/(?!/)|https?://|#", address), address
        if tag == "script":
            assert attributes["src"] in SCRIPTS
