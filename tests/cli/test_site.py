"""`contexta report --site` writes linked pages, updates what changed, and leaves the files of others alone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, change_unseen, put_run

from contexta import Contexta
from contexta.core.errors import InvalidInput

HOSTILE = "</h1><script>alert(1)</script>"


class Hrefs(HTMLParser):
    """The targets of the links of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value or "" for name, value in attrs if name in ("href", "src")]


def put_numbered(ctx: Contexta, number: int, **changes: str) -> None:
    times: dict[str, Any] = {
        "started_at": f"2025-02-{number:02}T08:00:00Z",
        "ended_at": f"2025-02-{number:02}T09:00:00Z",
    }
    put_run(ctx, f"r{number}", metrics={"accuracy": number / 10, "zeta": 1.0}, **{**times, **changes})


@pytest.fixture
def three_runs(ctx: Contexta) -> Contexta:
    for number in (1, 2, 3):
        put_numbered(ctx, number)
    put_run(ctx, "other", project="con", display_name=HOSTILE)  # the name of a device of Windows
    return ctx


@pytest.mark.usefixtures("three_runs")
def test_every_page_is_reached_by_relative_links(cli: Cli, tmp_path: Path) -> None:
    done = cli("report", "--site", "site")
    assert "4 runs; pages: 9 written, 0 unchanged, 0 removed" in done.stdout
    reached, waiting = set(), [tmp_path / "site" / "index.html"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = Hrefs(page).targets
            assert all(re.fullmatch(r"(\.\./)?([a-z]+/)?[a-z0-9.-]+\.html", target) for target in targets)
            waiting += [(page.parent / target).resolve() for target in targets]
    assert reached == set((tmp_path / "site").rglob("*.html"))
    assert all(HOSTILE not in page.read_text(encoding="utf-8") for page in reached)


def test_the_index_lists_the_latest_run_first_with_its_main_metrics(three_runs: Contexta, tmp_path: Path) -> None:
    three_runs.write_site(tmp_path / "site")
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'href="runs/p\.(r\d)\.html"', index) == ["r3", "r2", "r1"]
    assert index.index(">accuracy</th>") < index.index(">zeta</th>")
    run = (tmp_path / "site" / "runs" / "p.r2.html").read_text(encoding="utf-8")
    assert '<a href="../runs/p.r1.html">← r1</a>' in run
    assert '<a href="../runs/p.r3.html">r3 →</a>' in run
    assert '<a href="../compare/p.r2.html">Compare with r1</a>' in run
    comparison = (tmp_path / "site" / "compare" / "p.r2.html").read_text(encoding="utf-8")
    assert "r1 -&gt; r2" in comparison


def test_a_second_time_only_what_changed_is_written(three_runs: Contexta, tmp_path: Path) -> None:
    three_runs.write_site(tmp_path / "site")
    again = three_runs.write_site(tmp_path / "site")
    assert (again.written, again.unchanged, again.removed) == (0, 9, 0)
    put_numbered(three_runs, 4)
    added = three_runs.write_site(tmp_path / "site")
    # The new run with its comparison, the link to it on the run before it, the project and the index.
    assert (added.written, added.unchanged, added.removed) == (5, 6, 0)
    three_runs.tag_run("r1", {"reviewed": "yes"})
    assert three_runs.write_site(tmp_path / "site").written == 2  # the run, and the comparison with the next one
    assert "reviewed" in (tmp_path / "site" / "runs" / "p.r1.html").read_text(encoding="utf-8")
    (tmp_path / "site" / "runs" / "p.r1.html").unlink()
    assert three_runs.write_site(tmp_path / "site").written == 1


def test_the_pages_of_an_open_run_are_always_written(three_runs: Contexta, tmp_path: Path) -> None:
    with three_runs.run("live", project="con") as run:
        three_runs.write_site(tmp_path / "site")
        run.metric("accuracy", 0.5)
        again = three_runs.write_site(tmp_path / "site")
    assert "0.5" in (tmp_path / "site" / "runs" / "con-.live.html").read_text(encoding="utf-8")
    assert again.written == 4  # the run, its comparison, its project and the index


