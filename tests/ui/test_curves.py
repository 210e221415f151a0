"""The data of curves: at most two points for each pixel, and the same again at no cost."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files
from typing import Any

import pytest
from starlette.testclient import TestClient

from contexta import Contexta
from contexta.ui.routes import site

VENDORED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""The files of uPlot 1.6.32 as its package on npm has them."""


@pytest.fixture
def browser(ctx: Contexta) -> TestClient:
    for name, level in (("march", 0.9), ("april", 0.8)):
        with ctx.run(name, project="churn") as run:
            for step in range(3_000):
                run.metric("loss", math.sin(step / 50) + level, step=10 * step)
            run.metric("loss", 99.0, step=15_001)
            run.metric("final", 1.0)
    return TestClient(site(ctx))


def curves(browser: TestClient, **parameters: Any) -> Any:
    return browser.get("/curves.json", params={"run": "churn.march", "metric": "loss", **parameters}).json()


def test_vendored_files_are_those_of_the_release_and_have_their_licence() -> None:
    folder = files("contexta.ui").joinpath("static", "uplot")
    for name, digest in VENDORED.items():
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == digest
    assert "The MIT License" in folder.joinpath("LICENSE").read_text(encoding="utf-8")


def test_a_long_curve_has_two_points_per_column_with_its_extremes(browser: TestClient) -> None:
    (curve,) = curves(browser, columns=100)["curves"]
    assert curve["points"] == 3_001
    assert len(curve["x"]) == len(curve["y"]) <= 200
    assert (15_001, 99.0) in zip(curve["x"], curve["y"], strict=True)
    assert (curve["low"], curve["high"]) == (pytest.approx(-0.1, abs=1e-3), 99.0)


def test_runs_are_overlaid_by_step_or_by_time_since_their_start(browser: TestClient) -> None:
    both = {"run": ["churn.march", "churn.april"]}
    steps = curves(browser, **both)
    assert [curve["name"] for curve in steps["curves"]] == ["march", "april"]
    seconds = curves(browser, x="relative", **both)
    assert seconds["axis"] == "time"
    assert all(0 <= curve["x"][0] < 60 < 1e9 < curve["started"] for curve in seconds["curves"])


def test_a_smoothed_curve_comes_with_the_recorded_one(browser: TestClient) -> None:
    (curve,) = curves(browser, smooth="0.9")["curves"]
    assert max(curve["smooth"]["y"]) < max(curve["y"]) == 99.0


def test_a_value_that_no_axis_has_is_a_gap(ctx: Contexta) -> None:
    with ctx.run("march", project="churn") as run:
        for step, value in enumerate([1.0, math.nan, -1.0, math.inf, 2.0]):
            run.metric("loss", value, step=step)
    browser = TestClient(site(ctx))
    (curve,) = curves(browser)["curves"]
    assert (curve["y"], curve["not_finite"]) == ([1.0, None, -1.0, None, 2.0], 2)
    (curve,) = curves(browser, log="1")["curves"]
    assert curve["y"] == [1.0, None, None, None, 2.0]


def test_the_same_curve_again_has_no_body_until_it_grows(ctx: Contexta) -> None:
    browser = TestClient(site(ctx))
    with ctx.run("march", project="churn") as run:
        run.metric("loss", 1.0, step=0)
        run.metric("loss", 0.5, step=1)
        address = "/curves.json?run=churn.march&metric=loss"
        first = browser.get(address)
        again = browser.get(address, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        run.metric("loss", 0.4, step=2)
        grown = browser.get(address, headers={"if-none-match": first.headers["etag"]})
        assert grown.json()["curves"][0]["y"] == [1.0, 0.5, 0.4]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("metric=loss", 400),
        ("run=churn.march", 400),
        ("run=churn.march&metric=lose", 404),
        ("run=nobody&metric=loss", 404),
        ("run=churn.march&metric=loss&columns=9999999", 400),
        ("run=churn.march&metric=loss&columns=-1", 400),
        ("run=churn.march&metric=loss&columns=" + "9" * 5_000, 400),
        ("&".join(["run=churn.march"] * 11) + "&metric=loss", 400),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(browser: TestClient, query: str, status: int) -> None:
    response = browser.get(f"/curves.json?{query}")
    assert response.status_code == status
    assert response.json()["error"]


def test_a_curve_is_drawn_for_browsers_without_scripts(browser: TestClient) -> None:
    page = browser.get("/run?run=churn.march").text
    assert '<noscript><p><a href="/curves?run=churn.march&amp;metric=loss">' in page
    assert '<svg class="chart"' in browser.get("/curves?run=churn.march&metric=loss").text


def test_switches_of_the_axes_keep_the_rest_of_the_address(browser: TestClient) -> None:
    page = browser.get("/run?run=churn.march&smooth=0.9&log=1").text
    assert 'href="/run?run=churn.march&amp;x=relative&amp;log=1&amp;smooth=0.9"' in page
    assert 'href="/run?run=churn.march&amp;smooth=0.9"' in page
