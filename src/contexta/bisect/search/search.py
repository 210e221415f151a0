"""Decide on the next trial or the verdict, from the results so far.

``decide(problem, results)`` is a pure function. So a study resumes by reading its results back, and a simulation needs
no process, clock or environment.

1. The endpoints run until NEW looks worse (``inference/endpoints``). They run again while "no difference" is in doubt.
2. The search runs the most informative mix (``inference/posterior``, ``acquisition``) until one change or pair leads.
   If none explains the trials, or its proof is refuted, it looks for a minimal set (``delta_debugging``).
3. The proof repeats the facts that show the cause (``inference/proof``). A proof run that contradicts the leader sends
   the study back to step 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from contexta.bisect.inference.drift import next_late_run
from contexta.bisect.inference.endpoints import Ends, judge_ends, next_end_run
from contexta.bisect.inference.failure_model import Risk, learn
from contexta.bisect.inference.observations import Observation, Readings
from contexta.bisect.inference.outliers import may_hide_a_drop, odd_mix, read, to_repeat, unconfirmed
from contexta.bisect.inference.posterior import Belief, believe
from contexta.bisect.inference.proof import Proof, Strength, prove
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.search.acquisition import likeliest, most_informative
from contexta.bisect.search.blocks import as_rules, block, next_apart
from contexta.bisect.search.companions import fewer, known_needed, shared
from contexta.bisect.search.delta_debugging import Judged, Unknown, minimal_cause
from contexta.bisect.space.lattice import Mixes, atoms_of

Purpose = Literal["end", "search", "proof", "release"]
Kind = Literal["proved", "not_proved", "no_regression", "undecided"]


_PART = math.log(TUNING.prior_part_odds)  # prior odds of "only a part of the drop" against "all of it"
_PART_OUT = math.log(TUNING.part_excluded_odds)  # the odds at which a part is ruled out


@dataclass(frozen=True)
class Settings:
    """max_runs: trials in all, ends and proof included. repeats: runs of each end before anything is judged.

    judged: whether values are 1 for good and 0 for bad. These may be equal at every seed although the training uses it.
    """

    max_runs: int = 60
    leads: float = 0.7  # a leader this likely goes to proof
    sure: float = 0.99  # and must be this likely when the proof is complete
    strength: Strength = field(default_factory=Strength)
    search_odds: float = 20.0  # good against bad, for a mix on the way to a minimal set
    repeats: int = 0
    judged: bool = False


@dataclass(frozen=True)
class Problem:
    """weights: suspicion of each atom before any trial, > 0, any scale."""

    mixes: Mixes
    weights: tuple[float, ...]
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Probe:
    """Run this mix at the seed with this number (0, 1, 2, ...)."""

    mix: int
    seed: int
    purpose: Purpose
    why: str


@dataclass(frozen=True)
class Verdict:
    """What the trials show. culprits, companions: atoms, as mixes. belief: the last one; None before the search.

    share: what the culprits explain of the drop (estimate, low, high), when proved; from -inf to inf where no value
    depends on its seed. fixed_seed: whether that is so: what was shown holds at one seed, if the training has any.
    """

    kind: Kind
    why: str
    culprits: int = 0
    proof: Proof | None = None
    belief: Belief | None = None
    ends: Ends | None = None
    share: tuple[float, float, float] | None = None
    fixed_seed: bool = False

    @property
    def companions(self) -> int:
        return self.proof.companions if self.proof is not None and self.kind == "proved" else 0


def decide(problem: Problem, results: Sequence[Observation]) -> Probe | Verdict:
    """The next trial, or the verdict. Pure: the same results give the same answer."""
    readings = read(results, problem.mixes.full)
    step = _decided(problem, readings, spent=len(results) >= problem.settings.max_runs)
    if isinstance(step, Verdict) and step.ends is not None and readings.seedless and not problem.settings.judged:
        return replace(step, fixed_seed=True, why=f"{step.why}, at this fixed seed")
    return step


def _decided(problem: Problem, readings: Readings, *, spent: bool) -> Probe | Verdict:
    for end, name in ((0, "OLD"), (problem.mixes.full, "NEW")):
        if end in readings.failures:
            ran = "gives no value any more" if readings.run_count(end) else "itself gives no value"
            return Verdict("undecided", f"{name} {ran}: {readings.failures[end]}")
    ends = judge_ends(readings)
    lacking = [end for end in (0, problem.mixes.full) if readings.run_count(end) < problem.settings.repeats]
    if not spent and lacking:
        mix, seed = next_end_run(readings, None if len(lacking) > 1 else lacking[0])
        return Probe(mix, seed, "end", f"each end is to be run {problem.settings.repeats} times")
    if ends.state == "same":
        if not spent and (again := to_repeat(readings)) is not None:
            return Probe(*again, "end", "its value is like none of the others; does it come again?")
        if not spent and may_hide_a_drop(readings):
            return Probe(*next_end_run(readings), "end", "a single value may hide whether the ends differ")
        return Verdict("no_regression", ends.why, ends=ends)
    if ends.state == "open":
        if spent:
            return Verdict("undecided", ends.with_repeats(ends.why), ends=ends)
        mix, seed = next_end_run(readings)
        return Probe(mix, seed, "end", ends.why)
    step = _search(problem, readings, ends, spent)
    if not spent and isinstance(step, Verdict) and step.kind in ("proved", "not_proved"):
        step = _once_more(problem, readings, step) or step
    if not spent and isinstance(step, Verdict) and step.kind == "proved" and step.proof is not None:
        late = next_late_run(readings, step.proof)
        step = step if late is None else Probe(*late, "end", "does it still give what it gave before?")
    if spent and isinstance(step, Probe):
        belief, why = _belief(problem, readings), f"{problem.settings.max_runs} runs did not suffice"
        if belief.none > TUNING.doubt_about_drop:
            why = ends.with_repeats(f"{why} to be sure that the ends differ")
        return Verdict("undecided", why, belief=belief, ends=ends)
    return step


def next_seed(readings: Readings, mix: int) -> int:
    """The seed at which another run of a mix says most.

    First one at which most others ran: whom it is alike then shows at once. Where seeds move every value, then one of
    those of which it is known how far. After that one at which nothing alike has run: a value that is known already is
    none. Where no value depends on the seed, one at which nothing has run: so each trial tests that, too.
    """
    if readings.seedless:
        return max(result.seed for result in readings.results) + 1
    done = readings.seeds(mix)
    shared = [seed for seed in readings.fingerprints if seed not in done]
    if shared and not done:
        return max(shared, key=lambda seed: (len(readings.ran_at(seed)), -seed))
    if met := [seed for seed in readings.seed_effects if seed not in done]:
        return max(met, key=lambda seed: (len(readings.ran_at(seed)), -seed))
    if readings.fingerprints and not readings.seedless:
        sure = readings.identical > TUNING.surely_identical
        known = {seed for other in readings.alike(mix) for seed in readings.seeds(other)} if sure else done
        fresh = [seed for seed in shared if seed not in known]
        if fresh:
            return max(fresh, key=lambda seed: (len(readings.ran_at(seed)), -seed))
        done = known
    elif shared:
        return min(shared)
    return next(seed for seed in range(len(done) + 1) if seed not in done)


def _once_more(problem: Problem, readings: Readings, verdict: Verdict) -> Probe | None:
    """A second run of a mix whose single failure shaped a verdict: should it run now, the training is flaky, and the
    search goes on.

    What shows the culprits best; what made others companions, or tied them to the culprits, where no metadata does; and
    where nothing is proved the first that failed.
    """
    mixes, culprits = problem.mixes, verdict.culprits
    wanted = [mixes.closed(culprits), mixes.without(mixes.full, culprits)] if culprits else []
    brought = verdict.companions & ~mixes.closed(culprits)
    wanted += [mix for mix in readings.failures if mix & culprits and brought & ~mix]
    for one, other in _risk(problem, readings).rules:
        if culprits >> one & culprits >> other & 1:
            wanted += [mix for mix in readings.failures if mix >> one & 1 and not mix >> other & 1]
    if verdict.kind == "not_proved":
        wanted += readings.failures
    shaping = [mix for mix in dict.fromkeys(wanted) if mix in readings.failures][: TUNING.second_looks]
    again = next((mix for mix in shaping if len(readings.told[mix]) == 1), None)
    return None if again is None else Probe(again, next_seed(readings, again), "proof", "it failed; does it again?")


def _belief(problem: Problem, readings: Readings) -> Belief:
    return believe(readings, problem.mixes, problem.weights)


def _risk(problem: Problem, readings: Readings) -> Risk:
    return learn(problem.mixes.count, readings.failures, (0, problem.mixes.full, *readings.probed))


def _search(problem: Problem, readings: Readings, ends: Ends, spent: bool) -> Probe | Verdict:
    if (odd := odd_mix(readings)) is not None:
        return Probe(*odd, "search", "does a value like no other come again?")
    if (wild := unconfirmed(readings)) is not None:
        return Probe(wild, next_seed(readings, wild), "search", "it lies far outside both ends; does it again?")
    risk = _risk(problem, readings)
    problem = replace(problem, mixes=problem.mixes.ruled(risk.rules))
    settings, mixes = problem.settings, problem.mixes
    belief = _belief(problem, readings)
    if belief.none > TUNING.doubt_about_drop:
        return Probe(*next_end_run(readings), "end", "it is not sure enough yet that the ends differ at all")
    if group := block(mixes, risk, belief.singles, settings.leads):
        if (apart := next_apart(mixes, risk, group)) is None:
            mixes = mixes.ruled(as_rules(group))
            problem = replace(problem, mixes=mixes)
            belief = _belief(problem, readings)
        elif not spent:
            return _probe(readings, apart, "search", "does it run apart from those that may belong to it?")
    leader, probability = belief.leader(mixes.twins)
    if belief.several > max(probability, 0.5) or readings.shows_a_part:
        return _several(problem, readings, risk, belief, ends)
    # "several" predicts nothing, and whether the leader makes all of the drop, or a part, is a question for its proof
    aside = belief.several + belief.with_parts_of(leader)
    among_known = probability / (1 - aside)
    # a fact that the last run left with one value counts by its odds
    strength = replace(settings.strength, runs=1) if spent else settings.strength
    proof = prove(readings, mixes, risk, leader, strength, last=spent)
    if proof.needless and readings.repeatable:
        return _of_facts(problem, readings, risk, proof.culprits & ~proof.needless, belief, ends)
    if proof.refuted and readings.repeatable:
        return _several(problem, readings, risk, belief, ends)
    doubt, brought = _beside(belief, readings, mixes, risk, proof, TUNING.requirement_failures)
    if proof.complete and among_known + brought + doubt >= settings.leads and not spent:
        closer = _closer(readings, mixes, risk, proof, strength)
        if isinstance(closer, Probe):
            return closer
        proof = closer
        doubt, brought = _beside(belief, readings, mixes, risk, proof, TUNING.requirement_failures)
    if proof.complete and among_known + brought >= settings.sure:
        if (part := _part(readings, mixes, proof)) > 0 and aside > probability:
            return _several(problem, readings, risk, belief, ends)
        less = min((proof.with_mix, proof.without_mix), key=readings.run_count)
        if (
            not spent
            and part > -_PART_OUT
            and readings.run_count(less) < (2 if readings.seedless else TUNING.share_runs)
        ):
            return _probe(readings, less, "proof", "does it make all of the drop, or a part?")
        if doubt < TUNING.companion_excluded:
            return _proved(readings, mixes, proof, belief, ends)
    if proof.complete and belief.none > (1 - among_known) / 2:
        return _look_at_ends(readings)
    if among_known >= settings.leads and proof.missing is None and proof.next_mix is not None:
        return _probe(readings, proof.next_mix, "proof", "it leads, and this fact is not shown yet")
    preferred = [
        mix
        for atom in likeliest(belief, 3)
        if belief.singles[atom] > 0.02
        for mix in (mixes.closed(1 << atom), mixes.without(mixes.full, 1 << atom))
    ]
    settled = [mix for mix in readings.probed if readings.seedless or _known(readings, mix)]
    fine = _fine(readings, belief)
    asked = belief if fine else belief.apart_from_parts_of(leader)
    choice = most_informative(asked, mixes, risk, preferred, settled, len(readings.results), fine)
    if choice is not None:
        return _probe(readings, choice.mix, "search", f"bad with a chance of {choice.badness:.0%}")
    if proof.missing is None and proof.next_mix is not None:
        return _probe(readings, proof.next_mix, "proof", "no other mix tells more")
    if (
        proof.complete and _beside(belief, readings, mixes, risk, proof, 1)[0] < TUNING.companion_excluded
    ):  # no mix tells more
        return _proved(readings, mixes, proof, belief, ends)
    if proof.refuted:
        return _several(problem, readings, risk, belief, ends)
    why = "it never ran apart from what it was shown beside" if proof.complete else "the trials contradict each other"
    return Verdict("not_proved", proof.missing or why, leader, proof, belief, ends)


def _part(readings: Readings, mixes: Mixes, proof: Proof) -> float:
    """Log odds that the culprit makes a part of the drop, against all of it."""
    most = mixes.without(mixes.full, proof.culprits)
    return readings.log_odds_of_a_part(proof.with_mix, most if proof.without_mix == most else None) + _PART


def _look_at_ends(readings: Readings) -> Probe:
    return Probe(*next_end_run(readings), "end", "all is shown but that the ends differ for sure")


def _known(readings: Readings, mix: int) -> bool:
    """Whether another run of a mix would say nothing new."""
    return readings.run_count(mix) >= TUNING.settled_runs or readings.state(mix, TUNING.clear_odds, runs=3) != "open"


def _fine(readings: Readings, belief: Belief) -> bool:
    """Whether parts are to be told from wholes: always without noise, else once they are what is likely."""
    return readings.seedless or sum(map(sum, belief.parts)) / 2 > sum(belief.singles)


def _several(problem: Problem, readings: Readings, risk: Risk, belief: Belief, ends: Ends) -> Probe | Verdict:
    settings, mixes = problem.settings, problem.mixes

    def judge(mix: int) -> Judged:
        if mix in readings.failures:
            return "failed"
        state = readings.state(mix, settings.search_odds)
        if state == "open":
            raise Unknown(mix)
        return state

    try:  # by weights that stay: by what is believed, each result would send it another way
        culprits = minimal_cause(judge, mixes, problem.weights.__getitem__)
    except Unknown as unknown:
        return _probe(readings, unknown.mix, "search", "no single change explains the trials")
    if culprits is None:
        return Verdict("not_proved", "mixes that fail hide which changes belong to it", 0, None, belief, ends)
    return _of_facts(problem, readings, risk, culprits, belief, ends)


def _of_facts(
    problem: Problem, readings: Readings, risk: Risk, culprits: int, belief: Belief, ends: Ends
) -> Probe | Verdict:
    """The proof of culprits that no hypothesis fits, by its facts alone; those without which nothing changes are left
    out, and the others proved anew."""
    mixes = problem.mixes
    proof = prove(readings, mixes, risk, culprits, problem.settings.strength)
    while proof.needless:
        proof = prove(readings, mixes, risk, proof.culprits & ~proof.needless, problem.settings.strength)
    if proof.complete:
        return _proved(readings, mixes, proof, belief, ends)
    if proof.missing is None and not proof.refuted and proof.next_mix is not None:
        return _probe(readings, proof.next_mix, "proof", "these changes together, and this fact is not shown yet")
    why = proof.missing or "a fact of the proof came out against it"
    return Verdict("not_proved", why, proof.culprits, proof, belief, ends)


def _closer(readings: Readings, mixes: Mixes, risk: Risk, proof: Proof, strength: Strength) -> Probe | Proof:
    """The proof with as few companions as can be shown, or the next run towards it; itself where fewer cannot be."""
    if not proof.companions & ~mixes.closed(proof.culprits):
        return proof
    mix = fewer(readings, mixes, proof.culprits)
    if mix is not None:
        return _probe(readings, mix, "proof", "do the culprits need all that they were shown with?")
    closer = prove(readings, mixes, risk, proof.culprits, strength, shared(readings, mixes, proof.culprits))
    if closer.missing is not None or closer.refuted or any(fact.mix in risk.failed for fact in closer.facts):
        return proof
    if closer.next_mix is not None:
        return _probe(readings, closer.next_mix, "proof", "this is all that the culprits need")
    return closer


def _proved(readings: Readings, mixes: Mixes, proof: Proof, belief: Belief, ends: Ends) -> Probe | Verdict:
    """The verdict, once NEW without the culprits alone was tried, and it is sure that the ends differ."""
    most = mixes.without(mixes.full, proof.culprits)
    if proof.without_mix != most and most not in readings.told:
        return _probe(readings, most, "proof", "is NEW good without the culprits alone?")
    if belief.none > (TUNING.none_excluded_if_repeatable if readings.repeatable else TUNING.none_excluded):
        return _look_at_ends(readings)
    beside = next((fact.mix for fact in proof.facts if fact.role == "companions"), 0)
    share = readings.share(proof.with_mix, beside)
    return Verdict("proved", "shown in both directions", proof.culprits, proof, belief, ends, share)


def _beside(
    belief: Belief, readings: Readings, mixes: Mixes, risk: Risk, proof: Proof, brings: int
) -> tuple[float, float]:
    """The probability that a culprit works only together with something it was shown beside without requiring it:
    (where that can still be found out, where it cannot).

    brings: what it failed without so often counts as required: then nobody can tell, and the report says "brings". Once
    suffices where it alone was missing, if several mixes failed and all hold the culprits.
    """
    doubt = brought = 0.0
    least = mixes.closed(proof.culprits)
    by_culprits = len(readings.failures) >= TUNING.requirement_failures and all(
        mix & least == least for mix in readings.failures
    )
    needed = known_needed(readings, mixes, proof.culprits) if by_culprits else least
    for one in atoms_of(proof.culprits):
        for other in atoms_of(proof.with_mix & ~least):
            if risk.failures_of(one, other) < brings and not needed >> other & 1:
                doubt += belief.together[one][other]
            else:
                brought += belief.together[one][other]
    return doubt, brought


def _probe(readings: Readings, mix: int, purpose: Purpose, why: str) -> Probe:
    """A run of a mix; or of an end, where that is to be known first to make anything of it."""
    known = min(len(readings.samples(end)) for end in (0, readings.new))
    if not readings.seedless and len(readings.loose.get(mix, ())) >= 2 * known:
        return Probe(*next_end_run(readings), "end", "less is known of the ends than of what is held against them")
    seed = next_seed(readings, mix)
    if readings.seeds_move or readings.asks_for_pairs(mix):
        paired = (readings.seeds(0) & readings.seeds(readings.new)) - readings.seeds(mix)
        if not paired:
            return Probe(*next_end_run(readings), "end", "what a further seed does to OLD and NEW is not known yet")
        seed = seed if seed in paired else min(paired)
    if readings.seed_effects and seed not in readings.seed_effects:
        return Probe(*next_end_run(readings), "end", "what a further seed does to every value is not known yet")
    return Probe(mix, seed, purpose, why)


__all__ = ["Kind", "Probe", "Problem", "Purpose", "Settings", "Verdict", "decide", "next_seed"]
