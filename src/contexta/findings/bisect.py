"""Findings of ``bisect``: the report and the plan of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from contexta.contract.fields import RunRef, Timestamp
from contexta.findings.environments import Change
from contexta.findings.kinds.finding import Finding

VerdictWord = Literal["proved", "not_proved", "no_regression", "undecided"]
Confirmed = Literal["inside", "outside", "no"]


class EndValues(Finding):
    """The values of one endpoint."""

    values: tuple[float, ...]
    """In the order of the runs."""
    mean: float | None
    """None without a value."""
    seeds: tuple[int, ...] = ()
    """The seed of each value."""


class ExpectedValue(Finding):
    """The value of the metric that the user remembers of the run that OLD reconstructs."""

    run_ref: RunRef
    value: float
    is_confirmed: bool | None = None
    """Whether the reruns of OLD repeat it; None as long as there is none."""
    uncertain: tuple[str, ...] = ()
    """Packages of OLD whose version was not observed."""


class ProofFact(Finding):
    """One fact of the proof."""

    fact: str
    """The claim."""
    at_new: tuple[str, ...]
    """The changes at NEW in the environment of its runs."""
    expected: Literal["good", "bad"] | None
    """None if every outcome is informative."""
    state: Literal["good", "bad", "between", "open"]
    """The outcome of the runs; ``open`` if there are too few."""
    holds: bool
    values: tuple[float, ...]
    seeds: tuple[int, ...] = ()
    """The seed of each value."""
    pins: dict[str, str]
    confirmed: Confirmed | None = None
    """The weakest confirmation of its runs; see ``FinishedTrial``."""


class Share(Finding):
    """The share of the difference between OLD and NEW that something explains; 1 is all of it."""

    estimate: float
    low: float | None
    """The lower limit of the 99 % confidence interval; None if no value depends on its seed."""
    high: float | None


class PossibleCause(Finding):
    """A cause that the trials do not exclude."""

    changes: tuple[str, ...]
    probability: float


class StoppedEarly(Finding):
    """Why a rerun was stopped before its end: it logged exactly what OLD or NEW logged."""

    step: int
    last_step: int
    """Of the endpoint's run."""
    equal_to: Literal["OLD", "NEW"]
    since: int
    """The first step at which OLD and NEW differ."""
    run: str
    """The run of the endpoint, in the workspace of the study."""


class FinishedTrial(Finding):
    """One rerun."""

    number: int
    purpose: Literal["end", "search", "proof", "release"]
    why: str
    """The question that the trial answers."""
    at_new: tuple[str, ...]
    """The changes at NEW."""
    release: str | None = None
    """The release of the culprit, if it differs from the one of OLD and NEW."""
    seed: int
    value: float | None
    """None without a measured value, for ``reason``."""
    verdict: Literal["good", "bad"] | None
    """None if the values decide, not a threshold or a judge."""
    stopped: StoppedEarly | None = None
    """Set if the rerun was stopped early: it counts as the endpoint that it equals, and has no value of its own."""
    reason: str
    seconds: float
    run: str | None
    """Its run in the workspace of the study."""
    confirmed: Confirmed | None = None
    """Whether a recorder saw the environment of the mix in the command (``inside``), could only check it from the
    outside (``outside``), or saw another environment (``no``), which gives no value. None in old reports."""
    writes: tuple[str, ...] = ()
    """Paths outside of its own directories that it changed, where later trials see them."""


class Release(Finding):
    """One release of the culprit."""

    version: str
    state: Literal["good", "bad", "unclear", "not tried"]
    """``unclear`` if its values do not decide; ``not tried`` if it could not run, for ``reason``."""
    values: tuple[float, ...] = ()
    reason: str = ""
    beside: Literal["old", "new"] = "new"
    """The endpoint that has the other packages."""


class Releases(Finding):
    """The releases of the culprit from OLD to NEW."""

    package: str
    last_good: str
    """The good release nearest to ``observed_bad``."""
    first_bad: str | None
    """``observed_bad``, if there is no release between it and ``last_good``; else None."""
    observed_bad: str
    between: tuple[str, ...]
    """The releases whose state is unknown."""
    released: int
    """The number of releases between OLD and NEW."""
    tried: tuple[Release, ...]
    links: dict[str, str]
    """The changelogs of the package, by their labels."""


