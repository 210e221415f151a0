"""The tuning constants of the search, each with its unit, source and sensitivity.

Sensitivity says what another value does to simulated studies. "not measured" means that the constant was never varied
alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

_SIMULATION = "simulated studies (benchmarks/bisect_simulation.py)"


def _constant(value: Any, unit: str, meaning: str, source: str, sensitivity: str = "not measured") -> Any:
    metadata = {"unit": unit, "meaning": meaning, "source": source, "sensitivity": sensitivity}
    return field(default=value, metadata=metadata)


@dataclass(frozen=True)
class Tuning:
    """All tuning constants. The metadata of each field has its unit, meaning, source and sensitivity."""

    # inference/likelihood
    prior_other_noise: float = _constant(
        0.2, "probability", "prior that the run-to-run noise of NEW differs from that of OLD", "judgement"
    )
    small_drop: float = _constant(
        1.2,
        "standard deviations",
        "a drop hardly falls short of this",
        _SIMULATION,
    )
    small_drop_steepness: float = _constant(
        8.0, "1", "how sharply drops below `small_drop` become improbable", "judgement"
    )
    largest_drop: float = _constant(
        30.0,
        "standard deviations",
        "drops up to this are equally likely on a log scale; a larger drop has no relevant noise",
        "judgement",
    )
    impossible_density: float = _constant(
        1e-9,
        "density",
        "density of a value that no drop explains; never zero, so that one wild value cannot exclude everything",
        "judgement",
    )
    # inference/posterior
    prior_together: float = _constant(
        0.1,
        "probability",
        "prior that two changes cause the drop only together",
        "about a tenth of the causes known from practice",
    )
    prior_parts: float = _constant(
        0.05, "probability", "prior that two changes each cause a part of the drop", "judgement"
    )
    prior_several: float = _constant(0.01, "probability", "prior that more than two changes are needed", "judgement")
    prior_none: float = _constant(
        0.05,
        "probability",
        "prior that no change causes the drop, with one optimum",
        "judgement",
        "see `none_excluded`",
    )
    prior_two_optima: float = _constant(
        0.015,
        "probability",
        "prior that no change causes the drop, and that runs reach one of two optima by chance",
        _SIMULATION,
        "0: 1.7 % of bimodal nulls are proved wrongly; 0.0025: 0.3 %",
    )
    least_part: float = _constant(0.08, "share of the drop", "a smaller part counts as a harmless change", "judgement")
    negligible_hypothesis: float = _constant(
        12.0,
        "nats",
        "hypotheses this far below the most probable one are left out; all of them together are below 1 %",
        "arithmetic",
    )
    # inference/ties
    rng_perturbing_share: float = _constant(
        10 / 414,
        "probability",
        "prior that a harmless change perturbs the random number generator",
        "10 of 414 harmless upgrades that were tried",
        "a rate of 0.1 finds fewer causes; nulls are then safer",
    )
    most_perturbing_sets: int = _constant(
        120,
        "sets",
        "sets of RNG-perturbing changes that are examined; the rest counts at an upper bound",
        "decision time",
        "400 took up to 2.4 s per decision with 120 changes",
    )
    unexplained_difference: float = _constant(
        8.0,
        "nats",
        "cost of different values where nothing differs: the cause may be one without a hypothesis",
        "judgement",
    )
    unexplained_difference_without_cause: float = _constant(
        16.0,
        "nats",
        "the same if no change is a cause",
        _SIMULATION,
        '8 nats: "none" survived several causes at once',
    )
    negligible_set: float = _constant(
        9.0, "nats", "sets of RNG-perturbing changes this far below the likeliest add nothing", "arithmetic"
    )
    most_gained_by_many_sets: float = _constant(
        3.0,
        "nats",
        "the most that a sum over many sets gains over its largest term",
        _SIMULATION,
    )
    hopeless_set: float = _constant(30.0, "nats", "sets this far below the best are not examined", "decision time")
    # inference/observations, scaled_values, mix_evidence
    identical_value: float = _constant(
        8.0,
        "log odds",
        "evidence of a value identical to another one at the same seed, if the metric has many values: about 3000 to 1",
        "judgement",
    )
    surely_identical: float = _constant(5.0, "log odds", "from here on, an identical value is not chance", "judgement")
    least_noise: float = _constant(
        0.03, "share of the drop", "least noise: deterministic metrics vary in their last digits", "judgement"
    )
    noise_prior_values: float = _constant(
        3.0,
        "values",
        "weight of the noise observed at the endpoints, with noise",
        _SIMULATION,
    )
    noise_prior_values_if_exact: float = _constant(300.0, "values", "the same without any noise", _SIMULATION)
    paired_noise_factor: float = _constant(
        math.sqrt(3),
        "1",
        "noise of another mix around the prediction from two endpoints, relative to theirs",
        "variance of a difference of means",
    )
    rounding: float = _constant(2.0, "units in the last place", "noise below this is rounding", "IEEE 754")
    most_runs_until_assigned: int = _constant(
        8, "runs", "runs of one mix after which it is assigned to the nearer endpoint", "judgement"
    )
    better_than_old: float = _constant(
        -0.25, "drops from OLD", "a mix with all runs beyond this is better than OLD", "judgement"
    )
    prior_own_level: float = _constant(
        0.2, "probability", "prior that a mix has a level of its own, anywhere over twice the drop", "judgement"
    )
    prior_sometimes: float = _constant(
        0.1,
        "probability",
        "prior that NEW is bad in some of its runs only, if some of them look good",
        _SIMULATION,
        "1: causes at 2 sd are found in 2 % fewer studies; 0.3: no difference",
    )
    looks_good: float = _constant(0.25, "drops from OLD", "a value looks good up to this distance", "judgement")
    # inference/endpoints
    looks_worse: float = _constant(
        0.1, "p value", "chance that equal endpoints lie this far apart; below it NEW looks worse", "judgement"
    )
    endpoints_differ: float = _constant(
        0.003,
        "p value",
        "the same if the endpoints alone must show the difference",
        _SIMULATION,
    )
    endpoints_differ_in_proof: float = _constant(
        0.01,
        "p value",
        "the same for a proof with values that repeat: otherwise mixes alone could make chance look like a drop",
        _SIMULATION,
        "without it 1.0 instead of 0.7 % wrong proofs of nulls with RNG-perturbing changes",
    )
    endpoints_differ_at_two_seeds: float = _constant(
        0.0003,
        "p value",
        "the same for endpoints with runs at two seeds only",
        _SIMULATION,
    )
    least_drop: float = _constant(
        1.5,
        "standard deviations",
        "a smaller drop cannot be detected within the usual number of runs",
        "power of the t test",
    )
    no_drop_confidence: float = _constant(
        0.99, "confidence", 'confidence of "no regression", because the user stops searching', "judgement"
    )
    # inference/values/drift
    most_late_runs: int = _constant(
        3,
        "runs",
        "late runs of each endpoint, after which `moved_at_last` decides",
        _SIMULATION,
        "the check costs about 2.3 runs per study",
    )
    move_suspected: float = _constant(
        0.05, "p value", "chance of the observed move of an endpoint; below it, look again", "judgement"
    )
    moved: float = _constant(0.001, "p value", "the same; below it, the endpoint has moved", "judgement")
    moved_at_last: float = _constant(
        0.01,
        "p value",
        "chance of the observed move of an endpoint that did not move",
        _SIMULATION,
    )
    # inference/failure_counts
    endpoint_tries: int = _constant(
        3,
        "runs",
        "tries of an endpoint that fails; with two, one study in twelve ends if a fifth of the runs fail",
        "binomial",
    )
    unlikely_failures: float = _constant(
        0.02, "probability", "a series of failures this unlikely is not a random crash of the training", "judgement"
    )
    most_tries: int = _constant(8, "runs", "most tries of one mix", "judgement")
    least_failures_in_a_row: int = _constant(
        5, "runs", "failures in a row before a mix that had values is abandoned", "judgement"
    )
    lost_mix: float = _constant(
        0.001,
        "probability",
        "a series of failures this unlikely: the mix does not run any more, whatever ran before",
        "judgement",
    )
    # inference/failure_model
    failure_rounds: int = _constant(
        12, "iterations", "iterations of the attribution of failures", "CVB0 (Asuncion et al. 2009)"
    )
    failing_pairs: float = _constant(
        1.0, "pairs", "expected number of incompatible pairs before any trial", "judgement"
    )
    prior_failed: float = _constant(
        1.0, "mixes", "weight of the prior expectation: mixes that failed by themselves", "judgement"
    )
    prior_ran: float = _constant(20.0, "mixes", "weight of the prior expectation: mixes that ran", "judgement")
    rule_confidence: float = _constant(
        0.6, "probability", "confidence from which a suspect pair becomes a rule", "judgement"
    )
    rule_failures: int = _constant(4, "failures", "failures that a rule needs", "judgement")
    most_failure_probability: float = _constant(
        0.98, "probability", "most probable failure of a mix that has not failed", "judgement"
    )
    block_sizes: tuple[int, ...] = _constant(
        (2, 4, 8, 16), "changes", "sizes of groups of changes that run only together", "judgement"
    )
    prior_no_block: float = _constant(0.99, "probability", "prior that there is no such group", "judgement")
    block_failures: int = _constant(3, "failures", "failures before such a group is considered", "judgement")
    failure_rate_without_block: float = _constant(
        0.3, "probability", "failure rate of mixes if there is no such group", "judgement"
    )
    most_certain_failure: float = _constant(
        0.9, "probability", "one failure can have any reason, even if one pair is left", "judgement"
    )
    # inference/values/outliers
    outlier_least_values: int = _constant(
        4, "values", "values of each endpoint before one of them can be an outlier", "judgement"
    )
    outlier_chance: float = _constant(
        1e-4, "p value", "chance that one of the values of an endpoint lies so far out, per check", "judgement"
    )
    odd_values: int = _constant(
        2, "values", "values unlike any other, from which it is doubtful whether values repeat", "judgement"
    )
    suspect_chance: float = _constant(
        0.01, "p value", 'as `outlier_chance`, for a value that makes "no drop" doubtful', "judgement"
    )
    wild_value: float = _constant(
        3.0, "ranges of all values", "no mix of the endpoints lies farther out, as a rule", "judgement"
    )
    # inference/proof
    proof_cost_of_doubt: float = _constant(
        1.5, "runs", "cost of each halving of what remains with the culprits, and of a longer culprit list", "judgement"
    )
    proof_tries: int = _constant(
        3,
        "mixes",
        "mixes of the culprits with one more change; if they fail too, more than one is missing",
        "judgement",
    )
    endpoint_leaning: float = _constant(
        3.0,
        "odds",
        "odds of the endpoints alone against a fact about several culprits, above which it is not shown yet",
        _SIMULATION,
        "without it, 3 of 120 wrong proofs in one family",
    )
    least_cause: float = _constant(
        0.1 - 1e-9, "share of the drop", "a change with a smaller share is no cause", "definition of a wrong proof"
    )
    proof_runs: int = _constant(2, "runs", "least number of runs of a mix in a proof", "judgement")
    # inference/values/scale
    farthest: float = _constant(
        1e50, "scaled units", "values beyond this count as this far; their squares are still numbers", "IEEE 754"
    )
    near_overflow: float = _constant(2.0**1020, "metric units", "differences of larger values may overflow", "IEEE 754")
    # inference/seed_pairs
    share_least_seeds: int = _constant(3, "seeds", "seeds that a paired comparison needs", "judgement")
    share_enough_seeds: int = _constant(4, "seeds", "seeds from which a paired share is taken as known", "judgement")
    share_correlation_chance: float = _constant(
        0.05, "p value", "chance of the correlation between the sides", "judgement"
    )
    small_share: float = _constant(
        0.1, "share of the drop", "a change with a smaller share is no cause", "definition of a wrong proof"
    )
    paired_error_ratio: float = _constant(
        1 / 3, "1", "the paired error must be below this share of the unpaired one", "judgement"
    )
    least_share_error: float = _constant(1e-3, "share of the drop", "least standard error of a share", "judgement")
    # search/acquisition
    acquisition_chains: int = _constant(10, "mixes", "starting points for the choice of the next mix", "decision time")
    acquisition_kept: int = _constant(40, "mixes", "candidates that are compared exactly", "decision time")
    # search/blocks
    block_search_failures: int = _constant(4, "failures", "failures before a silent block is searched", "judgement")
    block_small: int = _constant(6, "changes", "a group this small may look like a block by chance", "judgement")
    block_largest: int = _constant(
        16, "changes", "trying each change of a larger group takes too many runs", "judgement"
    )
    # search/companions
    companion_prior: float = _constant(
        0.02, "probability", "prior that a companion is required without a failure as evidence", "judgement"
    )
    # search/delta_debugging
    most_culprits: int = _constant(6, "changes", "longer lists of culprits do not help a user", "judgement")
    # search/search, verdicts
    prior_part_odds: float = _constant(
        0.1, "odds", 'prior odds of "only a part of the drop" against "all of it"', "judgement"
    )
    part_excluded_odds: float = _constant(10.0, "odds", "odds at which a part is excluded", "judgement")
    doubt_about_drop: float = _constant(
        0.04,
        "probability",
        'probability of "none" above which the endpoints run again',
        _SIMULATION,
        "0.02: 1.3 % fewer causes at 2 sd in 40 runs",
    )
    none_excluded: float = _constant(
        0.003,
        "probability",
        'probability of "none" below which a culprit is proved',
        _SIMULATION,
        "0.0015: 1.6 % fewer causes at 2 sd in 40 runs; 0.006: twice the wrong proofs of bimodal nulls",
    )
    none_excluded_if_repeatable: float = _constant(
        0.002,
        "probability",
        "the same if values repeat",
        _SIMULATION,
        "0.0005: 3 % fewer causes at 2 sd in 40 runs",
    )
    requirement_failures: int = _constant(
        3,
        "failures",
        "failures of one change without another, after which it is taken to require it; 1 at the end",
        "judgement",
    )
    share_runs: int = _constant(
        12, "runs", "runs of a mix after which the interval of the share must state what is unknown", "judgement"
    )
    settled_runs: int = _constant(8, "runs", "runs after which the search leaves a mix alone", "judgement")
    clear_odds: float = _constant(
        100.0, "odds", "odds from three runs, after which the search leaves a mix alone", "judgement"
    )
    second_looks: int = _constant(
        2, "mixes", "mixes that failed once and run again before a verdict that depends on them", "judgement"
    )
    companion_excluded: float = _constant(
        0.002,
        "probability",
        'probability at which "only together with its companions" is excluded',
        _SIMULATION,
    )
    # search/speculation
    most_speculated: int = _constant(24, "trials", "outcomes that speculation considers", "decision time")


TUNING = Tuning()
