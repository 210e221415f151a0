"""Every answer has a page, and every face of it says the same."""

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


def test_diff_as_markdown_is_what_the_method_gives(story: Contexta, cli: Cli) -> None:
    done = cli("diff", "old", "new", "--markdown")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == story.diff_runs("old", "new").to_markdown()
    assert "| train/accuracy | 0.91 | 0.87 | -0.0400 | -4.4% |" in done.stdout
    assert "| torch | 2.0.0 | 2.1.0 | minor upgrade |" in done.stdout
    assert "| numpy |" not in done.stdout


def test_diff_as_a_file_holds_what_is_the_same_too(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    done = cli("diff", "old", "new", "--html", "diff.html", "--exit-code")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "written to diff.html\n")
    html = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert html == story.diff_runs("old", "new").to_html()
    assert '<tr class="same"><th scope="row">numpy</th>' in html


def test_file_is_written_beside_what_is_printed(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    done = cli("audit", "old", "--html", "a.html", "--json")
    assert json.loads(done.stdout)["reproducibility_status"] == "partial"
    assert "Audit of p.old" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_two_forms_at_a_time_and_a_place_that_cannot_be_written_are_refused(story: Contexta, cli: Cli) -> None:
    both = cli("show", "old", "--json", "--markdown")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--json and --markdown" in both.stderr
    nowhere = cli("show", "old", "--html", "no/such/place.html")
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith("error: no/such/place.html: ")


@pytest.mark.parametrize("command", ["show old", "compare old new", "compare old new old", "audit new", "diff"])
def test_answers_read_as_pages(story: Contexta, cli: Cli, command: str) -> None:
    done = cli(*command.split(), "--markdown")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## ")


def test_notebook_shows_a_finding_as_its_page(story: Contexta) -> None:
    found = story.diff_runs("old", "new")
    assert "<h3>old -&gt; new (p)</h3>" in found._repr_html_()
    assert found._repr_markdown_() == found.to_markdown()


def test_part_of_an_answer_is_told_field_by_field(story: Contexta) -> None:
    stage = story.compare_runs("old", "new").stage_comparisons[0]
    said = stage.to_markdown()
    assert said.startswith("## Stage Comparison\n")
    assert "| stage_name | train |" in said
    assert "| accuracy | 0.91 | 0.87 | -0.04 |" in said
    assert '<th scope="row">accuracy</th>' in stage.to_html()


def test_every_page_is_the_function_of_a_finding_that_exists() -> None:
    for name, page in reports.PAGES.items():
        assert hasattr(findings, name) or hasattr(contract, name)
        module, _, function = page.partition(":")
        assert callable(getattr(import_module(f"contexta.reports.pages.{module}"), function))


def test_pages_are_loaded_only_when_one_is_wanted() -> None:
    code = (
        "import sys; from contexta.findings import RunDiff; assert 'contexta.reports' not in sys.modules; "
        "from contexta.findings import MetricDelta as M; M(metric_key='a', left_value=1, right_value=1, delta=0, "
        "change_ratio=0)._repr_html_(); assert 'contexta.reports' in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
