from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.execution.trial_job import Command, TrialResult
from contexta.bisect.inference.observations import Observation
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe, Settings
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.study import Study
from contexta.bisect.space.changes import End
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.builder import EnvironmentChanged
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.uv.commands import find_uv

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
        "workspace": project.parent / "trials",
    }
    return Setup(**{**values, **changes})  # type: ignore[arg-type]  # by test


def test_a_study_of_real_environments_ends_in_the_proved_culprit(project: Path) -> None:
    study = Study(setup(project), find_uv())
    verdict = study.finish()
    assert verdict.kind == "proved"
    assert study.space.keys(verdict.culprits) == ("gamma",)
    assert study.space.keys(verdict.companions) == ("beta",)


def test_run_without_a_value_sets_no_time_limit(project: Path) -> None:
    study = Study(setup(project), find_uv())
    generous = study.runner.timeout([])
    trials: list[Trial] = []
    for value, seconds in ((None, 1.0), (0.9, 600.0)):
        step = Probe(0, 0, "end", "")
        trials.append(Trial(step, Observation(0, 0, value), TrialResult(value, "", seconds)))
        assert study.runner.timeout(trials) == (generous if value is None else 4 * 600.0)


def test_the_estimate_is_computed_once_per_trial(project: Path) -> None:
    study = Study(setup(project), find_uv())
    before = study.estimate()
    assert study.estimate() is before
    for number in range(4):
        study.trials.append(Trial(Probe(0, number, "end", ""), Observation(0, number, 0.9), TrialResult(0.9, "", 1.0)))
    assert study.estimate().runs == before.runs - 4
    assert study.estimate() is study.estimate()


@pytest.mark.slow
def test_interrupted_study_continues_where_it_stopped(project: Path) -> None:
    class Ended(Exception):
        pass

    def end_at(number: int) -> Callable[[Trial, int], None]:
        def watch(trial: Trial, done: int) -> None:
            if done == number:
                raise Ended

        return watch

    whole = Study(
        setup(project, workspace=project.parent / "other", folder=project.parent / "whole"), find_uv()
    ).finish()
    for number in (3, 7):
        with pytest.raises(Ended):
            Study(setup(project), find_uv(), resume=True).finish(end_at(number))
    study = Study(setup(project), find_uv(), resume=True)
    assert study.finish() == whole
    assert [trial.is_earlier for trial in study.trials] == [True] * 7 + [False] * (len(study.trials) - 7)
    with Contexta(workspace=project.parent / "trials") as ctx:
        assert len(ctx.list_runs()) == len(study.trials), "a finished trial was repeated"


@pytest.mark.slow
def test_later_study_reuses_shared_trials_unless_it_is_fresh(project: Path) -> None:
    first = Study(setup(project), find_uv())
    first.finish()
    later = Study(setup(project, folder=project.parent / "later"), find_uv())
    assert later.runner.earlier == len(first.trials)
    later.finish()
    assert all(trial.is_earlier for trial in later.trials)
    fresh = Study(setup(project, folder=project.parent / "fresh"), find_uv(), fresh=True)
    fresh.finish()
    assert not any(trial.is_earlier for trial in fresh.trials)


@pytest.mark.slow
def test_with_other_source_nothing_is_taken_over_and_nothing_resumed(project: Path) -> None:
    Study(setup(project, settings=Settings(max_runs=8)), find_uv()).finish()
    (project / "train.py").write_text((project / "train.py").read_text() + "# other\n")
    other = Study(setup(project), find_uv())
    assert other.runner.earlier == 0
    assert not any(trial.is_earlier for trial in _finished(other))
    (project / "train.py").write_text("print('accuracy=1')")
    with pytest.raises(InvalidInput, match="were changed since this study began"):
        Study(setup(project), find_uv(), resume=True)


def _finished(study: Study) -> list[Trial]:
    study.finish()
    return study.trials


@pytest.mark.slow
def test_parallel_jobs_give_the_verdict_of_one_job(project: Path) -> None:
    study = Study(setup(project, workspace=project.parent / "other"), find_uv())
    verdict = study.finish()
    for jobs in (2, 4):
        workspace = project.parent / f"trials-{jobs}"
        many = Study(setup(project, jobs=jobs, workspace=workspace, folder=project.parent / f"{jobs}"), find_uv())
        assert many.finish() == verdict
        assert [_counted(trial) for trial in many.trials] == [_counted(trial) for trial in study.trials]


def _counted(trial: Trial) -> tuple[int, int, str, float | None]:
    return trial.step.mix, trial.step.seed, trial.step.purpose, trial.observation.value


@pytest.mark.slow
def test_every_trial_is_a_recorded_run_with_its_mix_its_place_and_its_log(project: Path) -> None:
    study = Study(setup(project), find_uv())
    study.finish()
    with Contexta(workspace=project.parent / "trials") as ctx:
        runs = {run.run_ref.value: run for run in ctx.list_runs()}
        assert len(runs) == len(study.trials)
        for trial in study.trials:
            run = runs[str(trial.result.run)]
            answer = run.metadata["trial"]
            assert run.status == "completed"
            assert run.metrics["accuracy"] == trial.result.value
            assert answer["at_new"] == study.space.keys(trial.step.mix)
            assert ctx.get_environment(run.run_ref).packages == study.space.packages(trial.step.mix)


def test_a_trial_that_edits_installed_files_stops_the_study(project: Path) -> None:
    (project / "train.py").write_text(
        "import alpha, pathlib\npathlib.Path(alpha.__file__).write_text('worse = 1')\nprint('accuracy=1')\n"
    )
    with pytest.raises(EnvironmentChanged, match="alpha.py was changed"):
        Study(setup(project), find_uv()).finish()


@pytest.mark.slow
def test_an_end_that_does_not_run_is_undecided_with_its_reason_and_its_log(project: Path) -> None:
    (project / "train.py").write_text("raise SystemExit('no data')")
    study = Study(setup(project), find_uv())
    verdict = study.finish()
    assert verdict.kind == "undecided"
    assert "no data" in verdict.why
    with Contexta(workspace=project.parent / "trials") as ctx:
        run = ctx.list_runs()[0]
        assert run.status == "failed"
        assert run.metadata["trial"]["reason"] == "exit code 1: no data"


def test_equal_environments_are_no_regression_without_a_single_run(project: Path) -> None:
    python = find_uv().interpreter(PYTHON)
    same = End({"alpha": "1.0"}, python.version, python.markers)
    study = Study(setup(project, old=same, new=same), find_uv())
    assert study.finish().kind == "no_regression"
    assert study.trials == []


@pytest.mark.slow
def test_each_endpoint_runs_at_least_repeats_times(project: Path) -> None:
    study = Study(setup(project, settings=Settings(max_runs=12, repeats=6)), find_uv())
    study.finish()
    assert Counter(trial.step.mix for trial in study.trials) == {0: 6, study.space.mixes.full: 6}


@pytest.mark.slow
def test_changed_variable_is_proved_like_a_package(project: Path) -> None:
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


@pytest.mark.slow
def test_nothing_of_a_trial_is_left_when_a_study_has_ended(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = project.parent / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    Study(setup(project, settings=Settings(max_runs=8)), find_uv()).finish()
    assert sorted(path.name for path in (project.parent / "study").iterdir()) == ["lock", "study.json"]
    assert list(temporary.iterdir()) == []
    assert not [path for path in find_cache().links.iterdir() if path.suffix != ".lock"]
