"""A change that the user suspects is tried first, and only slows the search down if it is innocent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

NAMES = ("alpha", "beta", "culprit", "delta", "eta", "suspected")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        for name in NAMES:
            make_wheel(index, name, version, f"worse = {worse}" if name == "culprit" else "")
    for side, version in (("old", "1.0"), ("new", "2.0")):
        (tmp_path / f"{side}.txt").write_text("".join(f"{name}=={version}\n" for name in NAMES))
    train = "import culprit, os\nprint('accuracy=%g' % (0.9 - culprit.worse + int(os.environ['SEED']) / 1000))\n"
    (tmp_path / "train.py").write_text(train)
    return tmp_path


def options(*more: str) -> tuple[str, ...]:
    fixed = ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--no-versions", "--json")
    return (*fixed, *more, "--", "python", "train.py")


@pytest.mark.slow
@pytest.mark.parametrize(("suspect", "searched"), [("culprit", 1), ("Suspected", 12)])
def test_a_suspect_is_tried_first_and_an_innocent_one_is_cleared(
    cli: Cli, project: Path, suspect: str, searched: int
) -> None:
    done = cli(*options("--suspect", suspect))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["culprits"] == ["culprit"]
    key = suspect.lower()
    first = next(trial for trial in report["trials"] if trial["purpose"] in ("search", "proof"))
    assert key in first["at_new"] or len(first["at_new"]) == len(NAMES) - 1
    assert sum(trial["purpose"] == "search" for trial in report["trials"]) <= searched


def test_a_suspect_that_does_not_differ_is_refused_with_the_nearest_name(cli: Cli, project: Path) -> None:
    done = cli(*options("--suspect", "culpit"))
    assert done.returncode == 2
    assert json.loads(done.stderr.splitlines()[-1]) == {
        "error": "culpit does not differ between OLD and NEW",
        "hint": "did you mean culprit?",
    }
