"""Every page shows what the workspace holds, and what a run holds stays text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser

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
    assert response.status_code == (400 if path in ("/run", "/log") else 200)
    assert "Traceback" not in response.text


def test_runs_are_listed_with_the_columns_that_differ(browser: TestClient) -> None:
    page = browser.get("/?where=has metrics.accuracy").text
    text = text_of(page)
    assert "learning_rate" in text
    assert "epochs" not in text
    assert "Show all columns" in text
    assert "epochs" in text_of(browser.get("/?where=has metrics.accuracy&columns=all").text)


def test_a_filter_selects_and_a_wrong_one_is_explained(browser: TestClient) -> None:
    text = text_of(browser.get("/", params={"where": "metrics.accuracy > 0.9"}).text)
    assert "march" in text
    assert "april" not in text
    wrong = browser.get("/", params={"where": "metrics.accuracy >> 0.9"})
    assert wrong.status_code == 400
    assert 'role="alert"' in wrong.text
    assert 'value="metrics.accuracy &gt;&gt; 0.9"' in wrong.text
    assert "No run matches." in text_of(browser.get("/", params={"where": "metrics.accuracy > 2"}).text)


def test_runs_are_sorted_by_a_metric(browser: TestClient) -> None:
    def order(sort: str) -> list[str]:
        page = browser.get("/", params={"sort": sort, "where": "has metrics.accuracy"}).text
        return re.findall(r'name="run" value="churn\.(\w+)"', page)

    assert order("metrics.accuracy desc") == ["march", "april"]
    assert order("metrics.accuracy asc") == ["april", "march"]


def test_a_baseline_comes_first_and_the_others_show_their_distance(browser: TestClient) -> None:
    text = text_of(browser.get("/", params={"baseline": "churn.march", "metric": "accuracy"}).text)
    assert re.search(r"-0\.0400 ▼", text)
    page = browser.get("/", params={"baseline": "churn.april", "metric": "loss"}).text
    assert re.search(r"-0\.0400 ▲", text_of(page))
    assert page.index('value="churn.april"') < page.index('value="churn.march"')


def test_a_page_of_runs_leads_to_the_older_ones(ctx: Contexta) -> None:
    for number in range(51):
        put_run(ctx, f"r{number:02}", started_at=f"2025-02-15T08:00:{number:02}Z")
    browser = TestClient(site(ctx))
    first = browser.get("/").text
    (older,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = browser.get(html.unescape(older)).text
    listed = [re.findall(r'name="run" value="([^"]+)"', page) for page in (first, second)]
    assert (len(listed[0]), listed[1]) == (50, ["p.r00"])


def test_two_runs_are_compared(browser: TestClient) -> None:
    text = text_of(browser.get("/compare", params={"run": ["churn.march", "churn.april"]}).text)
    assert "contexta diff churn.march churn.april" in text
    assert "-0.0400" in text
    assert "learning_rate" in text
    assert "2.3.3 3.0.2" in text_of(browser.get("/compare?run=hand-march&run=hand-april").text)


def test_three_runs_are_compared_and_eleven_are_too_many(browser: TestClient) -> None:
    names = ["churn.march", "churn.april", "churn.hand-march"]
    assert "contexta compare" in text_of(browser.get("/compare", params={"run": names}).text)
    response = browser.get("/compare", params={"run": ["churn.march"] * 11})
    assert (response.status_code, "select fewer runs" in response.text) == (400, True)


def test_why_names_the_suspects_and_the_command_that_proves(browser: TestClient) -> None:
    text = text_of(browser.get("/why?old=churn.march&new=churn.april&metric=accuracy").text)
    assert "accuracy dropped from 0.91 to 0.87" in text
    assert "contexta bisect churn.march churn.april --metric accuracy" in text


def test_a_timeline_shows_the_versions_of_a_package(browser: TestClient) -> None:
    text = text_of(browser.get("/timeline?package=pandas").text)
    assert "2.3.3" in text
    assert "3.0.2" in text


def test_a_run_shows_its_metrics_and_curves(browser: TestClient) -> None:
    page = browser.get("/run?run=churn.march").text
    assert "accuracy" in text_of(page)
    assert "<svg" in page


def test_an_unknown_run_is_not_found_with_the_next_step(browser: TestClient) -> None:
    response = browser.get("/run?run=marhc")
    assert response.status_code == 404
    assert "hint:" in response.text


def test_an_empty_workspace_shows_the_first_command(ctx: Contexta) -> None:
    text = text_of(TestClient(site(ctx)).get("/").text)
    assert "No runs yet." in text
    assert "contexta run --name first -- python train.py" in text


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
        for parameter in ("where", "sort", "project", "metric", "baseline", "after", "columns"):
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
            assert attributes["src"] in ("/static/contexta.js", "/static/find.js")
