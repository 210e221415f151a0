"""The proof: the facts that together show which change is the cause.

For a culprit C: OLD is good, NEW is bad, OLD with C is bad, NEW without C is good. C may need companions (changes that
it requires, or fails without): then these are shown to be good without C. Of several culprits, each is shown alone, and
each is needed: without it, OLD with the others is not bad, or NEW without the others is not good. A culprit of which
neither holds is left out, and the proof of the others starts again. A failing mix is replaced by the nearest one that
runs. The changes in which it differs are named, and with several culprits they are shown to be good.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from contexta.bisect.inference.failures.failure_model import Risk
from contexta.bisect.inference.mix_evidence import MixEvidence, State
from contexta.bisect.space.lattice import Mixes, groups_of
from contexta.bisect.tuning import TUNING

Role = Literal["old", "new", "with", "without", "companions", "alone", "all but one", "only one", "left out"]
_FACTS: dict[Role, State] = {
    "old": "good",
    "new": "bad",
    "with": "bad",
    "without": "good",
    "companions": "good",
    "left out": "good",
}


@dataclass(frozen=True)
class Strength:
    """The evidence that one fact needs."""

    odds: float = 10.0
    """Between good and bad, to one."""
    runs: int = 2


@dataclass(frozen=True)
class Fact:
    """One mix and the state that it must have."""

    role: Role
    """``all but one``: OLD with all culprits but one; ``only one``: NEW with only that one of them; ``left out``: OLD
    with the changes besides the culprits that NEW lacks where it is shown without them."""
    mix: int
    expected: State | None
    """None if several states are possible: any for a culprit alone, any but bad for ``all but one``, any but good for
    ``only one``."""
    state: State
    """The state of this mix by its runs; ``open`` while they are too few."""

    @property
    def holds(self) -> bool:
        if self.role == "all but one":
            return self.state in ("good", "between")
        if self.role == "only one":
            return self.state in ("bad", "between")
        return self.state != "open" if self.expected is None else self.state == self.expected

    @property
    def refuted(self) -> bool:
        return self.state != "open" and not self.holds


@dataclass(frozen=True)
class Proof:
    """The facts for one set of culprits."""

    culprits: int
    facts: tuple[Fact, ...]
    missing: str | None = None
    """Why a fact cannot be shown; None while all can."""

    @property
    def complete(self) -> bool:
        return self.missing is None and all(fact.holds for fact in self.facts)

    @property
    def next_mix(self) -> int | None:
        """The first mix that needs another run."""
        return next((fact.mix for fact in self.facts if fact.state == "open"), None)

    @property
    def with_mix(self) -> int:
        """OLD with the culprits and the changes that they are shown with."""
        return next((fact.mix for fact in self.facts if fact.role == "with"), self.culprits)

    @property
    def without_mix(self) -> int:
        """NEW without the culprits."""
        return next((fact.mix for fact in self.facts if fact.role == "without"), 0)

    @property
    def refuted(self) -> bool:
        return any(fact.refuted for fact in self.facts)

    @property
    def needless(self) -> int:
        """Culprits whose omission changes nothing, as a mix: OLD with the others is bad, NEW without them is good."""
        return next((fact.mix & self.culprits for fact in self.facts if fact.role == "only one" and fact.refuted), 0)

    @property
    def companions(self) -> int:
        """The changes at NEW together with the culprits in the mix that shows them."""
        return self.with_mix & ~self.culprits


def prove(
    evidence: MixEvidence,
    mixes: Mixes,
    risk: Risk,
    culprits: int,
    strength: Strength,
    with_mix: int | None = None,
    *,
    last: bool = False,
) -> Proof:
    """The state of the proof of these culprits.

    culprits: change groups, as a mix (which need not be able to exist).
    with_mix: the mix that shows them to be bad; None: the one that takes the fewest runs.
    last: whether no run is left; then a mix that already shows a side comes before one with fewer other changes.
    """
    options = list(_with(mixes, risk, evidence, culprits)) if with_mix is None else [(0.0, with_mix)]
    if last and any(mix & culprits == culprits for mix in risk.failed):
        options = [
            option for option in options if _is_shown(evidence, mixes, culprits, option[-1], strength)
        ] or options
    shown = min(options, default=None)
    left = list(_without(mixes, risk, evidence, culprits))
    if last and _may_be_good(evidence, mixes.without(mixes.full, culprits), culprits, strength):
        left = [option for option in left if _is(evidence, option[-1], "good", culprits, strength)] or left
    kept = min(left, default=None)
    roles: list[tuple[Role, int]] = [("old", 0), ("new", mixes.full)]
    if shown is None or kept is None:
        side = "OLD with it" if shown is None else "NEW without it"
        return Proof(culprits, _facts(evidence, culprits, roles, strength), f"no mix that shows {side} runs")
    roles.append(("with", shown[-1]))
    companions = mixes.without(shown[-1], culprits)
    if companions:
        roles.append(("companions", companions))
    roles.append(("without", kept[-1]))
    units = list(dict.fromkeys(mixes.inseparable(group) & culprits for group in groups_of(culprits)))
    if len(units) > 1:
        left_out = mixes.closed(mixes.without(mixes.full, culprits) & ~kept[-1])
        if left_out and left_out not in risk.failed:
            roles.append(("left out", left_out))
        alones = {}
        for unit in units:
            alone = min(_with(mixes, risk, evidence, unit, apart=culprits & ~unit), default=None)
            if alone is None:
                why = "no mix that shows one of the culprits without the others runs"
                return Proof(culprits, _facts(evidence, culprits, roles, strength), why)
            roles.append(("alone", alone[-1]))
            alones[unit] = alone[-1]
        needed = _each_needed(evidence, mixes, risk, culprits, shown[-1], alones, strength)
        if any(role == "all but one" and _moves_little(evidence, shown[-1], mix) for role, mix in needed or ()):
            why = "one of the culprits explains less than a tenth of the difference"
            return Proof(culprits, _facts(evidence, culprits, roles, strength), why)
        if needed is None:
            why = "whether each of the culprits is needed cannot be shown: the mixes without it fail"
            return Proof(culprits, _facts(evidence, culprits, roles, strength), why)
        roles += needed
    return Proof(culprits, _facts(evidence, culprits, roles, strength))


def _each_needed(
    evidence: MixEvidence,
    mixes: Mixes,
    risk: Risk,
    culprits: int,
    shown: int,
    alone: dict[int, int],
    strength: Strength,
) -> list[tuple[Role, int]] | None:
    """The facts that show that none of several culprits may be left out; None if they cannot be shown.

    shown: OLD with the culprits. Its other changes stay when one culprit is left out, because they may be the cause
    instead. alone: unit of culprits -> the mix that shows it without the others. Of two culprits, this is the mix
    without the other one.
    """
    facts: list[tuple[Role, int]] = []
    other_changes = shown & ~mixes.closed(culprits)
    for unit in alone:
        others = culprits & ~unit
        rest = alone[others] if len(alone) == 2 else mixes.closed(others)
        with_others = mixes.without(shown, unit)
        if other_changes and with_others not in risk.failed:
            rest = with_others
        only = mixes.without(mixes.full, others)
        by_endpoints = {mix: evidence.state(mix, strength.odds, strength.runs) for mix in (rest, alone[unit])}
        # if one culprit suffices alone, the others are usually bad as well, and no run is needed to see that
        is_informative = by_endpoints[rest] == "open" and (len(alone) == 2 or by_endpoints[alone[unit]] != "bad")
        may_hold = is_informative or by_endpoints[rest] in ("good", "between")
        if not rest & unit and rest not in risk.failed and may_hold:
            if len(alone) > 2 or rest not in alone.values():
                facts.append(("all but one", rest))
        elif not only & unit or only in risk.failed:
            return None
        else:
            facts.append(("only one", only))
    return facts


def _moves_little(evidence: MixEvidence, shown: int, less: int) -> bool:
    """Whether, without noise, less than a tenth of the drop lies between two mixes."""
    observations, values = evidence.observations, evidence.values
    ran = observations.run_count(shown) and observations.run_count(less)
    return observations.seedless and bool(ran) and abs(values.level(shown) - values.level(less)) < TUNING.least_cause


def _is_shown(evidence: MixEvidence, mixes: Mixes, culprits: int, mix: int, strength: Strength) -> bool:
    """Whether a mix is shown to be bad, and its changes besides the culprits to be good."""
    without_culprits = mixes.without(mix, culprits)
    is_bad = _is(evidence, mix, "bad", culprits, strength)
    return is_bad and (not without_culprits or _is(evidence, without_culprits, "good", culprits, strength))


def _may_be_good(evidence: MixEvidence, mix: int, culprits: int, strength: Strength) -> bool:
    """Whether a mix is not shown to be bad, neither by the other mixes (given these culprits) nor by the endpoints."""
    return _is(evidence, mix, "open", culprits, strength) and not _is(evidence, mix, "bad", 0, strength)


def _is(evidence: MixEvidence, mix: int, state: State, culprits: int, strength: Strength) -> bool:
    return evidence.state(mix, strength.odds, strength.runs, culprits) == state


def _facts(evidence: MixEvidence, culprits: int, roles: list[tuple[Role, int]], strength: Strength) -> tuple[Fact, ...]:
    return tuple(
        Fact(role, mix, expected := _FACTS.get(role), _state(evidence, mix, strength, culprits, expected))
        for role, mix in roles
    )


def _state(evidence: MixEvidence, mix: int, strength: Strength, culprits: int, expected: State | None) -> State:
    """The state of a mix if these are the culprits.

    Other mixes count at the level that the culprits give them. With several culprits, they never outweigh the
    endpoints: a wrong pair must not prove itself. One of several culprits alone is compared with the endpoints only.
    """
    if expected is None:
        return evidence.state(mix, strength.odds, strength.runs)
    several = culprits.bit_count() > 1
    if several and mix in evidence.log_densities and evidence.observations.run_count(mix) >= strength.runs:
        good, bad, _ = evidence.log_densities[mix]
        against = good - bad if expected == "bad" else bad - good
        if against > math.log(strength.odds):
            return "good" if expected == "bad" else "bad"
        if against > math.log(TUNING.endpoint_leaning):
            return "open"  # more runs will tell
    return evidence.state(mix, strength.odds, strength.runs, culprits)


def _with(
    mixes: Mixes, risk: Risk, evidence: MixEvidence, culprits: int, apart: int = 0
) -> Iterator[tuple[float, int]]:
    """(cost, mix) of every mix worth trying as "OLD with the culprits". apart: change groups that stay at OLD."""
    least = mixes.closed(culprits)
    barred = (_needing(mixes, culprits) & ~culprits) | _needing(mixes, apart)
    if least & apart:
        return
    ran = [mix for mix in (*evidence.observations.probed, mixes.full) if mix & least == least]
    seen = {least}
    for mix in ran:
        high = mixes.without(mix, barred & ~least) | least
        seen.update(mixes.chain(least, high, lambda group: group))
    blocked = bool({least, mixes.without(least, culprits)} & risk.failed)
    if blocked:
        beside_one = {mixes.closed(least | 1 << other) for other in groups_of(mixes.full & ~(barred | least))}
        if len(beside_one & risk.failed) < TUNING.proof_tries:
            seen |= beside_one
    for mix in seen:
        alone = mixes.without(mix, culprits)
        if mix not in risk.failed and alone not in risk.failed:
            needed = (mix, alone) if alone else (mix,)
            yield _cost(risk, needed, mix & ~least, evidence if blocked else None), mix


def _without(mixes: Mixes, risk: Risk, evidence: MixEvidence, culprits: int) -> Iterator[tuple[float, int]]:
    """(cost, mix) of every mix worth trying as "NEW without the culprits"."""
    most = mixes.without(mixes.full, culprits)
    ran = [mix for mix in (*evidence.observations.probed, 0) if mix & most == mix]
    seen = {most}
    for mix in ran:
        seen.update(mixes.chain(mix, most, lambda group: group))
    blocked = most in risk.failed
    if blocked:
        seen.update(mixes.without(most, 1 << group) for group in groups_of(most))
    if most:
        seen.discard(0)
    for mix in seen:
        if mix not in risk.failed:
            yield _cost(risk, (mix,), most & ~mix, evidence if blocked else None), mix


def _cost(risk: Risk, needed: tuple[int, ...], other_changes: int, evidence: MixEvidence | None) -> float:
    """The expected runs for a fact with these mixes: failures, missing runs, and runs that exclude other changes.

    other_changes: the changes besides the culprits. evidence: given if the ideal mix cannot run; then earlier runs
    reduce the cost.
    """
    ran = [
        min(TUNING.proof_runs, evidence.observations.run_count(mix)) if evidence is not None else 0 for mix in needed
    ]
    failing = [risk.of(mix) for mix, runs in zip(needed, ran, strict=True) if not runs]
    to_fail = sum(chance / (1.0001 - chance) for chance in failing)
    return (
        to_fail
        + len(needed) * TUNING.proof_runs
        - sum(ran)
        + TUNING.proof_cost_of_doubt * math.log2(1 + other_changes.bit_count())
    )


def _needing(mixes: Mixes, groups: int) -> int:
    dependents = 0
    for group in groups_of(groups):
        dependents |= mixes.needed_by[group]
    return dependents
