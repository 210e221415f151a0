from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_index import PYTHON, make_wheel, only_index

from contexta.bisect.changes import End
from contexta.bisect.readings import Result
from contexta.bisect.search import Probe, Settings
from contexta.bisect.study import Setup, Study
from contexta.bisect.trial import Command, Order, Report, run_trial
from contexta.errors import DamagedData
from contexta.reproduce.build import EnvironmentChanged
from contexta.reproduce.uv import find_uv

NAMES = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four packages in two versions; gamma 2 lowers the metric and requires beta 2."""
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    for name in NAMES:
        make_wheel(tmp_path / "index", name, "1.0", "worse = 0.0")
        requires = ["beta>=2"] if name == "gamma" else []
        make_wheel(tmp_path / "index", name, "2.0", f"worse = {0.05 if name == 'gamma' else 0.0}", requires=requires)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import os, random, alpha, beta, gamma, delta\n"
        "noise = random.Random(os.environ['SEED']).gauss(0, 0.005)\n"
        "print('accuracy=%.6f' % (0.9 - gamma.worse + noise))\n"
    )
    return folder


def setup(project: Path, **changes: object) -> Setup:
    python = find_uv().interpreter(PYTHON)
    old, new = (dict.fromkeys(NAMES, version) for version in ("1.0", "2.0"))
    values: dict[str, object] = {
        "old": End(old, python.version, python.markers),
        "new": End(new, python.version, python.markers),
        "pythons": {"old": python, "new": python},
        "command": Command(("python", "train.py"), "accuracy", str(project)),
        "folder": project.parent / "study",
    }
    return Setup(**{**values, **changes})  # type: ignore[arg-type]  # by test


def test_a_study_of_real_environments_ends_in_the_proved_culprit(project: Path) -> None:
    study = Study(setup(project), find_uv())
    verdict = study.finish()
    assert verdict.kind == "proved"
    assert study.space.keys(verdict.culprits) == ("gamma",)
    assert study.space.keys(verdict.companions) == ("beta",)


def test_a_study_that_was_ended_goes_on_where_it_was(project: Path) -> None:
    class Ended(Exception):
        pass

    ran: list[Order] = []

    def run(order: Order) -> Report:
        ran.append(order)
        return run_trial(order)

    def end_at(number: int) -> Callable[[Probe, Result, int], None]:
        def watch(step: Probe, result: Result, done: int) -> None:
            if done == number:
                raise Ended

        return watch

    whole = Study(setup(project, folder=project.parent / "whole"), find_uv()).finish()
    for number in (3, 7):
        with pytest.raises(Ended):
            Study(setup(project), find_uv(), run).finish(end_at(number))
    with (project.parent / "study" / "trials.jsonl").open("ab") as torn:
        torn.write(b'{"at_new": ["al')
    study = Study(setup(project), find_uv(), run)
    assert len(study.trials) == 7
    verdict = study.finish()
    assert verdict == whole
    assert len(ran) == len(study.trials)


def test_trials_of_another_study_are_not_taken_for_its_own(project: Path) -> None:
    (project.parent / "study").mkdir()
    (project.parent / "study" / "trials.jsonl").write_text('{"at_new": ["omega"], "seed": 0}\n')
    with pytest.raises(DamagedData, match="line 1"):
        Study(setup(project), find_uv())


def test_a_trial_that_edits_installed_files_stops_the_study(project: Path) -> None:
    (project / "train.py").write_text(
        "import alpha, pathlib\npathlib.Path(alpha.__file__).write_text('worse = 1')\nprint('accuracy=1')\n"
    )
    with pytest.raises(EnvironmentChanged, match="alpha.py was changed"):
        Study(setup(project), find_uv()).finish()


def test_an_end_that_does_not_run_is_undecided_with_its_reason_and_its_log(project: Path) -> None:
    (project / "train.py").write_text("raise SystemExit('no data')")
    study = Study(setup(project), find_uv())
    verdict = study.finish()
    assert verdict.kind == "undecided"
    assert "no data" in verdict.why
    assert "no data" in (project.parent / "study" / "logs" / "1.txt").read_text()


def test_equal_environments_are_no_regression_without_a_single_run(project: Path) -> None:
    python = find_uv().interpreter(PYTHON)
    same = End({"alpha": "1.0"}, python.version, python.markers)
    study = Study(setup(project, old=same, new=same), find_uv())
    assert study.finish().kind == "no_regression"
    assert study.trials == []


def test_a_changed_variable_is_found_like_a_package(project: Path) -> None:
    (project / "train.py").write_text(
        "import os\nprint('loss=%g' % (0.1 + (os.environ.get('MODE') == 'fast') + int(os.environ['SEED']) / 100))\n"
    )
    python = find_uv().interpreter(PYTHON)
    pins = {"alpha": "1.0", "beta": "1.0"}
    study = Study(
        setup(
            project,
            old=End(pins, python.version, python.markers, {"MODE": "exact"}),
            new=End({"alpha": "2.0", "beta": "2.0"}, python.version, python.markers, {"MODE": "fast"}),
            command=Command(("python", "train.py"), "loss", str(project)),
            higher_is_better=False,
        ),
        find_uv(),
    )
    verdict = study.finish()
    assert (verdict.kind, study.space.keys(verdict.culprits)) == ("proved", ("env:MODE",))


def test_nothing_of_an_environment_is_left_after_cleaning(project: Path) -> None:
    study = Study(setup(project, settings=Settings(max_runs=8)), find_uv())
    study.finish()
    study.clean()
    assert [path.name for path in (project.parent / "study").iterdir()] == ["trials.jsonl"]
