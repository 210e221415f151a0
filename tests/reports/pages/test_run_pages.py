"""HTML pages of runs hold learning curves, uncommitted changes and output, and nothing in them becomes markup."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta

HOSTILE = "</script></pre><img src=x onerror=alert(1)>"
TRAIN = f"""
import contexta
for step in range(40):
    contexta.log({{"loss": 1 / (step + 1), "acc{HOSTILE}": step}}, step=step)
    print("\\x1b[31mstep\\x1b[0m", step, "{HOSTILE}")
"""


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def assert_inert(html: str) -> None:
    """Nothing in the page loads or runs anything, except the script of the page itself."""
    page = Tags(html)
    assert not page.tags & {"img", "iframe", "object", "link", "embed"}
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "style")}
    assert html.count("<script") <= 1
    assert HOSTILE not in html


@pytest.fixture
def recorded(tmp_path: Path, cli: Cli) -> Contexta:
    """Two runs of a program with hostile output, metrics and changes."""
    (tmp_path / "train.py").write_text("print('old')\n", encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "train.py"], ["commit", "-qm", "one"]):
        identity = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    for name in ("first", "second"):
        done = cli("run", "--name", name, "--project", "shop", "--", "python", "train.py")
        assert done.returncode == 0, done.stderr
    return Contexta(workspace=tmp_path / ".contexta")


def test_the_page_of_a_run_holds_curves_changes_and_output(recorded: Contexta, cli: Cli, tmp_path: Path) -> None:
    screen = cli("show", "second").stdout
    assert cli("show", "second", "--html", "run.html").returncode == 0
    html = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert_inert(html)
    assert html.count('class="chart"') == 2
    assert "<h2>Uncommitted changes</h2>" in html
    assert "<span class=\"removed\">-print('old')\n</span>" in html
    assert '<span class="added">+import contexta\n</span>' in html
    assert "<h2>Output: stdout</h2>" in html
    assert "step 39 &lt;/script&gt;" in html
    assert "\x1b" not in html
    assert "python train.py" in html
    assert "Uncommitted changes" not in screen
    assert recorded.build_run_page("second").to_html() == html


def test_a_page_says_which_stored_text_cannot_be_read(recorded: Contexta, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / ".contexta" / "objects")
    html = recorded.build_run_page("second").to_html()
    assert "stdout cannot be read" in html
    assert "the uncommitted changes cannot be read" in html


def test_a_report_of_several_runs_overlays_their_curves(recorded: Contexta, cli: Cli) -> None:
    second = cli("report", "first", "second", "--html", "-").stdout
    assert_inert(second)
    assert second.count('class="chart named"') == 2
    assert len(re.findall(r'<path class="series s2"[^>]*vector-effect', second)) == 2
    assert "Problems of first" in second
    assert cli("compare", "first", "second", "--html", "-").stdout.count('class="chart named"') == 2
    assert cli("compare", "first", "second", "first", "--html", "-").stdout.count('class="chart named"') == 2
    many = recorded.build_multi_run_report(["first", "second", "first"]).to_html()
    assert 'class="chart named"' in many
    first = cli("report", "second", "--html", "-").stdout
    assert_inert(first)
    assert "Can it be rebuilt?" in first
    assert "<h2>Output: stdout</h2>" in first
    assert "<svg" not in cli("report", "second").stdout
    assert "Output: stdout" not in cli("report", "second").stdout


def test_a_page_about_runs_does_not_take_their_names_for_metrics(ctx: Contexta) -> None:
    for name in ("loss", "accuracy"):
        with ctx.run(name, project="shop") as run:
            for step in range(3):
                run.metric("loss", 1.0, step=step)
    assert "loss over steps" in ctx.build_run_report("loss", "accuracy").to_html()
    assert "loss over steps" in ctx.build_run_page("loss").to_html()
    for compared in (ctx.compare_runs, ctx.diff_runs, ctx.explain_regression):
        assert "loss over steps" in ctx.build_page_with_curves(compared("loss", "accuracy")).to_html()


def test_a_report_of_many_runs_says_that_it_draws_no_curves(ctx: Contexta) -> None:
    names = [put_run(ctx, f"r{number}", metrics={"loss": 1.0}) for number in range(27)]
    html = ctx.build_multi_run_report(names).to_html()
    assert "curves are drawn for up to 26 runs; this page is about 27" in html
