"""Comparisons show what differs first, find lines, and keep their state in the address."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.builders import a_snapshot, put_run

from contexta import Contexta
from contexta.contract.environment import Distribution, Origin
from contexta.core.errors import InvalidInput
from contexta.ui.comparison import regex_search
from contexta.ui.comparison.comparison_state import ComparisonState
from contexta.ui.routes import site

PACKAGES = {
    "march": {"pandas": "2.3.3", "numpy": "1.26.4", "pytz": "2024.2", "ruff": "0.6.9", "six": "1.16.0"},
    "april": {"pandas": "3.0.2", "numpy": "1.26.5", "ruff": "0.12.1", "six": "1.16.0", "rich": "13.0"},
}


@pytest.fixture
def browser(ctx: Contexta) -> TestClient:
    for name, packages in PACKAGES.items():
        put_run(ctx, name, metrics={"accuracy": 0.91 if name == "march" else 0.87, "rows": 48})
        ctx.metadata_store.environments.put_environment_snapshot(
            a_snapshot(run=name, packages=packages, **recorded(packages))
        )
    return TestClient(site(ctx))


def recorded(packages: dict[str, str]) -> dict[str, Any]:
    """What only a recorded environment has: origins, imports, requirements."""
    index, git = Origin(kind="index"), Origin(kind="vcs", url="https://example.org/six", commit="d07ab31d07ab31")
    distributions = tuple(
        Distribution(
            name=name,
            version=version,
            origin=git if name == "six" and "rich" in packages else index,
            requested=name == "pandas",
            requires=("numpy>=1.26", "pytz>=2020", 'ruff ; extra == "dev"') if name == "pandas" else (),
        )
        for name, version in packages.items()
    )
    imports = {"distributions": {"pandas": ["pandas"], "numpy": ["numpy"], "pytz": ["pytz"]}, "own": []}
    return {"distributions": distributions, "imports": imports, "interpreter": {"implementation": "cpython"}}


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def rows(page: str, title: str) -> list[str]:
    """The rows of the table of a section, as text."""
    (part,) = re.findall(rf"<section><h2>{title}<.*?</section>", page, re.DOTALL)
    return [text_of(row) for row in re.findall(r"<tr.*?</tr>", part, re.DOTALL)][1:]


def test_packages_have_step_origin_imported_and_reason(browser: TestClient) -> None:
    page = browser.get("/compare?run=p.march&run=p.april").text
    assert rows(page, "Packages") == [
        "pandas major 2.3.3 3.0.2 an index imported requested",
        "numpy patch 1.26.4 1.26. 5 an index imported pulled in by pandas",
        "pytz removed 2024.2 absent an index imported pulled in by pandas",
        "ruff minor 0.6.9 0. 12.1 an index not imported nothing requires it",
        "rich added absent 13.0 an index not imported nothing requires it",
        "six other source 1.16.0 index 1.16.0 vcs https://example.org/six at d07ab31d07ab "
        "version control https://example.org/six @ d07ab31d07ab nothing requires it",
    ]


def test_the_answer_names_the_metric_and_what_changed(browser: TestClient) -> None:
    text = text_of(browser.get("/compare?run=p.march&run=p.april").text)
    assert re.search(r"accuracy fell from 0\.91 to 0\.87 \(.0\.0400, .4\.4\s?%\) , ▼ worse", text)
    assert "Changed: packages (6)" in text
    assert "Unknown: source" in text


def test_lines_without_a_difference_are_counted_until_everything_is_asked_for(browser: TestClient) -> None:
    page = browser.get("/compare?run=p.march&run=p.april").text
    assert "rows" not in "".join(rows(page, "Metrics"))
    everything = browser.get("/compare?run=p.march&run=p.april&show=all").text
    assert rows(everything, "Metrics")[-1].startswith("rows 48 48")
    assert text_of(page).count("the same") < text_of(everything).count("the same")


def test_a_search_finds_words_and_regular_expressions(browser: TestClient) -> None:
    address = "/compare?run=p.march&run=p.april"
    page = browser.get(f"{address}&q=pandas+major").text
    assert [row.split()[0] for row in rows(page, "Packages")] == ["pandas"]
    assert "1 line of 7" in text_of(page)
    page = browser.get(f"{address}&q=^packages (py|ru)&regex=1").text
    assert [row.split()[0] for row in rows(page, "Packages")] == ["pytz", "ruff"]
    assert "No line matches." in text_of(browser.get(f"{address}&q=nothing").text)


@pytest.mark.parametrize("pattern", ["(", "x" * 101, "(?P<a>", "a{5,1}"])
def test_a_wrong_expression_is_refused_and_all_lines_stay(browser: TestClient, pattern: str) -> None:
    response = browser.get("/compare", params={"run": ["p.march", "p.april"], "q": pattern, "regex": "1"})
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert len(rows(response.text, "Packages")) == 6
    with pytest.raises(InvalidInput):
        ComparisonState(query=pattern, is_regex=True).matcher(["text"])


def test_an_endless_expression_ends_and_all_lines_stay(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex_search, "_SECONDS", 0.3)
    parameters = {"run": ["p.march", "p.april"], "q": "((.?)*)*$^", "regex": "1"}
    response = browser.get("/compare", params=parameters)
    assert response.status_code == 400
    assert "takes longer than 0.3 seconds" in text_of(response.text)
    assert len(rows(response.text, "Packages")) == 6


def test_the_links_of_the_page_keep_its_state(browser: TestClient) -> None:
    page = browser.get("/compare?run=p.march&run=p.april&q=pandas&x=relative").text
    assert 'href="/compare?run=p.march&amp;run=p.april&amp;show=all&amp;q=pandas&amp;x=relative"' in page
    assert 'href="/compare?run=p.april&amp;run=p.march&amp;q=pandas&amp;x=relative"' in page


def test_a_comparison_is_copied_as_markdown_or_as_a_command(browser: TestClient) -> None:
    page = browser.get("/compare?run=p.march&run=p.april").text
    assert 'href="/compare.md?run=p.march&amp;run=p.april"' in page
    assert 'data-copy="contexta diff p.march p.april"' in page
    markdown = browser.get("/compare.md?run=p.march&run=p.april")
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert "| pandas | 2.3.3 | 3.0.2 |" in markdown.text


def test_one_run_is_compared_with_the_latest_and_the_latest_with_the_one_before(ctx: Contexta) -> None:
    for number, name in enumerate(("march", "april", "may")):
        put_run(ctx, name, started_at=f"2025-02-15T08:00:0{number}Z", metrics={"accuracy": number})
    browser = TestClient(site(ctx))
    assert 'data-copy="contexta diff p.march p.may"' in browser.get("/compare?run=p.march").text
    assert 'data-copy="contexta diff p.april p.may"' in browser.get("/compare?run=p.may").text


def test_many_runs_have_a_column_each(browser: TestClient, ctx: Contexta) -> None:
    put_run(ctx, "may", metrics={"accuracy": 0.9}, environment={"packages": {"pandas": "2.3.3", "six": "1.16.0"}})
    page = browser.get("/compare?run=p.march&run=p.april&run=p.may").text
    assert rows(page, "Metrics")[0] == "accuracy 0.91 0.87 0.9"
    assert "pandas 2.3.3 3.0.2 2.3.3" in rows(page, "Packages")
    everything = browser.get("/compare?run=p.march&run=p.april&run=p.may&show=all").text
    assert "six 1.16.0 1.16.0 1.16.0" in rows(everything, "Packages")


def test_the_patch_between_two_commits_is_shown(ctx: Contexta, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        options = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *options, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    commits = []
    for content in ("frame.sort()\n", "frame.sort_values()\n"):
        (tmp_path / "train.py").write_text(content, encoding="utf-8")
        git("add", "train.py")
        git("commit", "-qm", content.strip())
        commits.append(git("rev-parse", "HEAD"))
    for name, commit in zip(("march", "april"), commits, strict=True):
        source = {"commit": commit, "branch": "main", "dirty": False, "root": str(tmp_path)}
        put_run(ctx, name, metadata={"source": source})
    page = TestClient(site(ctx)).get("/compare?run=p.march&run=p.april").text
    assert '<span class="removed">-frame.sort()' in page
    assert '<span class="added">+frame.sort_values()' in page
    assert f"{commits[0][:7]} → {commits[1][:7]}, 1 file" in text_of(page)
