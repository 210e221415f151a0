"""Trials end early once they log exactly what OLD or NEW logged, and cost a fraction of a training then."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_index import PYTHON

from contexta.bisect.execution.trial_job import Command
from contexta.bisect.inference.proof import Strength
from contexta.bisect.reporting.report import report
from contexta.bisect.search.problem import Settings, Verdict
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.study import Study
from contexta.bisect.space.changes import End
from contexta.findings.bisect import BisectReport
from contexta.reproduce.uv.commands import find_uv

EPOCHS = 40
TRAIN = """
import os, random, sys, time
seed, at_new = int(os.environ["SEED"]), {{name for name in "abcdefghijkl" if os.environ["CHANGE_" + name] == "new"}}
noise = random.Random(seed)
loss, quality = 2.0 + noise.random(), 0.9 + noise.gauss(0, 0.004)
for epoch in range({epochs}):
    time.sleep(0.01)
    {step}
    loss *= 0.95 + 0.01 * noise.random()
    print(f"epoch={{epoch}} loss={{loss:.9f}} seconds={{time.perf_counter():.6f}}")
    with open(os.environ["COUNT"], "a") as count:
        count.write(".")
{end}
print(f"accuracy={{quality:.9f}}")
"""


def finish(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    end: str = "",
    early_after: int | None = 3,
    settings: Settings | None = None,
) -> tuple[Study, Verdict, float]:
    """The study, its verdict, and its cost in whole trainings. step, end: lines of an epoch and after the last one."""
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(TRAIN.format(epochs=EPOCHS, step=step, end=end))
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    monkeypatch.setenv("CONTEXTA_CACHE_DIR", str(tmp_path / "cache"))
    python = find_uv().interpreter(PYTHON)
    old, new = (
        End({}, python.version, python.markers, {f"CHANGE_{name}": state for name in "abcdefghijkl"})
        for state in ("old", "new")
    )
    study = Study(
        Setup(
            old,
            new,
            {"old": python, "new": python},
            Command(("python", "train.py"), "accuracy", str(folder)),
            tmp_path / "study",
            tmp_path / "trials",
            early_after=early_after,
            settings=settings or Settings(),
        ),
        find_uv(),
        resume=True,
    )
    verdict = study.finish()
    return study, verdict, len((tmp_path / "count").read_bytes()) / EPOCHS


def report_of(study: Study, verdict: Verdict) -> BisectReport:
    return report(study.space, verdict, study.trials, metric="accuracy", higher_is_better=True)


CULPRIT = 'if epoch >= {first} and "d" in at_new: loss *= 1.001; quality -= 0.1 / 40'


@pytest.mark.slow
@pytest.mark.parametrize(("first", "most"), [(0, 8), (12, 9)])
def test_a_culprit_that_moves_the_trajectory_costs_few_whole_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, most: float
) -> None:
    study, verdict, cost = finish(tmp_path, monkeypatch, CULPRIT.format(first=first))
    assert (verdict.kind, study.space.keys(verdict.culprits)) == ("proved", ("env:CHANGE_d",))
    assert cost <= most
    finding = report_of(study, verdict)
    stopped = [trial for trial in finding.trials if trial.stopped is not None]
    assert len(stopped) > 4
    for trial in stopped:
        assert trial.value is None, "a value that was not measured is reported"
        assert trial.reason.startswith(f"stopped at step {first + 2} of 39, equal to ")
        assert trial.reason.endswith(f" since step {first}")
    for fact in finding.proof:
        assert fact.values, "a fact of the proof has no measured value"
    assert {trial.confirmed for trial in finding.trials} == {"inside"}
    again = finish(tmp_path, monkeypatch, CULPRIT.format(first=first))
    assert again[1:] == (verdict, cost), "a resumed study repeats trials"
    if first == 0:
        stricter, *_ = finish(tmp_path, monkeypatch, CULPRIT.format(first=first), early_after=9)
        followed = [trial.result.followed for trial in stricter.trials if not trial.result.is_measured]
        steps = {verdict.step for verdict in followed if verdict is not None}
        assert steps == {8}, "early verdicts of a weaker rule are reused"


JITTER = """
    if epoch == 0: jitter, growth = random.SystemRandom().gauss(0, 1), 1e-7
    loss, quality, growth = loss * (1 + jitter * growth), quality + jitter * growth / 100, growth * 1.3"""


@pytest.mark.slow
def test_runs_that_repeat_up_to_jitter_end_early_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, verdict, cost = finish(tmp_path, monkeypatch, CULPRIT.format(first=0) + JITTER)
    assert (verdict.kind, study.space.keys(verdict.culprits)) == ("proved", ("env:CHANGE_d",))
    assert cost <= 9
    measured = [trial.result.value for trial in study.trials if trial.result.is_measured]
    assert len(set(measured)) == len(measured), "no value repeats exactly"


@pytest.mark.slow
def test_at_one_seed_a_culprit_costs_five_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(only_seed=0, strength=Strength(runs=1))
    study, verdict, cost = finish(tmp_path, monkeypatch, CULPRIT.format(first=0), settings=settings)
    assert (verdict.kind, study.space.keys(verdict.culprits)) == ("proved", ("env:CHANGE_d",))
    assert (verdict.only_seed, verdict.fixed_seed) == (0, False)
    assert {trial.step.seed for trial in study.trials} == {0}
    assert cost <= 5
    assert all(fact.values for fact in report_of(study, verdict).proof), "a fact of the proof has no measured value"


@pytest.mark.slow
def test_a_culprit_that_acts_only_in_the_evaluation_is_found_although_another_change_moves_the_trajectory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then equal series do not mean equal values, and the first complete trial of the suspect shows that."""
    harmless = 'if "k" in at_new: loss *= 1.001'
    study, verdict, cost = finish(tmp_path, monkeypatch, harmless, 'if "d" in at_new: quality -= 0.1')
    assert (verdict.kind, study.space.keys(verdict.culprits)) == ("proved", ("env:CHANGE_d",))
    assert cost <= 16
    finding = report_of(study, verdict)
    assert any("early verdicts do not count" in note for note in finding.notes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "kind", "most"), [('if "d" in at_new: quality -= 0.1', "proved", 16), ("", "no_regression", 13)]
)
def test_equal_trajectories_of_old_and_new_stop_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, kind: str, most: float
) -> None:
    study, verdict, cost = finish(tmp_path, monkeypatch, "pass", end)
    assert verdict.kind == kind
    assert cost <= most
    assert all(trial.result.is_measured for trial in study.trials)


@pytest.mark.slow
def test_without_series_or_with_no_early_every_trial_runs_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, verdict, _ = finish(tmp_path, monkeypatch, CULPRIT.format(first=0), early_after=None)
    assert verdict.kind == "proved"
    assert all(trial.result.is_measured for trial in study.trials)
    assert all(trial.result.trajectory == "" for trial in study.trials)
