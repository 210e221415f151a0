"""What ``contexta bisect`` makes of the values that trials give: their size, and whether they depend on the seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import Cli
from tiny_index import PYTHON, make_wheel, only_index


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\n")
    return tmp_path


def bisect(*options: str) -> tuple[str, ...]:
    return ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--no-versions", *options)


COMMAND = ("--", "python", "train.py")


@pytest.mark.parametrize("value", ["-1e200 * (1 + worse)", "1e15 - 100 * worse", "1e-300 * (1 - worse)"])
def test_a_drop_is_proved_and_shown_whatever_the_size_of_the_metric(cli: Cli, project: Path, value: str) -> None:
    (project / "train.py").write_text(f"from culprit import worse\nprint('accuracy=%r' % ({value}))\n")
    done = cli(*bisect("--json", "--html", "page.html"), *COMMAND)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    told = json.loads(done.stdout)
    assert (told["verdict"], told["culprits"]) == ("proved", ["culprit"])
    assert "proved: culprit" in (project / "page.html").read_text()
