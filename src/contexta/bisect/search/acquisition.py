"""Choose the mix whose next run has the most information about the cause.

Every run passes through the same noise, so the most informative mix is the one with the least certain outcome: good,
bad, or with one of two parts. For one culprit without noise this is binary search weighted by suspicion. The lattice of
mixes is too large to enumerate. Chains through it in random orders, with all their steps, nearly always contain a good
mix. With noise, another run of a known mix may be best: it cannot fail, and nothing has to be built.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from contexta.bisect.inference.failures.failure_model import Risk
from contexta.bisect.inference.posterior import Posterior
from contexta.bisect.space.lattice import Mixes
from contexta.bisect.tuning import TUNING


@dataclass(frozen=True)
class Choice:
    """A mix with the probabilities of its outcomes."""

    mix: int
    bad: float
    part: float
    bits: float
    """Expected information, reduced by the risk that the mix fails."""


def entropy(*probabilities: float) -> float:
    """The entropy of an outcome in bits. probabilities: of all but the last possibility."""
    return -sum(p * math.log2(p) for p in (*probabilities, 1 - sum(probabilities)) if p > 1e-12)


def most_informative(
    posterior: Posterior,
    mixes: Mixes,
    risk: Risk,
    preferred: Iterable[int] = (),
    settled: Iterable[int] = (),
    turn: int = 0,
    tells_parts: bool = False,
) -> Choice | None:
    """The feasible mix with the most expected information; None if no mix has any.

    preferred: mixes that a proof will need; they win near ties.
    settled: mixes whose further runs have no information.
    tells_parts: whether one run tells a part of the drop from the whole; in noise it looks like either.
    turn: varies the chains between steps; the same turn chooses the same mix.
    """
    random = Random(turn)
    outcomes: dict[int, tuple[float, float]] = {}
    weight = [p + 1e-9 for p in posterior.marginals]
    for number in range(TUNING.acquisition_chains):
        keys = [random.random() ** (1 / p) if number % 2 else random.random() for p in weight]
        steps = mixes.chain(0, mixes.full, keys.__getitem__)
        outcomes.update(zip(steps, posterior.outcome_probabilities(steps), strict=True))
    feasible = [mix for mix in dict.fromkeys(preferred) if mixes.can_exist(mix)]
    for mix in (*feasible, *risk.ran):
        if mix not in outcomes and mixes.can_exist(mix):
            outcomes[mix] = _outcome_probabilities(posterior, mixes, mix)
    for mix in (0, mixes.full, *settled):
        outcomes.pop(mix, None)
    if not tells_parts:
        outcomes = {mix: (bad + part / 2, 0.0) for mix, (bad, part) in outcomes.items()}
    candidates = sorted(outcomes, key=lambda mix: (-entropy(*outcomes[mix]), mix))[: TUNING.acquisition_kept]
    candidates += [mix for mix in feasible if mix in outcomes and mix not in candidates]
    choices = [
        Choice(mix, *outcomes[mix], entropy(*outcomes[mix]) * (1 - risk.of(mix))) for mix in candidates
    ]  # the risk takes long to compute, so only the best by entropy are compared with it
    best = max(
        choices, key=lambda choice: (choice.bits * (1.25 if choice.mix in feasible else 1.0), -choice.mix), default=None
    )
    return best if best is not None and best.bits > 1e-3 else None


def _outcome_probabilities(posterior: Posterior, mixes: Mixes, mix: int) -> tuple[float, float]:
    return posterior.outcome_probabilities(mixes.chain(0, mix, lambda group: group))[-1]


def likeliest(posterior: Posterior, count: int) -> list[int]:
    """The most probable single change groups, in order."""
    return sorted(range(len(posterior.singles)), key=lambda group: -posterior.singles[group])[:count]
