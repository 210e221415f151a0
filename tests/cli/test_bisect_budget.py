"""The budget of a study in hours, the unit that its user pays in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

COMMAND = ("--", "python", "train.py")


@pytest.mark.slow
def test_a_study_ends_undecided_before_it_exceeds_its_hours_and_resumes_with_more(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\n")
    train = "import culprit, time\ntime.sleep(0.5)\nprint('accuracy=%g' % (0.9 - culprit.worse))\n"
    (tmp_path / "train.py").write_text(train)
    seconds = 2.4
    options = (
        "--metric",
        "accuracy",
        "--python",
        PYTHON,
        "--no-versions",
        "--json",
        "--max-hours",
        str(seconds / 3600),
    )
    done = cli("bisect", "old.txt", "new.txt", *options, *COMMAND)
    assert done.returncode == 1, done.stderr
    assert "at most 60 runs and 0.000666667 hours" in done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == "undecided"
    assert "0.000666667 hours did not suffice" in report["why"] or "too few runs" in report["why"]
    assert report["seconds"] <= seconds
    assert 1 <= len(report["trials"]) <= 4
    done = cli("bisect", "--resume", "--json", "--max-hours", "1")
    assert json.loads(done.stdout)["culprits"] == ["culprit"], done.stderr


def test_hours_are_more_than_none(cli: Cli) -> None:
    done = cli("bisect", "old.txt", "new.txt", "--max-hours", "0", *COMMAND)
    assert done.returncode == 2
    assert "--max-hours" in done.stderr
