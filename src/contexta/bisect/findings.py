"""What a study answers, as frozen values; the same for a screen and for ``--json``."""

from __future__ import annotations

from typing import Literal

from contexta.findings import Change
from contexta.values import Value

VerdictWord = Literal["proved", "not_proved", "no_regression", "undecided"]


class EndValues(Value):
    """One end: the values of its runs in the order they were run, and their mean (None before the first)."""

    values: tuple[float, ...]
    mean: float | None


class ProofFact(Value):
    """One fact of the proof.

    fact: what is claimed. at_new: the changes that are at NEW in the environment it was run in. expected: None where
    every outcome says something. state: what the runs say; ``open`` while they do not suffice.
    """

    fact: str
    at_new: tuple[str, ...]
    expected: Literal["good", "bad"] | None
    state: Literal["good", "bad", "between", "open"]
    holds: bool
    values: tuple[float, ...]
    pins: dict[str, str]


class Share(Value):
    """How much of the drop something explains; 1 is all of it. low and high hold it with 95 %."""

    estimate: float
    low: float
    high: float


class Suspect(Value):
    """What the trials leave possible, with its probability."""

    changes: tuple[str, ...]
    probability: float


class FinishedTrial(Value):
    """One rerun. at_new: the changes at NEW. value: None when there was none, for ``reason``."""

    number: int
    purpose: Literal["end", "search", "proof"]
    at_new: tuple[str, ...]
    seed: int
    value: float | None
    reason: str
    seconds: float


class BisectReport(Value):
    """The end of a study.

    culprits, companions: package names, ``python``, ``env:NAME``. companions moved together with the culprits where
    these were shown to be bad, and were shown to be good without them. additive: what each of several culprits does
    alone, in the metric's unit. interaction: how they act where they do not add up. probes: mixes tried besides the
    ends and the proof; runs: all reruns. next: commands and pins worth trying.
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
    suspects: tuple[Suspect, ...]
    changes: tuple[Change, ...]
    probes: int
    runs: int
    seconds: float
    first_bad_version: str | None
    trials: tuple[FinishedTrial, ...]
    next: tuple[str, ...]


class BisectPlan(Value):
    """What a study would do. atoms: changes that only move together, with what each needs at NEW beside it."""

    changes: tuple[Change, ...]
    atoms: tuple[tuple[str, ...], ...]
    needs: dict[str, tuple[str, ...]]
    prior: dict[str, float]
    expected_probes: float
    expected_runs: int
    max_runs: int
