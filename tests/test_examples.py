"""The examples and the README run as they are written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT
from support.studies import a_space, studied

from contexta.cli.app import COMMANDS

STORY = ROOT / "examples" / "case_studies"
SAID = """\
Metric comparison: last-month -> this-month
train/accuracy: -0.0400
train/precision: -0.0420
train/recall: -0.0360

Environment changes:
Python changed: False
numpy: 1.24.0 -> 1.26.4
torch: 2.0.0 -> 2.1.0

Reproducibility: partial
Packages logged: 5
"""


def run(directory: Path, *command: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=directory, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_seed_story_is_told_the_same_however_often_it_is_recorded(tmp_path: Path) -> None:
    for _ in range(2):
        said = run(tmp_path, STORY / "case02_seed_performance_regression_data.py")
        assert said == "Seeded product-categorization data in .contexta.\n"
        assert run(tmp_path, STORY / "case02_analyze_performance_regression.py") == SAID


def test_readme_shows_what_the_commands_print(tmp_path: Path) -> None:
    run(tmp_path, STORY / "case02_seed_performance_regression_data.py")
    shown = run(tmp_path, "-m", "contexta.cli", "diff", "last-month", "this-month")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert shown.strip() in readme


def test_python_in_the_readme_and_the_tutorial_runs(tmp_path: Path) -> None:
    found = 0
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for number, code in enumerate(
            re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
        ):
            directory = tmp_path / f"{page.stem}-{number}"
            directory.mkdir()
            (directory / "snippet.py").write_text(code, encoding="utf-8")
            if '"report.json"' in code:  # a page that goes on from what `contexta bisect --json` printed
                done = studied(a_space("a", "b"), {frozenset("b"): 0.2})
                (directory / "report.json").write_text(done.model_dump_json(indent=2), encoding="utf-8")
            run(directory, "snippet.py")
            found += 1
    assert found >= 2


@pytest.mark.online
@pytest.mark.slow
def test_two_real_environments_are_recorded_and_told_apart(tmp_path: Path) -> None:
    said = run(tmp_path, ROOT / "examples" / "two_environments" / "compare.py", tmp_path / "two")
    assert re.search(r"scikit-learn +1\.3\.2 +-> +1\.4\.2", said)
    assert re.search(r"scipy +1\.11\.4 +-> +1\.13\.1", said)
    assert "numpy  1" not in said.partition("Packages")[2]
    assert re.search(r"train/accuracy +0\.9\d+ +0\.9\d+ +[+-]0\.0\d+", said)


def test_every_link_between_the_pages_leads_somewhere() -> None:
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not target.startswith("https://") and not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"### `contexta {name}" not in page] == []
