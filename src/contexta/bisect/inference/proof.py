"""The proof: the facts that together show which change is the cause.

For a culprit C: OLD is good, NEW is bad, OLD with C is bad, NEW without C is good. C may need companions (what it
requires, or what it only runs beside): then they are shown to be good without C. For several culprits each is shown
alone, and each is needed: without it OLD with the others is not bad, or NEW without the others is not good. One of
which neither holds is left out, and the others are proved anew. A mix that fails is replaced by the nearest one that
runs; what was added or left out is named, and beside several culprits is shown to be good.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from contexta.bisect.inference.failure_model import Risk
from contexta.bisect.inference.observations import Readings, State
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes, atoms_of

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
    """How much evidence one fact takes: ``odds`` to one between good and bad, from at least ``runs`` runs."""

    odds: float = 10.0
    runs: int = 2


@dataclass(frozen=True)
class Fact:
    """One mix and what it must be.

    role: ``all but one``: OLD with all culprits but one; ``only one``: NEW with only that one of them; ``left out``:
    OLD with what NEW lacks beside the culprits where it is shown without them.
    expected: None for a culprit alone, where every outcome says something, for all but one, which may be anything but
    bad, and for only one, which may be anything but good.

    state: what the runs of this mix say; ``open`` while they do not suffice.
    """

    role: Role
    mix: int
    expected: State | None
    state: State

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
    """The facts for one set of culprits. missing: why a side cannot be shown at all; None while it can."""

    culprits: int
    facts: tuple[Fact, ...]
    missing: str | None = None

    @property
    def complete(self) -> bool:
        return self.missing is None and all(fact.holds for fact in self.facts)

    @property
    def next_mix(self) -> int | None:
        """The first mix that needs another run."""
        return next((fact.mix for fact in self.facts if fact.state == "open"), None)

    @property
    def with_mix(self) -> int:
        """OLD with the culprits, and what they are shown with."""
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
        """Culprits without which nothing changes, as a mix: OLD with the others is bad, NEW without the others good."""
        return next((fact.mix & self.culprits for fact in self.facts if fact.role == "only one" and fact.refuted), 0)

    @property
    def companions(self) -> int:
        """What went to NEW together with the culprits where they were shown to be bad."""
        return self.with_mix & ~self.culprits


def prove(
    readings: Readings,
    mixes: Mixes,
    risk: Risk,
    culprits: int,
    strength: Strength,
    with_mix: int | None = None,
    *,
    last: bool = False,
) -> Proof:
    """Where the proof of these culprits stands. culprits: atoms, as a mix (which need not be able to exist).

    with_mix: where they are to be shown to be bad; None: where it takes the fewest runs. last: whether no run is left;
    then what is shown already goes before what would show it with less beside the culprits.
    """
    ways = list(_with(mixes, risk, readings, culprits)) if with_mix is None else [(0.0, with_mix)]
    if last and any(mix & culprits == culprits for mix in risk.failed):
        ways = [way for way in ways if _is_shown(readings, mixes, culprits, way[-1], strength)] or ways
    shown = min(ways, default=None)
    left = list(_without(mixes, risk, readings, culprits))
    if last and _may_be_good(readings, mixes.without(mixes.full, culprits), culprits, strength):
        left = [way for way in left if _is(readings, way[-1], "good", culprits, strength)] or left
    kept = min(left, default=None)
    roles: list[tuple[Role, int]] = [("old", 0), ("new", mixes.full)]
    if shown is None or kept is None:
        side = "OLD with it" if shown is None else "NEW without it"
        return Proof(culprits, _facts(readings, culprits, roles, strength), f"no mix that shows {side} runs")
    roles.append(("with", shown[-1]))
    companions = mixes.without(shown[-1], culprits)
    if companions:
        roles.append(("companions", companions))
    roles.append(("without", kept[-1]))
    units = list(dict.fromkeys(mixes.twins(atom) & culprits for atom in atoms_of(culprits)))
    if len(units) > 1:
        left_out = mixes.closed(mixes.without(mixes.full, culprits) & ~kept[-1])
        if left_out and left_out not in risk.failed:
            roles.append(("left out", left_out))
        alones = {}
        for unit in units:
            alone = min(_with(mixes, risk, readings, unit, apart=culprits & ~unit), default=None)
            if alone is None:
                why = "no mix that shows one of the culprits without the others runs"
                return Proof(culprits, _facts(readings, culprits, roles, strength), why)
            roles.append(("alone", alone[-1]))
            alones[unit] = alone[-1]
        needed = _each_needed(readings, mixes, risk, culprits, shown[-1], alones, strength)
        if any(role == "all but one" and _moves_little(readings, shown[-1], mix) for role, mix in needed or ()):
            why = "one of the culprits makes less than a tenth of the drop"
            return Proof(culprits, _facts(readings, culprits, roles, strength), why)
        if needed is None:
            why = "whether each of the culprits is needed cannot be shown: the mixes without it fail"
            return Proof(culprits, _facts(readings, culprits, roles, strength), why)
        roles += needed
    return Proof(culprits, _facts(readings, culprits, roles, strength))


def _each_needed(
    readings: Readings,
    mixes: Mixes,
    risk: Risk,
    culprits: int,
    shown: int,
    alone: dict[int, int],
    strength: Strength,
) -> list[tuple[Role, int]] | None:
    """The facts that show that none of several culprits may be left out; None where they cannot be shown.

    shown: OLD with the culprits. What it holds beside them and what they require stays in when one is left out: it may
    do what that one was named for. alone: unit of culprits -> where it is shown without the others. Of two, that is
    where the other is left out.
    """
    found: list[tuple[Role, int]] = []
    beside = shown & ~mixes.closed(culprits)
    for unit in alone:
        others = culprits & ~unit
        rest = alone[others] if len(alone) == 2 else mixes.closed(others)
        with_others = mixes.without(shown, unit)
        if beside and with_others not in risk.failed:
            rest = with_others
        only = mixes.without(mixes.full, others)
        by_ends = {mix: readings.state(mix, strength.odds, strength.runs) for mix in (rest, alone[unit])}
        # where one suffices by itself, the others are bad too as a rule: that need not be seen
        tells = by_ends[rest] == "open" and (len(alone) == 2 or by_ends[alone[unit]] != "bad")
        if not rest & unit and rest not in risk.failed and (tells or by_ends[rest] in ("good", "between")):
            if len(alone) > 2 or rest not in alone.values():
                found.append(("all but one", rest))
        elif not only & unit or only in risk.failed:
            return None
        else:
            found.append(("only one", only))
    return found


def _moves_little(readings: Readings, shown: int, less: int) -> bool:
    """Whether, without noise, less than a tenth of the drop lies between two mixes."""
    ran = readings.run_count(shown) and readings.run_count(less)
    return readings.seedless and bool(ran) and abs(readings.level(shown) - readings.level(less)) < TUNING.least_cause


def _is_shown(readings: Readings, mixes: Mixes, culprits: int, mix: int, strength: Strength) -> bool:
    """Whether a mix is known to be bad, and what stands in it beside the culprits to be good."""
    beside = mixes.without(mix, culprits)
    bad = _is(readings, mix, "bad", culprits, strength)
    return bad and (not beside or _is(readings, beside, "good", culprits, strength))


def _may_be_good(readings: Readings, mix: int, culprits: int, strength: Strength) -> bool:
    """Whether a mix is not known to be bad: neither beside what others are, were these to blame, nor by the ends."""
    return _is(readings, mix, "open", culprits, strength) and not _is(readings, mix, "bad", 0, strength)


def _is(readings: Readings, mix: int, state: State, culprits: int, strength: Strength) -> bool:
    return readings.state(mix, strength.odds, strength.runs, culprits) == state


def _facts(readings: Readings, culprits: int, roles: list[tuple[Role, int]], strength: Strength) -> tuple[Fact, ...]:
    return tuple(
        Fact(role, mix, expected := _FACTS.get(role), _state(readings, mix, strength, culprits, expected))
        for role, mix in roles
    )


def _state(readings: Readings, mix: int, strength: Strength, culprits: int, expected: State | None) -> State:
    """What a mix is. Mixes that ran beside it count as the culprits have it; where these are several, never against
    what the ends alone say: a wrong pair must not make its own proof. One of several may be anything: by the ends."""
    if expected is None:
        return readings.state(mix, strength.odds, strength.runs)
    several = culprits.bit_count() > 1
    if several and mix in readings.log_densities and readings.run_count(mix) >= strength.runs:
        good, bad, _ = readings.log_densities[mix]
        against = good - bad if expected == "bad" else bad - good
        if against > math.log(strength.odds):
            return "good" if expected == "bad" else "bad"
        if against > math.log(TUNING.endpoint_leaning):
            return "open"  # more runs tell
    return readings.state(mix, strength.odds, strength.runs, culprits)


def _with(mixes: Mixes, risk: Risk, readings: Readings, culprits: int, apart: int = 0) -> Iterator[tuple[float, int]]:
    """(how far from ideal, mix) of every mix worth trying as "OLD with the culprits". apart: atoms that stay OLD."""
    least = mixes.closed(culprits)
    barred = (_needing(mixes, culprits) & ~culprits) | _needing(mixes, apart)
    if least & apart:
        return
    ran = [mix for mix in (*readings.probed, mixes.full) if mix & least == least]
    seen = {least}
    for mix in ran:
        high = mixes.without(mix, barred & ~least) | least
        seen.update(mixes.chain(least, high, lambda atom: atom))
    blocked = bool({least, mixes.without(least, culprits)} & risk.failed)
    if blocked:
        beside_one = {mixes.closed(least | 1 << other) for other in atoms_of(mixes.full & ~(barred | least))}
        if len(beside_one & risk.failed) < TUNING.proof_tries:
            seen |= beside_one
    for mix in seen:
        alone = mixes.without(mix, culprits)
        if mix not in risk.failed and alone not in risk.failed:
            wanted = (mix, alone) if alone else (mix,)
            yield _cost(risk, wanted, mix & ~least, readings if blocked else None), mix


def _without(mixes: Mixes, risk: Risk, readings: Readings, culprits: int) -> Iterator[tuple[float, int]]:
    """(how far from ideal, mix) of every mix worth trying as "NEW without the culprits"."""
    most = mixes.without(mixes.full, culprits)
    ran = [mix for mix in (*readings.probed, 0) if mix & most == mix]
    seen = {most}
    for mix in ran:
        seen.update(mixes.chain(mix, most, lambda atom: atom))
    blocked = most in risk.failed
    if blocked:
        seen.update(mixes.without(most, 1 << one) for one in atoms_of(most))
    if most:
        seen.discard(0)
    for mix in seen:
        if mix not in risk.failed:
            yield _cost(risk, (mix,), most & ~mix, readings if blocked else None), mix


def _cost(risk: Risk, wanted: tuple[int, ...], beside: int, readings: Readings | None) -> float:
    """The runs that a fact takes with these mixes, roughly: those that fail, those that are still to be made, and those
    that rule out the changes ``beside`` the culprits.

    readings: where the ideal mix cannot run; then what ran already is worth its runs.
    """
    ran = [min(TUNING.proof_runs, readings.run_count(mix)) if readings is not None else 0 for mix in wanted]
    failing = [risk.of(mix) for mix, runs in zip(wanted, ran, strict=True) if not runs]
    to_fail = sum(chance / (1.0001 - chance) for chance in failing)
    return (
        to_fail
        + len(wanted) * TUNING.proof_runs
        - sum(ran)
        + TUNING.proof_cost_of_doubt * math.log2(1 + beside.bit_count())
    )


def _needing(mixes: Mixes, atoms: int) -> int:
    found = 0
    for atom in atoms_of(atoms):
        found |= mixes.needed_by[atom]
    return found
