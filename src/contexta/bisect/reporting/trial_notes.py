"""Notes of a report on its trials: outliers, crashes, side effects, unconfirmed environments."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from contexta.bisect.execution.isolation.private_home import CACHES_VARIABLE
from contexta.bisect.execution.seed_use import ASK
from contexta.bisect.inference.early_verdicts import is_contradicted
from contexta.bisect.inference.failures.failure_counts import random_crashes
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.reporting.expectation import decimals, repeats
from contexta.bisect.reporting.finished_trial import Trial, measured_value

_MOST_WRITES = 10  # paths in one note


def trial_notes(
    trials: Sequence[Trial],
    release_trials: Sequence[Trial],
    moved: int,
    outliers: Sequence[int],
    new: int,
    sign: float,
) -> Iterator[str]:
    """All notes on the trials of a study.

    release_trials: of releases of the culprit. moved: the number of trials before the machine changed. outliers: the
    positions of trials in ``trials``. new: the mix of NEW. sign: -1 where lower is better.
    """
    everything = (*trials, *release_trials)
    yield from _moved(moved)
    yield from _distrusted(trials)
    yield from _without_series(trials)
    yield from _outliers(trials, outliers, sign)
    yield from _flaky(everything, new)
    yield from _unconfirmed(everything)
    yield from _side_effects(everything)
    yield from _other_seeds(everything)


def unlike_recorded(metric: str, recorded: Sequence[float | None], reran: Sequence[tuple[float, ...]]) -> Iterator[str]:
    """Notes on endpoints whose reruns do not repeat the recorded value, by Student's t at 1 in 300."""
    for name, was, values in zip(("OLD", "NEW"), recorded, reran, strict=True):
        if was is None or len(values) < 3 or not math.isfinite(was):
            continue
        if not repeats(was, values, 10.0 ** -decimals(values)):  # printed values may be cut off
            yield (
                f"the recorded run of {name} ended with {metric} {was:g}, its reruns with {min(values):g} to "
                f"{max(values):g}: code, data, variables or machine also differed then"
            )


def _moved(trials: int) -> Iterator[str]:
    """A note that both endpoints gave different values from some trial on."""
    if trials:
        yield (
            f"from trial {trials + 1} on OLD and NEW gave other values than before at the same seeds: the machine "
            "or the data changed while the study ran, and no earlier trial counts"
        )


def _distrusted(trials: Sequence[Trial]) -> Iterator[str]:
    """A note that a trial contradicted early verdicts."""
    early = [number for number, trial in enumerate(trials, start=1) if not trial.result.is_measured]
    if early and is_contradicted([trial.observation for trial in trials]):
        yield (
            f"trials with equal series ended with different values, so series do not predict the value: the "
            f"{len(early)} early verdicts do not count (trials {', '.join(map(str, early))}), and later trials ran to "
            "their end"
        )


def _without_series(trials: Sequence[Trial]) -> Iterator[str]:
    """A note that faults kept trials from ending early."""
    if faults := [trial.result.series_fault for trial in trials if trial.result.series_fault]:
        often = Counter(faults).most_common(1)[0][0]
        yield f"{len(faults)} of {len(trials)} trials could not end early, and ran to their end: {often}"


def _outliers(trials: Sequence[Trial], outliers: Sequence[int], sign: float) -> Iterator[str]:
    """Notes on the trials of the endpoints that are left out as outliers."""
    for number in outliers:
        trial = trials[number]
        end = "OLD" if trial.observation.mix == 0 else "NEW"
        run = f"trial {number + 1} ({end}, seed {trial.step.seed}) gave {measured_value(trial, sign):g}"
        yield f"{run}, like none of {end}'s other runs: it was left out"


def _flaky(trials: Sequence[Trial], new: int) -> Iterator[str]:
    """A note on a training that fails now and then."""
    observations = ObservedTrials(tuple(trial.observation for trial in trials), new)
    if died := random_crashes(observations.outcomes):
        often = Counter(died).most_common(1)[0][0]
        count = f"{len(died)} of {len(observations.results)} runs"
        yield f"{count} gave no value although other trials of the same mix did: the training is flaky ({often})"


def _unconfirmed(trials: Sequence[Trial]) -> Iterator[str]:
    """Notes on trials whose environment the recorder did not confirm."""
    with_value = [trial for trial in trials if trial.observation.value is not None]
    outside = [trial for trial in with_value if trial.result.confirmed == "outside"]
    if outside:
        yield (
            f"environment confirmed from outside only in {len(outside)} of {len(with_value)} trials: their "
            "environments were put together as intended, but the recorder did not see a Python that trained in them"
        )
    if elsewhere := sum(1 for trial in trials if trial.result.confirmed == "no"):
        yield f"{elsewhere} of {len(trials)} trials did not run in the environment of their mix, and gave no value"


def _side_effects(trials: Sequence[Trial]) -> Iterator[str]:
    """Notes on modules from outside the environments of trials, and on files that trials wrote outside their
    directories."""
    if shadowed := sorted({package for trial in trials for package in trial.result.shadowed}):
        yield f"modules of the source hid packages of the environments: {', '.join(shadowed)}"
    paths = sorted({path for trial in trials for path in trial.result.writes})
    if paths:
        writers = sum(1 for trial in trials if trial.result.writes)
        more = f" and {len(paths) - _MOST_WRITES} more" if len(paths) > _MOST_WRITES else ""
        yield (
            f"{writers} of {len(trials)} trials wrote outside their own directories, where later trials read it: "
            f"{', '.join(paths[:_MOST_WRITES])}{more}; a trial may have read files of an earlier trial there"
        )
    for reason in sorted({trial.result.why_home_empty for trial in trials} - {""}):
        yield f"trials ran with an empty home ({reason}): {CACHES_VARIABLE} names files and directories to copy there"
    often = Counter(path for trial in trials for path in trial.result.home_changes)
    again = [path for path, count in sorted(often.items()) if count > 1 and path not in paths]
    if again:
        more = f" and {len(again) - _MOST_WRITES} more" if len(again) > _MOST_WRITES else ""
        yield (
            "changed in the home directory while several trials ran, by them or by another program: "
            f"{', '.join(again[:_MOST_WRITES])}{more}"
        )


def _other_seeds(trials: Sequence[Trial]) -> Iterator[str]:
    """A note on the first trial that ran at another seed than its own."""
    for number, trial in enumerate(trials, start=1):
        if trial.result.other_seed is not None:
            yield f"trial {number} ignored its seed and ran at {trial.result.other_seed}: {ASK}"
            return
