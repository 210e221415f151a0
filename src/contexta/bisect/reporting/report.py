"""From a verdict about change groups to a report about packages. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean

from contexta.bisect.inference.early_verdicts import counted
from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.inference.posterior import Posterior
from contexta.bisect.inference.proof import Fact
from contexta.bisect.inference.values.outliers import OUTLIER, usable_observations
from contexta.bisect.inference.values.scaled_values import ScaledValues
from contexta.bisect.reporting.advice import Failed, Here, advice
from contexta.bisect.reporting.expectation import compared
from contexta.bisect.reporting.finished_trial import Trial, finished, measured_value
from contexta.bisect.reporting.proof_wording import claim
from contexta.bisect.reporting.trial_notes import trial_notes, unlike_recorded
from contexta.bisect.search.problem import Verdict
from contexta.bisect.space.changes import Space
from contexta.findings.bisect import (
    BisectReport,
    EndValues,
    ExpectedValue,
    PossibleCause,
    ProofFact,
    Releases,
    Share,
)
from contexta.reproduce.launch.commands import fixes
from contexta.reproduce.launch.confirmation import summary

_HERE = Here()
_PART, _NEARLY = 0.15, 0.25  # of the whole change: less is no part of it; parts that add up to it but for so much


def report(
    space: Space,
    verdict: Verdict,
    trials: Sequence[Trial],
    *,
    metric: str,
    higher_is_better: bool,
    releases: Releases | None = None,
    release_trials: Sequence[Trial] = (),
    command: Sequence[str] = (),
    command_given: Sequence[str] | None = None,
    tools: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    here: Here = _HERE,
    recorded: tuple[float | None, float | None] = (None, None),
    expected: ExpectedValue | None = None,
) -> BisectReport:
    """The result of a study, with values in the unit and direction of the metric.

    release_trials: of releases of the culprit. command, command_given, tools, notes: see
    ``BisectReport``. here: the directory for its commands. recorded: the last value of the metric in the recorded runs
    of OLD and NEW. expected: what OLD was expected to give.
    """
    sign = 1.0 if higher_is_better else -1.0
    numbers = counted([trial.observation for trial in trials])
    observations = usable_observations(counted_observations(trials), space.mixes.full)
    before = len(numbers) - len(observations.results)  # trials before the machine changed do not count
    moved, numbers = numbers[before] if before else 0, numbers[before:]
    results = zip(numbers, observations.results, strict=True)
    outliers = [number for number, result in results if result.reason == OUTLIER]
    values = _Values([trials[number] for number in numbers if number not in outliers], sign)
    everything = (*trials, *release_trials)
    facts = verdict.proof.facts if verdict.proof is not None else ()
    is_proved = verdict.kind == "proved"
    additive, interaction = _parts(space, verdict, observations, values) if is_proved else (None, None)
    endpoints_and_proof = {0, space.mixes.full, *(fact.mix for fact in facts)}
    return BisectReport(
        verdict=verdict.kind,
        why=verdict.why,
        metric=metric,
        higher_is_better=higher_is_better,
        culprits=space.keys(verdict.culprits) if is_proved else (),
        companions=space.keys(verdict.companions),
        share=_share(verdict.share) if verdict.share else None,
        additive=additive,
        interaction=interaction,
        old=values.end(0),
        new=values.end(space.mixes.full),
        expected=compared(expected, values(0)),
        proof=tuple(_fact(space, verdict, fact, values, trials) for fact in facts),
        suspects=() if is_proved else suspects(space, verdict.posterior),
        changes=tuple(change for group in space.groups for change in group.changes),
        probes=len({trial.observation.mix for trial in trials} - endpoints_and_proof),
        runs=len(everything),
        seconds=round(sum(trial.observation.seconds for trial in everything), 3),
        first_bad_version=releases.first_bad if releases is not None else None,
        releases=releases,
        trials=tuple(finished(space, trial, number, sign) for number, trial in enumerate(everything, start=1)),
        next=_ran_elsewhere(space, trials, command)
        or tuple(advice(space, verdict, releases, here, len(trials), _failed_end(trials, observations), interaction)),
        command=tuple(command),
        command_given=None if command_given is None else tuple(command_given),
        confirmed=summary(trial.result.confirmed for trial in everything if trial.observation.value is not None),
        tools=dict(tools or {}),
        at_fixed_seed=verdict.fixed_seed,
        only_seed=verdict.only_seed,
        notes=(
            *notes,
            *unlike_recorded(metric, recorded, (values(0), values(space.mixes.full))),
            *trial_notes(trials, release_trials, moved, outliers, space.mixes.full, sign),
        ),
    ).sealed()


def _ran_elsewhere(space: Space, trials: Sequence[Trial], command: Sequence[str]) -> tuple[str, ...]:
    """A suggested command if an endpoint did not run in its environment."""
    last = trials[-1] if trials else None
    if last is None or last.result.confirmed != "no" or last.observation.mix not in (0, space.mixes.full):
        return ()
    return tuple(f"# {line}" for line in fixes(command, last.result.location))


def _share(share: tuple[float, float, float]) -> Share:
    estimate, low, high = share
    if math.isinf(low):
        return Share(estimate=estimate, low=None, high=None)
    return Share(estimate=estimate, low=low, high=high)


def _failed_end(trials: Sequence[Trial], observations: ObservedTrials) -> Failed | None:
    """The last trial of an endpoint that gives no value; None where both endpoints give one."""
    failed = [trial for trial in trials if trial.observation.mix in {0, observations.new} & {*observations.failures}]
    if not failed:
        return None
    last = failed[-1]
    return Failed("OLD" if last.observation.mix == 0 else "NEW", last.result.run, last.observation.reason)


def counted_observations(trials: Sequence[Trial]) -> list[Observation]:
    """The observations that count (``early_verdicts.py``)."""
    observations = [trial.observation for trial in trials]
    return [observations[number] for number in counted(observations)]


class _Values:
    """The values of each mix in the unit and direction of the metric."""

    def __init__(self, trials: Sequence[Trial], sign: float) -> None:
        self._of: dict[int, list[tuple[int, float]]] = {}
        for trial in trials:
            if (value := measured_value(trial, sign)) is not None:
                self._of.setdefault(trial.observation.mix, []).append((trial.observation.seed, value))

    def moved(self, mix: int, paired: bool) -> float:
        """The difference between a mix and OLD. paired: by the seeds that OLD also ran at, if any."""
        runs, old = self._of[mix], self._of[0]
        at = dict(old) if paired else {}
        pairs = [value - at[seed] for seed, value in runs if seed in at]
        return mean(pairs or [value - mean(value for _, value in old) for _, value in runs])

    def __call__(self, mix: int) -> tuple[float, ...]:
        return tuple(value for _, value in self._of.get(mix, ()))

    def seeds(self, mix: int) -> tuple[int, ...]:
        return tuple(seed for seed, _ in self._of.get(mix, ()))

    def end(self, mix: int) -> EndValues:
        values = self(mix)  # not fmean, which returns 0.4000000000000001 for three values of 0.4
        return EndValues(values=values, mean=mean(values) if values else None, seeds=self.seeds(mix))


def _fact(space: Space, verdict: Verdict, fact: Fact, values: _Values, trials: Sequence[Trial]) -> ProofFact:
    ran = [trial for trial in trials if trial.observation.mix == fact.mix and trial.observation.value is not None]
    expected = fact.expected if fact.expected in ("good", "bad") else None
    return ProofFact(
        fact=claim(space, verdict.culprits, fact),
        at_new=space.keys(fact.mix),
        expected=expected,
        state=fact.state,
        holds=fact.holds,
        values=values(fact.mix),
        seeds=values.seeds(fact.mix),
        pins=space.packages(fact.mix),
        confirmed=summary(trial.result.confirmed for trial in ran),
    )


def _parts(
    space: Space, verdict: Verdict, observations: ObservedTrials, values: _Values
) -> tuple[dict[str, float] | None, str | None]:
    """(effect of each culprit, None) if effects add up, else (None, how the culprits act together)."""
    alone = [fact for fact in (verdict.proof.facts if verdict.proof else ()) if fact.role == "alone"]
    if not alone:
        return None, None
    paired = observations.repeatable or bool(observations.seed_effects)
    whole = values.moved(space.mixes.full, paired)
    moves = {
        " + ".join(space.keys(verdict.culprits & fact.mix)): round(values.moved(fact.mix, paired), 6) for fact in alone
    }
    off = abs(sum(moves.values()) / whole - 1) if whole else math.inf
    # with the same seeds, also effects within the noise are visible
    if off <= _NEARLY and paired and all(_PART < move / whole < 1 - _PART for move in moves.values()):
        return moves, None
    if all(fact.state == "good" for fact in alone):
        return None, "only together"
    if all(fact.state == "bad" for fact in alone):
        return None, "each alone suffices"
    if off <= max(_PART, 2 * ScaledValues(observations).spread):
        return moves, None
    return None, "together more or less than the sum of each alone"


def suspects(space: Space, posterior: Posterior | None) -> tuple[PossibleCause, ...]:
    """Changes and pairs of changes that may be the cause, the likeliest first."""
    if posterior is None:
        return ()
    probabilities = [(p, space.keys(1 << group)) for group, p in enumerate(posterior.singles)]
    probabilities += [
        (posterior.pair(first, other), space.keys(1 << first | 1 << other))
        for first in range(space.mixes.count)
        for other in range(first)
    ]
    likely = sorted((item for item in probabilities if item[0] >= 0.01), key=lambda item: (-item[0], item[1]))
    return tuple(PossibleCause(changes=keys, probability=round(p, 4)) for p, keys in likely[:10])
