"""Decide on the next trial or the verdict, from the results so far.

``decide(problem, results)`` is a pure function. So a study resumes by reading its results back, and a simulation needs
no process, clock or environment.

1. The endpoints run until NEW looks worse (``inference/endpoints``). They run again while "no difference" is in doubt.
2. The search runs the most informative mix (``inference/posterior``, ``acquisition``) until one change or pair leads.
   If none explains the trials, or its proof is refuted, it looks for a minimal set (``minimal_set``).
3. The proof repeats the facts that show the cause (``inference/proof``). A proof run that contradicts the leader sends
   the study back to step 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from contexta.bisect.inference.early_verdicts import (
    counted,
    doubtful_verdict,
    lost_repeat,
    must_be_measured,
    unmeasured_fact,
)
from contexta.bisect.inference.endpoints import judge_endpoints, next_endpoint_run
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.proof import Proof, prove
from contexta.bisect.inference.values.drift import next_late_run
from contexta.bisect.inference.values.outliers import (
    may_hide_a_drop,
    mix_with_unique_values,
    outlier_to_repeat,
    unconfirmed_outlier,
    usable_observations,
)
from contexta.bisect.search.acquisition import likeliest, most_informative
from contexta.bisect.search.blocks import as_rules, next_apart, possible_block
from contexta.bisect.search.minimal_set import prove_set, search_minimal_set
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.situation import Situation
from contexta.bisect.search.trials import next_seed, run_endpoint, run_mix
from contexta.bisect.search.verdicts import (
    confirm_drop,
    joint_cause_probability,
    log_odds_of_a_part,
    prove_with_fewer_companions,
    proved,
    repeat_failure,
)
from contexta.bisect.tuning import TUNING


def decide(problem: Problem, results: Sequence[Observation]) -> Probe | Verdict:
    """The next trial, or the verdict. Pure: the same results give the same answer."""
    budget, new = problem.settings.spent_budget(results), problem.mixes.full
    if budget is None and (seed := lost_repeat(results)) is not None:
        return Probe(0, seed, "end", "its early verdict does not count; does it repeat?", to_end=True)
    results = [results[number] for number in counted(results)]
    evidence = MixEvidence(usable_observations(results, new))
    step = _next_step(problem, evidence, results, budget)
    if problem.settings.only_seed is not None:
        step = _at_one_seed(problem.settings.only_seed, evidence, step)
    if isinstance(step, Probe):
        is_decisive = step.to_end or step.purpose == "proof"
        return replace(step, to_end=is_decisive or must_be_measured(results, step.mix, step.seed, new))
    is_seedless = evidence.observations.seedless and not problem.settings.judged
    if step.endpoints is not None and is_seedless and step.only_seed is None:
        return replace(step, fixed_seed=True, why=f"{step.why}, at this fixed seed")
    return step


def _next_step(
    problem: Problem, evidence: MixEvidence, results: Sequence[Observation], budget: str | None
) -> Probe | Verdict:
    """budget: the one that is spent."""
    observations, is_spent = evidence.observations, budget is not None
    for endpoint, name in ((0, "OLD"), (problem.mixes.full, "NEW")):
        if endpoint in observations.failures:
            what = "gives no value any more" if observations.run_count(endpoint) else "itself gives no value"
            return Verdict("undecided", f"{name} {what}: {observations.failures[endpoint]}")
    endpoints, repeats = judge_endpoints(observations), problem.settings.repeats
    too_few = [endpoint for endpoint in (0, problem.mixes.full) if observations.run_count(endpoint) < repeats]
    if not is_spent and too_few:
        mix, seed = next_endpoint_run(observations, None if len(too_few) > 1 else too_few[0])
        return Probe(mix, seed, "end", f"each endpoint runs {repeats} times")
    if endpoints.state == "same":
        if not is_spent and (again := outlier_to_repeat(observations)) is not None:
            return Probe(*again, "end", "its value is an outlier; does it repeat?")
        if not is_spent and may_hide_a_drop(observations):
            return run_endpoint(evidence, "a single value may hide whether the endpoints differ")
        return Verdict("no_regression", endpoints.why, endpoints=endpoints)
    if endpoints.state == "open":
        if is_spent:
            return Verdict("undecided", endpoints.with_repeats(endpoints.why), endpoints=endpoints)
        return run_endpoint(evidence, endpoints.why)
    situation = Situation.of(problem, evidence, endpoints, is_spent=is_spent)
    step = _search(situation)
    if not is_spent and isinstance(step, Verdict) and step.kind in ("proved", "not_proved"):
        step = repeat_failure(problem, evidence, step) or step
    if not is_spent and isinstance(step, Verdict) and step.kind == "proved" and step.proof is not None:
        late = next_late_run(evidence, step.proof)
        step = step if late is None else Probe(*late, "end", "does it still give its earlier value?", to_end=True)
    if isinstance(step, Verdict) and step.kind == "proved" and step.proof is not None:
        fact = unmeasured_fact(results, step.proof, problem.mixes.full, problem.settings.strength)
        step = step if fact is None else Probe(*fact, "proof", "its value was not measured so far", to_end=True)
    if is_spent and isinstance(step, Probe):
        why = f"{budget} did not suffice"
        if situation.posterior.none > TUNING.doubt_about_drop:
            why = endpoints.with_repeats(f"{why} to show that the endpoints differ")
        return situation.verdict("undecided", why)
    return step


def _at_one_seed(only_seed: int, evidence: MixEvidence, step: Probe | Verdict) -> Probe | Verdict:
    """The step of a study that runs at one seed, or the verdict that this seed does not decide."""
    if isinstance(step, Verdict):
        return replace(step, only_seed=only_seed)
    runs = evidence.observations.runs.get(0, [])
    values = sorted({value for _, value in runs})
    if len(values) > 1:
        why = f"OLD does not repeat its value at seed {only_seed}, so one seed decides nothing"
    elif step.seed != 0:
        why = f"this takes more seeds than {only_seed}: {step.why}"
    else:
        return step
    return Verdict("undecided", why, only_seed=only_seed)


def _search(situation: Situation) -> Probe | Verdict:
    """The next step once NEW looks worse: first what could invalidate the posterior, then its leader."""
    evidence, observations = situation.evidence, situation.observations
    if (doubtful := doubtful_verdict(observations.results, observations.new)) is not None:
        return Probe(*doubtful, "search", "its values at other seeds contradict its early verdict", to_end=True)
    if (unique := mix_with_unique_values(observations)) is not None:
        return Probe(*unique, "search", "no other mix gave its value; does it repeat?")
    if (outlier := unconfirmed_outlier(observations)) is not None:
        return Probe(outlier, next_seed(evidence, outlier), "search", "it is far outside both endpoints; again?")
    if situation.posterior.none > TUNING.doubt_about_drop:
        return run_endpoint(evidence, "the endpoints may be equal")
    leads = situation.settings.leads
    if block := possible_block(situation.mixes, situation.risk, situation.posterior.singles, leads):
        if (apart := next_apart(situation.mixes, situation.risk, block)) is None:
            situation = situation.with_rules(as_rules(block))
        elif not situation.is_spent:
            return run_mix(evidence, apart, "search", "does it run apart from the changes that may belong to it?")
    posterior = situation.posterior
    leader, probability = posterior.leader(situation.mixes.inseparable)
    if posterior.several > max(probability, 0.5) or evidence.pairs.shows_a_part:
        return search_minimal_set(situation)
    # a fact that the last run left with one value counts by its odds
    strength = replace(situation.settings.strength, runs=1) if situation.is_spent else situation.settings.strength
    proof = prove(evidence, situation.mixes, situation.risk, leader, strength, last=situation.is_spent)
    if proof.needless and observations.repeatable:
        return prove_set(situation, proof.culprits & ~proof.needless)
    if proof.refuted and observations.repeatable:
        return search_minimal_set(situation)
    return _prove_leader(situation, proof, leader, probability)


def _prove_leader(situation: Situation, proof: Proof, leader: int, probability: float) -> Probe | Verdict:
    """The next step of the proof of the leader if it leads by enough, else of the search for it."""
    evidence, posterior, settings = situation.evidence, situation.posterior, situation.settings
    # "several" predicts nothing; whether the leader causes all of the drop or a part is a question for its proof
    aside = posterior.several + posterior.with_parts_of(leader)
    conditional = probability / (1 - aside)
    testable, untestable = joint_cause_probability(situation, proof, TUNING.requirement_failures)
    if proof.complete and conditional + untestable + testable >= settings.leads and not situation.is_spent:
        smaller = prove_with_fewer_companions(situation, proof, settings.strength)
        if isinstance(smaller, Probe):
            return smaller
        proof = smaller
        testable, untestable = joint_cause_probability(situation, proof, TUNING.requirement_failures)
    if proof.complete and conditional + untestable >= settings.sure:
        part = log_odds_of_a_part(situation, proof)
        if part > 0 and aside > probability:
            return search_minimal_set(situation)
        if (open_share := _mix_that_tells_share(situation, proof, part)) is not None:
            return run_mix(evidence, open_share, "proof", "does it cause all of the difference, or a part?")
        if testable < TUNING.companion_excluded:
            return proved(situation, proof)
    if proof.complete and posterior.none > (1 - conditional) / 2:
        return confirm_drop(evidence)
    if conditional >= settings.leads and proof.missing is None and proof.next_mix is not None:
        return run_mix(evidence, proof.next_mix, "proof", "it leads, and this fact is open")
    return _most_informative(situation, proof, leader) or _without_informative_mix(situation, proof, leader)


def _mix_that_tells_share(situation: Situation, proof: Proof, log_odds: float) -> int | None:
    """The mix of the proof to run again while the culprit may cause only a part of the drop; None if that is known."""
    if situation.is_spent or log_odds <= -math.log(TUNING.part_excluded_odds):
        return None
    observations = situation.observations
    fewest = min((proof.with_mix, proof.without_mix), key=observations.run_count)
    enough = 1 if observations.has_one_seed else 2 if observations.seedless else TUNING.share_runs
    return fewest if observations.run_count(fewest) < enough else None


def _most_informative(situation: Situation, proof: Proof, leader: int) -> Probe | None:
    """A run of the mix with the most information about the cause; None if no mix has any."""
    evidence, observations = situation.evidence, situation.observations
    mixes, posterior = situation.mixes, situation.posterior
    preferred = [
        mix
        for group in likeliest(posterior, 3)
        if posterior.singles[group] > 0.02
        for mix in (mixes.closed(1 << group), mixes.without(mixes.full, 1 << group))
    ]
    settled = [mix for mix in observations.probed if observations.seedless or _is_settled(evidence, mix)]
    # one run tells a part from the whole only without noise; in noise it is a question once parts are likely
    tells_parts = observations.seedless or sum(map(sum, posterior.parts)) / 2 > sum(posterior.singles)
    target = posterior if tells_parts else posterior.apart_from_parts_of(leader)
    turn = len(observations.results)
    choice = most_informative(target, mixes, situation.risk, preferred, settled, turn, tells_parts=tells_parts)
    if choice is not None:
        return run_mix(evidence, choice.mix, "search", f"bad with a probability of {choice.bad:.0%}")
    if proof.missing is None and proof.next_mix is not None:
        return run_mix(evidence, proof.next_mix, "proof", "no other mix is informative")
    return None


def _without_informative_mix(situation: Situation, proof: Proof, leader: int) -> Probe | Verdict:
    """The next step if no mix is informative: a proof, a minimal set, or no cause."""
    if proof.complete and joint_cause_probability(situation, proof, 1)[0] < TUNING.companion_excluded:
        return proved(situation, proof)
    if proof.refuted:
        return search_minimal_set(situation)
    why = "it never ran apart from its companions" if proof.complete else "the trials contradict each other"
    return situation.verdict("not_proved", proof.missing or why, leader, proof)


def _is_settled(evidence: MixEvidence, mix: int) -> bool:
    """Whether another run of a mix would add no information."""
    if evidence.observations.run_count(mix) >= TUNING.settled_runs:
        return True
    return evidence.state(mix, TUNING.clear_odds, runs=3) != "open"
