from __future__ import annotations

from dataclasses import replace

import pytest
from support.noisy_worlds import Stepping, drawn
from support.studies import a_space
from support.worlds import Outcome, play

from contexta.bisect.execution.trial_job import TrialResult
from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.inference.values.drift import first_counted
from contexta.bisect.inference.values.outliers import usable_observations
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.report import report
from contexta.bisect.search.problem import Probe, Verdict


def stepping(number: int, kind: str, begins: int, step: float, *, fingerprint: bool) -> Outcome:
    world = drawn(number, kind, 4.0, fingerprint=fingerprint, sizes=(8,))
    return play(Stepping(**vars(world), begins=begins, step=step))


@pytest.mark.slow
def test_drift_of_the_machine_accuses_no_innocent_change() -> None:
    outcomes = [
        stepping(number, "single", begins, step, fingerprint=fingerprint)
        for fingerprint in (True, False)
        for step in (-4.0, 4.0)
        for begins in (7, 10, 14)
        for number in range(2)
    ]
    assert not any(outcome.wrongly_proved for outcome in outcomes)
    assert sum(outcome.right for outcome in outcomes) >= 0.6 * len(outcomes)


def test_after_drift_the_study_starts_again_with_the_late_runs() -> None:
    early = [
        Observation(mix, seed, 0.9 - 0.05 * mix + wave)
        for seed, wave in enumerate((0.0, 0.01, -0.01))
        for mix in (0, 1)
    ]
    endpoints = [replace(result, mix=3 * result.mix) for result in early]
    late = [replace(result, value=(result.value or 0.0) - 0.2) for result in endpoints]
    results = [*endpoints, Observation(1, 0, 0.6), *late]
    assert first_counted(ObservedTrials((*endpoints, Observation(1, 0, 0.6)), 3)) == 0
    assert usable_observations(results, 3).results == tuple(late)


def test_without_drift_every_trial_counts() -> None:
    endpoints = [Observation(mix, seed, 0.9 - 0.05 * mix + 0.01 * (seed % 2)) for seed in range(4) for mix in (0, 3)]
    results = [
        *endpoints,
        Observation(1, 0, 0.6),
        *(replace(end, value=(end.value or 0.0) + 0.004) for end in endpoints[:2]),
    ]
    assert first_counted(ObservedTrials(tuple(results), 3)) == 0


def test_a_proof_with_an_identical_value_excludes_drift_without_a_run() -> None:
    outcome = play(drawn(3, "single", 4.0, fingerprint=True, sizes=(8,)))
    assert outcome.right
    mixes = [n for n, result in enumerate(outcome.results) if result.mix not in (0, outcome.world.mixes.full)]
    later = [(result.mix, result.seed) for result in outcome.results[mixes[0] :] if result.mix in (0, 255)]
    earlier = [(result.mix, result.seed) for result in outcome.results[: mixes[0]]]
    assert not {*later} & {*earlier}


def test_both_endpoints_run_again_before_a_proof_counts_if_values_do_not_repeat() -> None:
    outcome = play(drawn(3, "single", 4.0, fingerprint=False, sizes=(8,)))
    assert outcome.verdict.kind == "proved"
    assert {result.mix for result in outcome.results[-6:]} >= {0, outcome.world.mixes.full}


def test_the_report_names_the_first_trial_that_counts_after_drift() -> None:
    space = a_space("a", "b")
    early = [Observation(mix, seed, 0.9 - 0.05 * (mix > 0) + 0.01 * (seed % 2)) for seed in range(4) for mix in (0, 3)]
    late = [replace(result, value=(result.value or 0.0) - 0.2) for result in early]
    trials = [
        Trial(Probe(result.mix, result.seed, "end", ""), result, TrialResult(result.value, "", 1.0))
        for result in (*early, Observation(1, 0, 0.6), *late)
    ]
    found = report(space, Verdict("undecided", "?"), trials, metric="m", higher_is_better=True)
    assert any(note.startswith("from trial 10 on OLD and NEW gave other values") for note in found.notes)
    assert found.old.values == tuple(result.value for result in late if result.mix == 0)
    assert found.runs == len(trials)