def test_pages_of_runs_that_are_gone_are_removed_and_other_files_stay(three_runs: Contexta, tmp_path: Path) -> None:
    site = tmp_path / "site"
    three_runs.write_site(site)
    (site / "CNAME").write_text("example.com", encoding="utf-8")
    with Contexta(workspace=tmp_path / "second") as second:
        put_run(second, "r1")
        result = second.write_site(site)
    assert result.removed == 6
    assert {path.name for path in site.rglob("*") if path.is_file()} == {
        "index.html",
        "p.html",
        "p.r1.html",
        "contexta-site.json",
        "CNAME",
    }


def test_a_directory_with_other_files_is_refused(three_runs: Contexta, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "index.html").write_text("mine", encoding="utf-8")
    refused = cli("report", "--site", "thesis")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "thesis contains other files" in refused.stderr
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["index.html"]
    (tmp_path / "empty").mkdir()
    assert cli("report", "--site", "empty").returncode == 0
    with pytest.raises(InvalidInput, match="is not a directory"):
        three_runs.write_site(tmp_path / "thesis" / "index.html")


def test_a_page_of_someone_else_in_a_site_is_not_overwritten(three_runs: Contexta, tmp_path: Path) -> None:
    site = tmp_path / "site"
    three_runs.write_site(site)
    (site / "runs" / "p.r9.html").write_text("mine", encoding="utf-8")
    put_numbered(three_runs, 9)
    with pytest.raises(InvalidInput, match="was not written by"):
        three_runs.write_site(site)
    assert (site / "runs" / "p.r9.html").read_text(encoding="utf-8") == "mine"
    elsewhere = tmp_path / "elsewhere"
    (site / "runs").rename(elsewhere)
    (site / "runs").symlink_to(elsewhere)
    with pytest.raises(InvalidInput, match="is not a directory of this site"):
        three_runs.write_site(site)


@pytest.mark.parametrize(
    "manifest",
    ["{", "[]", '{"format": 1}', '{"format": 2, "pages": {}}', '{"format": 1, "pages": {"../../keep.html": ""}}'],
)
def test_a_manifest_of_another_form_removes_nothing(three_runs: Contexta, tmp_path: Path, manifest: str) -> None:
    (tmp_path / "keep.html").write_text("mine", encoding="utf-8")
    (tmp_path / "a" / "site").mkdir(parents=True)
    (tmp_path / "a" / "site" / "contexta-site.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(InvalidInput, match="is damaged"):
        three_runs.write_site(tmp_path / "a" / "site")
    assert (tmp_path / "keep.html").exists()


def test_a_site_that_was_interrupted_is_completed(three_runs: Contexta, tmp_path: Path) -> None:
    site = tmp_path / "site"
    three_runs.write_site(site)
    manifest = json.loads((site / "contexta-site.json").read_text(encoding="utf-8"))
    manifest["pages"] = dict.fromkeys(manifest["pages"], "")  # as it is before the first page is written
    (site / "contexta-site.json").write_text(json.dumps(manifest), encoding="utf-8")
    (site / "runs" / "p.r3.html").unlink()
    assert three_runs.write_site(site).written == 9
    assert three_runs.write_site(site).written == 0


def test_damaged_data_of_one_run_leaves_the_other_pages(three_runs: Contexta, cli: Cli, tmp_path: Path) -> None:
    put_run(three_runs, "damaged", project="con", environment={})
    change_unseen(tmp_path / ".contexta", f"UPDATE environment_body SET digest = '{'0' * 64}'")
    done = cli("report", "--site", "site")
    assert done.returncode == 0
    assert "compare/con-.damaged.html: " in done.stdout
    page = (tmp_path / "site" / "compare" / "con-.damaged.html").read_text(encoding="utf-8")
    assert "This page cannot be written" in page
    assert "r3" in (tmp_path / "site" / "runs" / "p.r3.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize("arguments", [["report"], ["report", "r1", "--site", "site"]])
def test_a_report_is_about_runs_or_is_a_site(cli: Cli, tmp_path: Path, arguments: list[str]) -> None:
    assert cli(*arguments).returncode == 2
    assert not (tmp_path / "site").exists()
