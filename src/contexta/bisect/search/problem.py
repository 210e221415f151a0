"""The input and the output of the search: problem, settings, next trial and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from contexta.bisect.inference.endpoints import Endpoints
from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.posterior import Posterior
from contexta.bisect.inference.proof import Proof, Strength
from contexta.bisect.space.lattice import Mixes

Purpose = Literal["end", "search", "proof", "release"]
Kind = Literal["proved", "not_proved", "no_regression", "undecided"]


@dataclass(frozen=True)
class Settings:
    """The budget of a study and the evidence that it requires."""

    max_runs: int = 60
    """Trials in all, including those of the endpoints and the proof."""
    max_hours: float | None = None
    """The duration of all trials together, so twice the hours on the clock where two run at a time."""
    leads: float = 0.7
    """The probability from which a leader goes to proof."""
    sure: float = 0.99
    """The probability that a leader needs when its proof is complete."""
    strength: Strength = field(default_factory=Strength)
    """The evidence for one fact of the proof."""
    search_odds: float = 20.0
    """Odds between good and bad for a mix on the way to a minimal set."""
    repeats: int = 0
    """Runs of each endpoint before anything is judged."""
    only_seed: int | None = None
    """The only seed of the study: it shows what the environments do there, not whether the drop exceeds the variation
    between seeds. None for as many seeds as that takes."""
    judged: bool = False
    """Whether values are 1 for good and 0 for bad, which may be equal at every seed although the training uses it."""

    def spent_budget(self, results: Sequence[Observation]) -> str | None:
        """The budget that allows no further trial, as "60 runs"; None if one is left.

        A further trial is expected to take the median duration of those so far.
        """
        if len(results) >= self.max_runs:
            return f"{self.max_runs} runs"
        seconds = [result.seconds for result in results]
        if self.max_hours is None or not seconds or sum(seconds) + median(seconds) <= self.max_hours * 3600:
            return None
        return f"{self.max_hours:g} hours"


@dataclass(frozen=True)
class Problem:
    """The changes of a study, by their lattice, and what is known before its first trial."""

    mixes: Mixes
    weights: tuple[float, ...]
    """The suspicion of each change group before any trial, > 0, in any unit."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Probe:
    """The next trial: run this mix at the seed with this number (0, 1, 2, ...)."""

    mix: int
    seed: int
    purpose: Purpose
    why: str
    to_end: bool = False
    """Whether the value must be measured: then the trial runs to its end, whatever it logs."""


@dataclass(frozen=True)
class Verdict:
    """The conclusion from the trials."""

    kind: Kind
    why: str
    culprits: int = 0
    """Change groups, as a mix."""
    proof: Proof | None = None
    posterior: Posterior | None = None
    """The last one; None before the search."""
    endpoints: Endpoints | None = None
    share: tuple[float, float, float] | None = None
    """The culprits' share of the drop (estimate, low, high) if proved; unbounded if no value depends on its seed."""
    fixed_seed: bool = False
    """Whether no value depends on its seed, so that the verdict holds at one seed if the training has any."""
    only_seed: int | None = None
    """See ``Settings``."""

    @property
    def companions(self) -> int:
        return self.proof.companions if self.proof is not None and self.kind == "proved" else 0
