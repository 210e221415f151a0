"""The page of a study: live while it runs, stopped, and with its proof."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Literal

import pytest
from starlette.testclient import TestClient
from support.studies import a_space, status_within, studied

from contexta import Contexta
from contexta.bisect.session import study_files
from contexta.findings.bisect import BisectReport, Release, Releases, StoppedEarly
from contexta.ui.access import Access
from contexta.ui.routes import site

TOKEN = "the-token-of-this-start"


@pytest.fixture(scope="module")
def report() -> BisectReport:
    return studied(a_space("culprit", "innocent", "other"), {frozenset({"culprit"}): 0.05})


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / ".contexta" / "bisect"
    (folder / "study").mkdir(parents=True)
    return folder


@pytest.fixture
def browser(ctx: Contexta) -> TestClient:
    client = TestClient(Access(site(ctx), TOKEN), base_url="http://127.0.0.1:7300")
    client.get(f"/?token={TOKEN}")
    return client


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_a_running_study_shows_suspects_trials_and_the_time_left(
    browser: TestClient, studies: Path, report: BisectReport
) -> None:
    trials = next(trial.number for trial in report.trials if trial.purpose == "proof")
    study_files.write_status(studies / "study", status_within(report, trials))
    html = browser.get("/bisect").text
    text = text_of(html)
    assert 'data-live="yes"' in html
    assert f"Running trial {trials + 1}" in text
    assert "culprit is the leading suspect at 88 %" in text
    assert f"{trials} done, about 6 left, 60 at most" in text
    assert re.search("culprit 1.0 → 2.0 88 % (bad with it in|good without it in)", text)
    assert text.count("● good") + text.count("◆ bad") == trials
    posted = [form for form in re.findall("<form[^>]*>", html) if "post" in form]
    assert all('action="/theme"' in form for form in posted)  # the browser changes no study


@pytest.mark.parametrize("state", ["interrupted", "failed", "killed"])
def test_a_stopped_study_says_so_and_gives_the_command_that_continues(
    browser: TestClient, studies: Path, report: BisectReport, state: str
) -> None:
    status = status_within(report, 3)
    if state == "killed":
        status = status.model_copy(update={"process": {**status.process, "began": 1}})
    else:
        status = status.model_copy(update={"state": state, "reason": "no space", "running": None})
    study_files.write_status(studies / "study", status)
    html = browser.get("/bisect").text
    text = text_of(html)
    assert "data-live" not in html
    assert {"interrupted": "stopped by Ctrl-C", "failed": "no space", "killed": "no end"}[state] in text
    assert "contexta bisect --resume" in text
    assert "3 trials ended" in text


def test_a_proved_study_shows_its_facts_and_releases(browser: TestClient, studies: Path, report: BisectReport) -> None:
    releases = Releases(
        package="culprit",
        last_good="1.0",
        first_bad="1.5",
        observed_bad="1.5",
        between=(),
        released=1,
        tried=(Release(version="1.5", state="bad", values=(0.85, 0.85)),),
        links={"Changelog": "https://example.org/changes", "Evil": "javascript:alert(1)"},
    )
    report = report.model_copy(update={"releases": releases}).sealed()
    study_files.write_report(studies / "study", report)
    html = browser.get("/bisect").text
    text = text_of(html)
    assert "at this fixed seed culprit 1.0 → 2.0 lowered m by 0.0500" in text
    assert text.count("holds") == len(report.proof) == 4
    assert "1.5 first bad 0.8500, 0.8500" in text
    assert "javascript:" not in html
    assert "https://example.org/changes" in html
    assert browser.get("/bisect.json").json() == report.to_dict()
    assert "default-src 'none'; sandbox" in browser.get("/bisect.html").headers["content-security-policy"]
    assert browser.get("/bisect.md").text.startswith("## Bisect of m")


def test_earlier_studies_are_listed_and_opened_by_name(
    browser: TestClient, studies: Path, report: BisectReport
) -> None:
    (studies / "earlier").mkdir()
    study_files.write_report(studies / "earlier", report)
    study_files.write_status(studies / "study", status_within(report, 4))
    html = browser.get("/bisect").text
    assert "/bisect?study=earlier" in html
    assert "proved: culprit" in text_of(html)
    assert "culprit 1.0 → 2.0 lowered m" in text_of(browser.get("/bisect?study=earlier").text)
    for name in ("gone", "..", "../bisect", str(studies)):
        assert browser.get("/bisect", params={"study": name}).status_code == 404


def test_a_study_without_a_trial_says_what_it_does(browser: TestClient, studies: Path) -> None:
    assert "contexta bisect OLD NEW" in text_of(browser.get("/bisect").text)
    (studies / "study" / "study.json").write_text("{}")
    assert "no trial has started yet" in text_of(browser.get("/bisect").text)


def test_damaged_files_of_a_study_are_named(browser: TestClient, studies: Path) -> None:
    (studies / "study" / "status.json").write_text("{")
    response = browser.get("/bisect")
    assert response.status_code == 400
    assert "status.json is damaged" in text_of(response.text)


@pytest.mark.parametrize(("equal_to", "sign"), [("OLD", "● good"), ("NEW", "◆ bad")])
def test_a_trial_stopped_early_shows_the_endpoint_that_it_equals(
    browser: TestClient, studies: Path, report: BisectReport, equal_to: Literal["OLD", "NEW"], sign: str
) -> None:
    stopped = StoppedEarly(step=3, last_step=59, equal_to=equal_to, since=1, run=report.trials[0].run or "")
    reason = f"stopped at step 3 of 59, equal to {equal_to} since step 1"
    at = next(place for place, trial in enumerate(report.trials) if trial.purpose == "search")
    trials = list(report.trials)
    trials[at] = trials[at].model_copy(update={"value": None, "stopped": stopped, "reason": reason})
    study_files.write_report(studies / "study", report.model_copy(update={"trials": tuple(trials)}).sealed())
    html = browser.get("/bisect").text
    assert f"≈ {equal_to} {sign}" in text_of(html)
    assert reason in text_of(html)
    assert "no value" not in text_of(html)
    assert f"dot {equal_to.lower()} hollow" in html
    assert "stopped early, at the value of the run that it equals" in text_of(html)


def test_releases_without_a_trial_have_no_empty_table(browser: TestClient, studies: Path, report: BisectReport) -> None:
    releases = Releases(
        package="culprit",
        last_good="1.0",
        first_bad="2.0",
        observed_bad="2.0",
        between=(),
        released=0,
        tried=(),
        links={},
    )
    study_files.write_report(studies / "study", report.model_copy(update={"releases": releases}).sealed())
    html = browser.get("/bisect").text
    assert "0 releases between OLD and NEW, 0 tried" in text_of(html)
    assert 'aria-label="Releases"' not in html
