"""What a study answers, as frozen values; the same for a screen and for ``--json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from contexta.findings.environments import Change
from contexta.findings.finding import Finding

VerdictWord = Literal["proved", "not_proved", "no_regression", "undecided"]
Confirmed = Literal["inside", "outside", "no"]


class EndValues(Finding):
    """One end: the values of its runs in the order they were run, and their mean (None before the first)."""

    values: tuple[float, ...]
    mean: float | None


class ProofFact(Finding):
    """One fact of the proof.

    fact: what is claimed. at_new: the changes that are at NEW in the environment it was run in. expected: None where
    every outcome says something. state: what the runs say; ``open`` while they do not suffice. confirmed: the weakest
    of its runs' (see ``FinishedTrial``).
    """

    fact: str
    at_new: tuple[str, ...]
    expected: Literal["good", "bad"] | None
    state: Literal["good", "bad", "between", "open"]
    holds: bool
    values: tuple[float, ...]
    pins: dict[str, str]
    confirmed: Confirmed | None = None


class Share(Finding):
    """How much of the drop something explains; 1 is all of it.

    low and high hold it with 99 %; None where no value depended on its seed, so that nothing shows how it scatters.
    """

    estimate: float
    low: float | None
    high: float | None


class PossibleCause(Finding):
    """What the trials leave possible, with its probability."""

    changes: tuple[str, ...]
    probability: float


class FinishedTrial(Finding):
    """One rerun. at_new: the changes at NEW. release: of the culprit, which is at that one instead; else None.
    value: None when there was none, for ``reason``.

    why: what it was run for. verdict: where a threshold or a judge decides. run: its record in the study's workspace.
    confirmed: whether the recorder saw that it ran in the environment of its mix: ``inside``; ``outside`` where it was
    confirmed from outside only; ``no`` where it ran in another one, which gives no value; None in reports of earlier
    versions. writes: paths outside of its own directories that it wrote to, where later trials see it.
    """

    number: int
    purpose: Literal["end", "search", "proof", "release"]
    why: str
    at_new: tuple[str, ...]
    release: str | None = None
    seed: int
    value: float | None
    verdict: Literal["good", "bad"] | None
    reason: str
    seconds: float
    run: str | None
    confirmed: Confirmed | None = None
    writes: tuple[str, ...] = ()


class Release(Finding):
    """One release of the culprit. state: ``not tried`` when it could not be, for reason; ``unclear`` when its values do
    not tell. beside: the end it was tried in."""

    version: str
    state: Literal["good", "bad", "unclear", "not tried"]
    values: tuple[float, ...] = ()
    reason: str = ""
    beside: Literal["old", "new"] = "new"


class Releases(Finding):
    """The releases of the culprit from OLD's to NEW's.

    last_good, observed_bad: the two observed ones that lie nearest to each other. first_bad: observed_bad where no
    release lies between, else None. between: those of which nothing is known, from OLD's to NEW's.
    released: how many there are between OLD's and NEW's. links: where the package says what changed, by its own labels.
    """

    package: str
    last_good: str
    first_bad: str | None
    observed_bad: str
    between: tuple[str, ...]
    released: int
    tried: tuple[Release, ...]
    links: dict[str, str]


class BisectReport(Finding):
    """The end of a study.

    culprits, companions: package names, ``python``, ``env:NAME``, ``source``, ``param:NAME``. companions moved together
    with the culprits where these were shown to be bad, and were shown to be good without them. additive: what each of
    several culprits does alone, in the metric's unit. interaction: how they act where they do not add up. probes: mixes
    tried besides the ends and the proof; runs, seconds, trials: of all reruns, those of releases included. next:
    commands and pins worth trying. tools: name -> version of what it was found with. notes: how the two sides were
    taken. confirmed: the weakest of all trials that gave a value (see ``FinishedTrial``). command: as it was rerun, and
    command_given where launchers were taken off it. at_fixed_seed: whether each end gave one and the same value at
    every seed; then the verdict holds at that one seed, if the training has any. digest: of all the rest, see
    ``digest_of``.
    """

    verdict: VerdictWord
    why: str
    metric: str
    higher_is_better: bool
    culprits: tuple[str, ...]
    companions: tuple[str, ...]
    share: Share | None
    additive: dict[str, float] | None
    interaction: str | None
    old: EndValues
    new: EndValues
    proof: tuple[ProofFact, ...]
    suspects: tuple[PossibleCause, ...]
    changes: tuple[Change, ...]
    probes: int
    runs: int
    seconds: float
    first_bad_version: str | None
    releases: Releases | None
    trials: tuple[FinishedTrial, ...]
    next: tuple[str, ...]
    command: tuple[str, ...] = ()
    command_given: tuple[str, ...] | None = None
    confirmed: Confirmed | None = None
    tools: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    at_fixed_seed: bool = False
    digest: str = ""

    @property
    def holds(self) -> bool:
        """Whether the question was answered: by a proof, or by that there is nothing to prove."""
        return self.verdict in ("proved", "no_regression")

    def sealed(self) -> BisectReport:
        """The same with its digest."""
        return self.model_copy(update={"digest": digest_of(self)})


def digest_of(report: BisectReport | Mapping[str, Any]) -> str:
    """sha256 of the report's JSON without the digest, keys sorted, no spaces, ASCII: whoever has it can check it.

    report: or its parsed JSON, which may have fields of a newer version.
    """
    fields = report.to_dict() if isinstance(report, BisectReport) else report
    body = {key: value for key, value in fields.items() if key != "digest"}
    return f"sha256:{sha256(json.dumps(body, sort_keys=True, separators=(',', ':')).encode()).hexdigest()}"


class BisectPlan(Finding):
    """What a study would do.

    atoms: changes that only move together. needs: what each needs at NEW beside it. prior: how suspect each is before
    any trial; sums to 1. expected_seconds: None where nobody knows how long the command takes.
    """

    changes: tuple[Change, ...]
    atoms: tuple[tuple[str, ...], ...]
    needs: dict[str, tuple[str, ...]]
    prior: dict[str, float]
    expected_probes: float
    expected_runs: int
    expected_seconds: float | None
    max_runs: int
    notes: tuple[str, ...] = ()
