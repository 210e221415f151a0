"""From a verdict about atoms to a report about packages. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from contexta.bisect.changes import PYTHON, VARIABLE, Space
from contexta.bisect.findings import (
    BisectPlan,
    BisectReport,
    EndValues,
    FinishedTrial,
    ProofFact,
    Share,
    Suspect,
)
from contexta.bisect.mixes import atoms_of
from contexta.bisect.proof import Fact
from contexta.bisect.readings import Readings, Result
from contexta.bisect.search import Probe, Verdict

_CLAIMS = {
    "old": "OLD is good",
    "new": "NEW is bad",
    "with": "OLD with {culprits} is bad",
    "without": "NEW without {culprits} is good",
    "companions": "the companions alone are good",
    "alone": "{culprits} alone",
    "all but one": "{culprits} without the rest is not bad",
}


def report(
    space: Space,
    verdict: Verdict,
    trials: Sequence[tuple[Probe, Result]],
    *,
    metric: str,
    higher_is_better: bool,
) -> BisectReport:
    """Everything a study found, in the words of its user. Values get their own sign back."""
    sign = 1.0 if higher_is_better else -1.0
    readings = Readings(tuple(result for _, result in trials), space.mixes.full)
    facts = verdict.proof.facts if verdict.proof is not None else ()
    known = verdict.kind == "proved"
    additive, interaction = _parts(space, verdict, readings, sign) if known else (None, None)
    beside = {0, space.mixes.full, *(fact.mix for fact in facts)}
    return BisectReport(
        verdict=verdict.kind,
        why=verdict.why,
        metric=metric,
        higher_is_better=higher_is_better,
        culprits=space.keys(verdict.culprits) if known else (),
        companions=space.keys(verdict.companions),
        share=Share(estimate=verdict.share[0], low=verdict.share[1], high=verdict.share[2]) if verdict.share else None,
        additive=additive,
        interaction=interaction,
        old=_end(readings, 0, sign),
        new=_end(readings, space.mixes.full, sign),
        proof=tuple(_fact(space, verdict, fact, readings, sign) for fact in facts),
        suspects=_suspects(space, verdict),
        changes=tuple(change for atom in space.atoms for change in atom.changes),
        probes=len({result.mix for _, result in trials} - beside),
        runs=len(trials),
        seconds=round(sum(result.seconds for _, result in trials), 3),
        first_bad_version=None,
        trials=tuple(
            FinishedTrial(
                number=number,
                purpose=step.purpose,
                at_new=space.keys(result.mix),
                seed=result.seed,
                value=None if result.value is None else sign * result.value,
                reason=result.reason,
                seconds=round(result.seconds, 3),
            )
            for number, (step, result) in enumerate(trials, start=1)
        ),
        next=tuple(_next(space, verdict)),
    )


def plan(space: Space, max_runs: int) -> BisectPlan:
    """What a study of this space would do; the figures are those of a single culprit without noise."""
    weights = space.weights()
    total = sum(weights) or 1.0
    names = [" + ".join(atom.keys) for atom in space.atoms]
    probes = sum(w / total * math.log2(total / w) for w in weights)
    return BisectPlan(
        changes=tuple(change for atom in space.atoms for change in atom.changes),
        atoms=tuple(atom.keys for atom in space.atoms),
        needs={
            name: tuple(names[other] for other in atoms_of(space.mixes.needs[number]) if other != number)
            for number, name in enumerate(names)
            if space.mixes.needs[number] != 1 << number
        },
        prior={name: round(weight / total, 4) for name, weight in zip(names, weights, strict=True)},
        expected_probes=round(probes, 1),
        expected_runs=min(max_runs, 8 + math.ceil(probes) + 4),
        max_runs=max_runs,
    )


def _end(readings: Readings, mix: int, sign: float) -> EndValues:
    values = _values(readings, mix, sign)
    return EndValues(values=values, mean=fmean(values) if values else None)


def _values(readings: Readings, mix: int, sign: float) -> tuple[float, ...]:
    return tuple(sign * result.value for result in readings.results if result.mix == mix and result.value is not None)


def _fact(space: Space, verdict: Verdict, fact: Fact, readings: Readings, sign: float) -> ProofFact:
    culprits = verdict.culprits & fact.mix if fact.role in ("alone", "all but one") else verdict.culprits
    expected = fact.expected if fact.expected in ("good", "bad") else None
    return ProofFact(
        fact=_CLAIMS[fact.role].format(culprits=" and ".join(space.keys(culprits))),
        at_new=space.keys(fact.mix),
        expected=expected,
        state=fact.state,
        holds=fact.holds,
        values=_values(readings, fact.mix, sign),
        pins=space.packages(fact.mix),
    )


def _parts(
    space: Space, verdict: Verdict, readings: Readings, sign: float
) -> tuple[dict[str, float] | None, str | None]:
    """How several culprits act: what each does alone, or that they act only together, or that each suffices."""
    alone = [fact for fact in (verdict.proof.facts if verdict.proof else ()) if fact.role == "alone"]
    if not alone:
        return None, None
    if all(fact.state == "good" for fact in alone):
        return None, "only together"
    if all(fact.state == "bad" for fact in alone):
        return None, "each alone suffices"
    before = fmean(_values(readings, 0, sign))
    moves = {
        " + ".join(space.keys(verdict.culprits & fact.mix)): round(fmean(_values(readings, fact.mix, sign)) - before, 6)
        for fact in alone
    }
    whole = fmean(_values(readings, space.mixes.full, sign)) - before
    if abs(sum(moves.values()) - whole) <= max(0.15, 2 * readings.spread) * abs(whole):
        return moves, None
    return None, "together more or less than the sum of each alone"


def _suspects(space: Space, verdict: Verdict) -> tuple[Suspect, ...]:
    belief = verdict.belief
    if belief is None or verdict.kind == "proved":
        return ()
    found = [(p, space.keys(1 << atom)) for atom, p in enumerate(belief.singles)]
    found += [
        (belief.pair(one, other), space.keys(1 << one | 1 << other))
        for one in range(space.mixes.count)
        for other in range(one)
    ]
    likely = sorted((item for item in found if item[0] >= 0.01), key=lambda item: (-item[0], item[1]))
    return tuple(Suspect(changes=keys, probability=round(p, 4)) for p, keys in likely[:10])


def _next(space: Space, verdict: Verdict) -> list[str]:
    if verdict.kind == "proved":
        return [_restore(space, key) for key in space.keys(verdict.culprits)]
    if verdict.kind == "no_regression":
        return ["look at what else differs between the two runs: code, data, parameters, machine"]
    return ["contexta bisect --resume --max-runs N"]


def _restore(space: Space, key: str) -> str:
    change = next(change for atom in space.atoms for change in atom.changes if change.key == key)
    if key == PYTHON:
        return f"run on Python {change.left_value}"
    if key.startswith(VARIABLE):
        name = key[len(VARIABLE) :]
        return f"unset {name}" if change.left_value is None else f"set {name}={change.left_value}"
    return f"uninstall {key}" if change.left_value is None else f"pin {key}=={change.left_value}"
