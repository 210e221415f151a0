"""`contexta diff --issue`: a text for the issue tracker of a package."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.analysis.environments.release_notes import release_notes

OLD = {"click": "8.0.0", "numpy": "1.26.4", "six": "1.16.0", "absent-here": "1.0", "stays": "2.0"}
NEW = {"click": "8.1.8", "numpy": "1.26.4", "six": "1.17.0", "absent-here": "2.0", "stays": "2.0"}


@pytest.fixture
def upgraded(ctx: Contexta) -> Contexta:
    for name, accuracy, packages in (("march", 0.91, OLD), ("april", 0.87, NEW)):
        imports = {"distributions": {"click": ["click"], "numpy": ["numpy"]}}
        environment = {"packages": packages, "python_version": "3.11.7", "imports": imports}
        put_run(ctx, name, metrics={"accuracy": accuracy}, environment=environment)
    return ctx


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            "Home-page: https://a.org\nProject-URL: Source, https://github.com/a/b\nProject-URL: Change Log, https://a.org/c",
            ("release notes", "https://a.org/c"),
        ),
        ("Project-URL: What's New, https://a.org/new", ("release notes", "https://a.org/new")),
        ("Project-URL: Bug Tracker, https://github.com/a/b/issues\nProject-URL: Code, https://github.com/a/b.git",
         ("releases", "https://github.com/a/b/releases")),
        ("Project-URL: Homepage, https://a.org/x_y", ("home page", "https://a.org/x_y")),
        ("Project-URL: Changelog, javascript:alert(1)", None),
        ("Project-URL: Changelog, https://a.org/) <script>", None),
        ("Project-URL: Changelog", None),
        ("Name: a", None),
    ],
)  # fmt: skip
def test_release_notes_come_before_releases_and_home_pages(fields: str, expected: tuple[str, str] | None) -> None:
    assert (
        release_notes(f"Metadata-Version: 2.1\n{fields}\n\nProject-URL: Changelog, https://description.org") == expected
    )


def test_the_issue_has_linked_changes_and_the_versions_of_both_runs(upgraded: Contexta, cli: Cli) -> None:
    done = cli("diff", "march", "april", "--issue", "--markdown")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "hint: --online reads the missing addresses from the package index\n"
    assert "--online" not in done.stdout, "the text is pasted"
    headings = re.findall(r"^### (.*)$", done.stdout, re.MULTILINE)
    assert headings == ["Metrics", "Changed packages", "Versions in march", "Versions in april"]
    html = MarkdownIt("commonmark").enable("table").render(done.stdout)
    assert re.search(r'<td>click</td>\s*<td>8.0.0</td>\s*<td>8.1.8</td>\s*<td><a href="https://[^"]+">', html)
    assert "unknown: not installed here" in html
    old, new = done.stdout.partition("Versions in march")[2].split("Versions in april")
    assert ("| numpy | 1.26.4 |" in old, "| click | 8.1.8 |" in new, "| Python | 3.11.7 |" in new) == (True,) * 3
    assert "stays" not in done.stdout
    assert "and 1 package that no run imported" in old
    changes = json.loads(cli("diff", "march", "april", "--issue", "--json").stdout)["changes"]
    assert [change["key"] for change in changes] == ["absent-here", "click", "six"]
    assert {change["source"] for change in changes if change["key"] == "click"} == {"installed"}
    screen = cli("diff", "march", "april", "--issue").stdout
    assert re.search(r"click +8\.0\.0 +8\.1\.8 +https://", screen)


def test_without_recorded_imports_all_packages_are_listed(ctx: Contexta, cli: Cli) -> None:
    for name, packages in (("march", OLD), ("april", NEW)):
        put_run(ctx, name, environment={"packages": packages, "python_version": "3.11.7"})
    page = cli("diff", "march", "april", "--issue", "--markdown").stdout
    assert page.count("| stays |") == 2
    assert "no run imported" not in page


def test_online_needs_the_issue(upgraded: Contexta, cli: Cli) -> None:
    done = cli("diff", "march", "april", "--online")
    assert (done.returncode, "hint: add --issue" in done.stderr) == (2, True)


@pytest.mark.online
def test_missing_links_are_read_from_the_index(upgraded: Contexta, tmp_path: Path) -> None:
    put_run(upgraded, "may", environment={"packages": {"inflection": "0.5.1"}, "python_version": "3.11.7"})
    (change, *_) = [
        item for item in upgraded.draft_issue("april", "may", online=True).changes if item.key == "inflection"
    ]
    assert (change.source, change.url) == ("index", "https://github.com/jpvanhal/inflection/releases")