class BisectReport(Finding):
    """The result of a bisect."""

    verdict: VerdictWord
    why: str
    metric: str
    higher_is_better: bool
    culprits: tuple[str, ...]
    """Names of packages, ``python``, ``env:NAME``, ``source`` or ``param:NAME``."""
    companions: tuple[str, ...]
    """Changes that are at NEW wherever the culprits are, and that are good without them."""
    share: Share | None
    additive: dict[str, float] | None
    """Each of several culprits -> its own effect, in the metric's unit."""
    interaction: str | None
    """The joint effect of culprits whose effects do not add up."""
    old: EndValues
    new: EndValues
    expected: ExpectedValue | None = None
    """What OLD was expected to give; None unless it was reconstructed with ``--expect``."""
    proof: tuple[ProofFact, ...]
    suspects: tuple[PossibleCause, ...]
    changes: tuple[Change, ...]
    probes: int
    """The number of mixes besides the endpoints and the proof."""
    runs: int
    """The number of reruns, including those of releases."""
    seconds: float
    first_bad_version: str | None
    releases: Releases | None
    trials: tuple[FinishedTrial, ...]
    next: tuple[str, ...]
    """Commands and pins to try."""
    command: tuple[str, ...] = ()
    """The command of the reruns."""
    command_given: tuple[str, ...] | None = None
    """The command of the user, if it started with a launcher that the reruns omit."""
    confirmed: Confirmed | None = None
    """The weakest confirmation of the trials with a value; see ``FinishedTrial``."""
    tools: dict[str, str] = Field(default_factory=dict)
    """Tool -> version."""
    notes: tuple[str, ...] = ()
    """How the two sides were read."""
    at_fixed_seed: bool = False
    """Whether each endpoint has one value at every seed. The verdict then holds for that seed."""
    only_seed: int | None = None
    """The only seed of a study with `--one-seed`. Whether the drop exceeds the variation between seeds stays open."""
    digest: str = ""
    """Of all other fields; see ``digest_of``."""

    @property
    def holds(self) -> bool:
        """Whether the study has a definite result: a proof, or no regression."""
        return self.verdict in ("proved", "no_regression")

    def sealed(self) -> BisectReport:
        """The report with its digest."""
        return self.model_copy(update={"digest": digest_of(self)})


def digest_of(report: BisectReport | Mapping[str, Any]) -> str:
    """The sha256 of the report's JSON without the digest: sorted keys, no spaces, ASCII.

    report: the report, or its parsed JSON with fields of a newer version.
    """
    fields = report.to_dict() if isinstance(report, BisectReport) else report
    body = {key: value for key, value in fields.items() if key != "digest"}
    return f"sha256:{sha256(json.dumps(body, sort_keys=True, separators=(',', ':')).encode()).hexdigest()}"


class RunningTrial(Finding):
    """A trial that has begun."""

    number: int
    purpose: Literal["end", "search", "proof", "release"]
    why: str
    """The question that it answers."""
    at_new: tuple[str, ...]
    """The changes at NEW."""
    seed: int
    since: Timestamp


StudyState = Literal["searching", "releases", "finished", "interrupted", "failed", "killed"]


class BisectStatus(Finding):
    """The status of a study. The study writes it after each trial to ``status.json`` in its directory."""

    format: int = 1
    study: str
    """The name of its directory."""
    state: StudyState
    """``searching`` and ``releases`` (of the culprit): it runs. ``killed``: its process ended without a state."""
    reason: str = ""
    """Why it failed."""
    metric: str
    higher_is_better: bool
    command: tuple[str, ...]
    labels: tuple[str, ...] = ()
    """Where OLD and NEW come from."""
    changes: tuple[Change, ...]
    old: EndValues
    new: EndValues
    trials: tuple[FinishedTrial, ...]
    running: RunningTrial | None = None
    suspects: tuple[PossibleCause, ...] = ()
    """The causes that the trials do not exclude; empty until OLD and NEW are seen to differ."""
    remaining_runs: int | None = None
    """About how many trials are still to come; None once the search is over."""
    remaining_seconds: float | None = None
    """About how long they take; None before two trials ended."""
    max_runs: int
    updated: Timestamp
    process: dict[str, int | str] = Field(default_factory=dict)
    """The process that runs the study; see ``contexta.recorder.journal.processes``."""

    @property
    def is_running(self) -> bool:
        return self.state in ("searching", "releases")


class BisectPlan(Finding):
    """The plan of a study."""

    changes: tuple[Change, ...]
    atoms: tuple[tuple[str, ...], ...]
    """Groups of changes that are only possible together."""
    needs: dict[str, tuple[str, ...]]
    """Change -> the changes that it requires at NEW."""
    prior: dict[str, float]
    """Change -> the probability of being the cause before any trial; the sum is 1."""
    expected_probes: float
    expected_runs: int
    expected_seconds: float | None
    """None if the duration of the command is unknown."""
    max_runs: int
    notes: tuple[str, ...] = ()
