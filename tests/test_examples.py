"""The examples run as they are written, and the README shows what they print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

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


def test_the_seed_scripts_give_the_same_output_every_time(tmp_path: Path) -> None:
    for _ in range(2):
        finished = run(tmp_path, STORY / "case02_seed_performance_regression_data.py")
        assert finished == "Seeded product-categorization data in .contexta.\n"
        assert run(tmp_path, STORY / "case02_analyze_performance_regression.py") == SAID


def test_readme_shows_what_the_commands_print(tmp_path: Path) -> None:
    run(tmp_path, STORY / "case02_seed_performance_regression_data.py")
    shown = run(tmp_path, "-m", "contexta.cli", "diff", "last-month", "this-month")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert shown.strip() in readme


@pytest.mark.online
@pytest.mark.slow
def test_the_difference_of_two_real_environments_is_recorded(tmp_path: Path) -> None:
    finished = run(tmp_path, ROOT / "examples" / "two_environments" / "compare.py", tmp_path / "two")
    assert re.search(r"scikit-learn +1\.3\.2 +1\.4\.2 +minor upgrade", finished)
    assert re.search(r"scipy +1\.11\.4 +1\.13\.1 +minor upgrade", finished)
    assert not re.search(r"numpy +1\S* +1\S* +(?!same)", finished.partition("Packages")[2])
    assert re.search(r"train/accuracy +0\.9\d+ +0\.9\d+ +[+-]0\.0\d+", finished)
