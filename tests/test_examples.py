"""The examples run as they are written, and the README and the tutorial show what they print."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import pythons
from support.paths import ROOT

CASE_STUDIES = ROOT / "examples" / "case_studies"
OUTPUT = """\
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


def test_the_seed_scripts_print_the_same_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        output = run(tmp_path, CASE_STUDIES / "case02_seed_performance_regression_data.py")
        assert output == "Seeded product-categorization data in .contexta.\n"
        assert run(tmp_path, CASE_STUDIES / "case02_analyze_performance_regression.py") == OUTPUT


def test_the_readme_shows_an_excerpt_of_the_tutorial() -> None:
    readme, tutorial = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/tutorial.md"))
    (excerpt,) = re.findall(r"^```text\n(proved: .*?)^```", readme, re.M | re.S)
    shown = {" ".join(line.split()) for line in tutorial.splitlines()}
    assert [line for line in excerpt.splitlines() if " ".join(line.split()) not in shown] == []
    commands = re.findall(r"^\$ (contexta (?:run|diff|why|bisect) .*march.*)$", readme, re.M)
    assert len(commands) == 4
    assert [line for line in commands if f"$ {line}\n" not in tutorial] == []


def test_the_recording_loads_nothing_and_ends_with_the_proof() -> None:
    recording = (ROOT / "docs" / "images" / "terminal.svg").read_text(encoding="utf-8")
    assert "prefers-reduced-motion" in recording
    assert re.findall(r"<script|@import|(?:href|src)=|url\((?!#)", recording) == []
    text = html.unescape(re.sub(r"<[^>]+>", "", recording)).replace("\xa0", " ")
    assert "$ contexta bisect march april" in text
    assert text.index("proved: pandas") > text.index("$ contexta bisect march april")


@pytest.mark.online
@pytest.mark.slow
def test_the_tutorial_shows_what_its_commands_print(tmp_path: Path) -> None:
    python = pythons.found().get(12)
    if python is None:
        pytest.skip("there is no Python 3.12 here")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "transcript.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": python},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.online
@pytest.mark.slow
def test_two_real_environments_differ_in_the_packages_that_were_exchanged(tmp_path: Path) -> None:
    output = run(tmp_path, ROOT / "examples" / "two_environments" / "compare.py", tmp_path / "two")
    assert re.search(r"scikit-learn +1\.3\.2 +1\.4\.2 +minor upgrade", output)
    assert re.search(r"scipy +1\.11\.4 +1\.13\.1 +minor upgrade", output)
    assert not re.search(r"numpy +1\S* +1\S* +(?!same)", output.partition("Packages")[2])
    assert re.search(r"train/accuracy +0\.9\d+ +0\.9\d+ +[+-]0\.0\d+", output)
