"""Every finding has a page, and its Markdown, HTML and notebook form say the same."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta, contract, findings, reports

OLD = {"packages": {"torch": "2.0.0", "numpy": "1.24.0"}}
NEW = {"packages": {"torch": "2.1.0", "numpy": "1.24.0"}}


@pytest.fixture
def story(ctx: Contexta) -> Contexta:
    for name, accuracy, environment in (("old", 0.91, OLD), ("new", 0.87, NEW)):
        put_run(ctx, name, metrics={"accuracy": accuracy, "same": 1}, stage="train", environment=environment)
    return ctx


def test_diff_as_markdown_is_that_of_the_finding(story: Contexta, cli: Cli) -> None:
    done = cli("diff", "old", "new", "--markdown")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == story.diff_runs("old", "new").to_markdown()
    assert "| train/accuracy | 0.91 | 0.87 | -0.0400 | -4.4% |" in done.stdout
    assert "| torch | 2.0.0 | 2.1.0 | minor upgrade |" in done.stdout
    assert "| numpy |" not in done.stdout


def test_html_also_contains_the_rows_without_a_difference(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    done = cli("diff", "old", "new", "--html", "diff.html", "--exit-code")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "written to diff.html\n")
    html = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert html == story.diff_runs("old", "new").to_html()
    assert '<tr class="same"><th scope="row" class="short">numpy</th>' in html


def test_with_html_alone_nothing_is_printed(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    for command in ("report old", "env old --requirements", "show old"):
        done = cli(*command.split(), "--html", "page.html")
        assert (done.returncode, done.stdout) == (0, ""), command
        assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_file_is_written_in_addition_to_json(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    done = cli("audit", "old", "--html", "a.html", "--json")
    assert json.loads(done.stdout)["reproducibility_status"] == "partial"
    assert "Audit of p.old" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_two_formats_at_once_and_a_file_that_cannot_be_written_are_refused(story: Contexta, cli: Cli) -> None:
    both = cli("show", "old", "--json", "--markdown")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--json and --markdown" in both.stderr
    nowhere = cli("show", "old", "--html", "no/such/place.html")
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith("error: no/such/place.html: ")


@pytest.mark.parametrize("command", ["show old", "compare old new", "compare old new old", "audit new", "diff"])
def test_every_command_prints_its_page_as_markdown(story: Contexta, cli: Cli, command: str) -> None:
    done = cli(*command.split(), "--markdown")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## ")


def test_notebook_shows_a_finding_as_its_page(story: Contexta) -> None:
    finding = story.diff_runs("old", "new")
    assert "<h3>old -&gt; new (p)</h3>" in finding._repr_html_()
    assert finding._repr_markdown_() == finding.to_markdown()


def test_a_finding_without_a_page_is_shown_field_by_field(story: Contexta) -> None:
    stage = story.compare_runs("old", "new").stage_comparisons[0]
    text = stage.to_markdown()
    assert text.startswith("## Stage Comparison\n")
    assert "| stage_name | train |" in text
    assert "| accuracy | 0.91 | 0.87 | -0.04 |" in text
    assert '<th scope="row" class="short">accuracy</th>' in stage.to_html()


def test_every_page_is_the_function_of_a_finding_that_exists() -> None:
    for name, page in reports.PAGES.items():
        assert hasattr(findings, name) or hasattr(contract, name)
        module, _, function = page.partition(":")
        assert callable(getattr(import_module(f"contexta.reports.pages.{module}"), function))


def test_pages_are_loaded_when_one_is_displayed() -> None:
    code = (
        "import sys; from contexta.findings import RunDiff; assert 'contexta.reports' not in sys.modules; "
        "from contexta.findings import MetricDelta as M; M(metric_key='a', left_value=1, right_value=1, delta=0, "
        "change_ratio=0)._repr_html_(); assert 'contexta.reports' in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
