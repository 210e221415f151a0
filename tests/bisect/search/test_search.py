"""The search as a whole, on made-up regressions with a known cause (worlds.py). The full size is marked slow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import fmean

import pytest
from support.noisy_worlds import FAMILIES
from support.worlds import KINDS, Outcome, World, draw, play

from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.search.problem import Probe, Problem, Settings, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.space.lattice import Mixes

FEW = 20


def studies(many: int, kind: str, effect: float, *, fingerprint: bool = True, runs: int = 60) -> list[Outcome]:
    worlds = (draw(number, kind, effect, fingerprint=fingerprint) for number in range(many))
    return [play(world, Settings(max_runs=runs)) for world in worlds]


def share(outcomes: list[Outcome], what: str) -> float:
    return fmean(bool(getattr(outcome, what)) for outcome in outcomes)


def a_world(kind: str, causes: tuple[int, ...], count: int = 8, **changes: object) -> World:
    settings: dict[str, object] = {
        "mixes": Mixes.of(count),
        "kind": kind,
        "causes": causes,
        "effect": math.inf,
        "fingerprint": True,
        "shifts": 0,
        "crashes": (),
        "flaky_mixes": 0.0,
        "share": 0.7,
        "number": 1,
    }
    return World(**{**settings, **changes})  # type: ignore[arg-type]  # by test


# ---------------------------------------------------------------------------------------------- single studies


def test_a_single_cause_is_proved_by_the_four_facts() -> None:
    outcome = play(a_world("single", (3,)))
    assert outcome.right
    proof = outcome.verdict.proof
    assert proof is not None
    assert {(fact.role, fact.mix, fact.state) for fact in proof.facts} == {
        ("old", 0, "good"),
        ("new", 0b11111111, "bad"),
        ("with", 0b00001000, "bad"),
        ("without", 0b11110111, "good"),
    }
    assert outcome.verdict.share == (1.0, -math.inf, math.inf)
    assert outcome.verdict.fixed_seed


def test_the_requirements_of_a_culprit_are_shown_to_be_good_alone() -> None:
    outcome = play(a_world("single", (3,), mixes=Mixes.of(8, [(3, 1), (5, 3)])))
    assert outcome.right
    assert outcome.verdict.companions == 0b00000010
    assert outcome.verdict.proof is not None
    roles = {fact.role: fact.mix for fact in outcome.verdict.proof.facts}
    assert roles["companions"] == 0b00000010
    assert roles["without"] == 0b11010111


def test_a_pair_is_proved_with_each_half_shown_alone() -> None:
    outcome = play(a_world("pair", (1, 6)))
    assert outcome.right
    assert outcome.verdict.proof is not None
    assert [fact.state for fact in outcome.verdict.proof.facts if fact.role == "alone"] == ["good", "good"]


def test_additive_parts_are_both_found() -> None:
    outcome = play(a_world("additive", (1, 6)))
    assert outcome.right
    assert outcome.verdict.proof is not None
    assert [fact.state for fact in outcome.verdict.proof.facts if fact.role == "alone"] == ["between", "between"]


def test_a_harmless_change_of_the_last_digits_is_no_second_cause() -> None:
    problem, results = Problem(Mixes.of(6), (1.0,) * 6), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        culprit, harmless = step.mix >> 2 & 1, step.mix >> 4 & 1
        results.append(Observation(step.mix, step.seed, 0.9 - 0.05 * culprit + 0.0004 * harmless))
    assert (step.kind, step.culprits) == ("proved", 0b000100)
    assert len(results) < 25


def test_a_mix_that_fails_is_never_counted_as_bad() -> None:
    # at NEW, 2 dies beside 5 at OLD, which no metadata says; the cause is 2
    outcome = play(a_world("single", (2,), crashes=((2, 5),)))
    assert outcome.right
    assert outcome.verdict.companions >> 5 & 1


def test_inseparable_changes_are_named_together() -> None:
    # 2 needs 1 by its metadata, and 1 dies beside the old 2, which no metadata says
    outcome = play(a_world("single", (1,), mixes=Mixes.of(6, [(2, 1)]), count=6, crashes=((1, 2),)))
    assert outcome.verdict.kind == "proved"
    assert outcome.verdict.culprits == 0b000110
    assert outcome.verdict.proof is not None
    assert [fact.role for fact in outcome.verdict.proof.facts] == ["old", "new", "with", "without"]


@pytest.mark.parametrize("number", [5165, 5185])
def test_a_change_missing_in_one_failure_is_named_if_no_mix_tells_more(number: int) -> None:
    outcome = play(draw(number, "single", math.inf, fingerprint=True))
    assert outcome.right
    proof = outcome.verdict.proof
    assert proof is not None
    assert proof.companions & ~outcome.world.mixes.closed(proof.culprits)  # more than what metadata says it needs


def test_a_cause_without_a_running_removal_is_not_proved() -> None:
    class OnlyEnds(World):
        def fails(self, mix: int) -> bool:
            return mix not in (0, self.mixes.full)

    world = a_world("single", (2,), count=4)
    outcome = play(OnlyEnds(**{name: getattr(world, name) for name in World.__dataclass_fields__}))
    assert outcome.verdict.kind == "not_proved"


def test_the_nearest_running_mix_replaces_a_failing_one_in_a_proof() -> None:
    class Unlucky(World):
        def fails(self, mix: int) -> bool:
            return mix == 0b1000

    world = a_world("single", (3,), count=20)
    outcome = play(Unlucky(**{name: getattr(world, name) for name in World.__dataclass_fields__}))
    assert outcome.right
    assert outcome.verdict.companions.bit_count() == 1
    assert outcome.runs < 25


@pytest.mark.parametrize(("number", "effect"), [(944, math.inf), (297, 4.0)])
def test_new_without_the_culprit_alone_is_tried_before_a_replacement(number: int, effect: float) -> None:
    outcome = play(draw(number, "single", effect, fingerprint=True))  # failures make that mix look risky
    proof = outcome.verdict.proof
    assert outcome.right
    assert proof is not None
    assert proof.without_mix == outcome.world.mixes.without(outcome.world.mixes.full, outcome.verdict.culprits)


def test_a_new_without_repeating_values_has_no_fingerprints() -> None:
    class Nondeterministic(World):
        def run(self, mix: int, seed: int) -> Observation:
            found = World.run(self, mix, seed)
            self.counter[0] += self.level(mix) > 0
            drawn = self._normal("anew", self.counter[0]) / 100 if self.level(mix) > 0 else 0.0
            return replace(found, value=(found.value or 0.0) + drawn)

    world = a_world("single", (3,), effect=4.0)
    outcome = play(Nondeterministic(**{name: getattr(world, name) for name in World.__dataclass_fields__}))
    assert outcome.right
    assert not ObservedTrials(outcome.results, world.mixes.full).repeatable


@pytest.mark.parametrize("fingerprint", [True, False])
def test_seed_effects_hide_no_regression(fingerprint: bool) -> None:
    """A seed that also splits the data moves all values by eight times, or 120 times, the noise left: pairs tell."""
    worlds = [draw(number, "single", 4.0, fingerprint=fingerprint, count=8) for number in range(FEW)]
    outcomes = [play(replace(world, by_seed=by_seed)) for world in worlds for by_seed in (2.0, 30.0)]
    assert share(outcomes, "right") >= 0.95
    assert share(outcomes, "wrongly_proved") == 0


def test_with_seed_effects_the_endpoints_alternate() -> None:
    outcome = play(replace(draw(5, "single", 4.0, fingerprint=False, count=8), by_seed=1.0))
    assert outcome.right
    at_new = {result.seed for result in outcome.results if result.mix == outcome.world.mixes.full}
    assert {result.seed for result in outcome.results} == at_new


def test_a_constant_drop_with_seed_effects_is_proved_as_without_noise() -> None:
    class OnlySeeds(World):
        def run(self, mix: int, seed: int) -> Observation:
            return Observation(mix, seed, 0.9 + self._normal("seed", seed) - 0.05 * self.level(mix))

    worlds = [draw(number, "single", 4.0, fingerprint=True, count=8) for number in range(10)]
    outcomes = [play(OnlySeeds(**vars(world))) for world in worlds]
    assert share(outcomes, "right") == 1
    assert max(outcome.runs for outcome in outcomes) < 30


def test_mixes_that_do_not_repeat_end_the_use_of_fingerprints() -> None:
    class Between(World):
        def run(self, mix: int, seed: int) -> Observation:
            found = World.run(self, mix, seed)
            if found.value is None or mix & 0b11 != 0b01:
                return found
            self.counter[0] += 1
            drawn = self._normal("anew", self.counter[0]) / self.effect
            return replace(found, value=0.9 - 0.05 * (self.level(mix) + drawn))

    worlds = [draw(number, "single", 2.0, fingerprint=True, count=8) for number in range(600, 640)]
    outcomes = [play(Between(**vars(world))) for world in worlds]
    assert share(outcomes, "right") >= 0.95
    assert share(outcomes, "wrongly_proved") == 0


@pytest.mark.parametrize("number", [20039, 20055, 20064, 20082, 20083])
def test_the_interval_of_a_share_includes_the_uncertainty_of_the_drop(number: int) -> None:
    outcome = play(draw(number, "additive", 4.0, fingerprint=False))
    assert not outcome.wrongly_proved


def test_a_complete_proof_counts_when_the_runs_are_used_up() -> None:
    """Only whether it makes all of the drop or a part is still asked then, and the share says that."""
    world = draw(23, "single", 2.0, fingerprint=True)
    asked = [0]

    def watch(probe: Probe, result: Observation) -> None:
        asked[0] += "or a part" in probe.why

    whole = play(world, Settings(max_runs=60), watch)
    assert asked[0]
    fewer = play(world, Settings(max_runs=whole.runs - 1))
    assert fewer.verdict.kind == "proved"


def test_an_endpoint_that_fails_at_three_seeds_is_undecided() -> None:
    problem, results = Problem(Mixes.of(3), (1.0,) * 3), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        results.append(Observation(step.mix, step.seed, None, "dies"))
    assert [(result.mix, result.seed) for result in results] == [(0, 0), (0, 1), (0, 2)]
    assert (step.kind, step.why) == ("undecided", "OLD itself gives no value: dies")


def test_random_crashes_cost_runs_and_no_verdict() -> None:
    outcome = play(a_world("single", (3,), dies=0.3))
    assert outcome.right
    assert None in {result.value for result in outcome.results}


def test_a_single_failure_that_hides_a_cause_is_repeated() -> None:
    """The only way to show 1 at NEW in OLD dies once, and nothing else ever does: no trial shows that it is flaky."""
    problem, results = Problem(Mixes.of(2), (1.0,) * 2), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        died = step.mix == 0b10 and all(result.mix != 0b10 for result in results)
        results.append(Observation(step.mix, step.seed, None if died else 0.9 - 0.05 * (step.mix >> 1), "dies" * died))
    assert (step.kind, step.culprits) == ("proved", 0b10)


def test_a_study_with_increasing_crashes_ends_within_its_runs() -> None:
    problem, results = Problem(Mixes.of(6), (1.0,) * 6, Settings(max_runs=40)), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        dies = len(results) > 8
        results.append(
            Observation(step.mix, step.seed, None if dies else 0.9 - 0.05 * (step.mix >> 2 & 1), "dies" * dies)
        )
    assert len(results) <= 40
    assert step.kind in ("undecided", "not_proved")


@pytest.mark.parametrize(("kind", "effect"), [("single", math.inf), ("single", 4.0), ("null", 2.0)])
def test_causes_are_proved_if_one_run_in_five_crashes(kind: str, effect: float) -> None:
    worlds = (draw(number, kind, effect, fingerprint=effect != 4.0, dies=0.2) for number in range(1000, 1030))
    outcomes = [play(world) for world in worlds]
    assert share(outcomes, "right") >= 0.85
    assert share(outcomes, "wrongly_proved") == 0


@pytest.mark.parametrize("number", range(5))
def test_a_single_diverged_run_hides_no_drop(number: int) -> None:
    problem, results = Problem(Mixes.of(10), (1.0,) * 10), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        bad = step.mix >> 4 & 1
        value = 0.9 - 0.05 * bad + Random(f"{number} {step.seed} {bad}").gauss(0, 0.0125)
        probes = sum(result.mix not in (0, problem.mixes.full) for result in results)
        diverges = probes == 2 and step.mix not in (0, problem.mixes.full)
        results.append(Observation(step.mix, step.seed, -11.6 if diverges else value))
    assert (step.kind, step.culprits) == ("proved", 1 << 4)


@pytest.mark.parametrize("shares", [(1 / 3, 1 / 3, 1 / 3), (0.4, 0.35, 0.25)])
@pytest.mark.parametrize("causes", [(0, 1, 2), (2, 5, 9), (1, 4, 8)])
def test_three_parts_that_add_up_are_all_named(shares: tuple[float, ...], causes: tuple[int, ...]) -> None:
    problem, results = Problem(Mixes.of(10), (1.0,) * 10), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        lost = sum(share for cause, share in zip(causes, shares, strict=True) if step.mix >> cause & 1)
        results.append(Observation(step.mix, step.seed, 0.9 - round(0.05 * lost, 9)))
    assert (step.kind, step.culprits) == ("proved", sum(1 << cause for cause in causes))


def test_nothing_is_proved_while_the_endpoints_may_be_equal() -> None:
    for number in range(40, 60):
        outcome = play(draw(number, "single", 2.0, fingerprint=True, count=8))
        if outcome.verdict.kind == "proved":
            assert outcome.verdict.posterior is not None
            assert outcome.verdict.posterior.none <= 0.003


def test_identical_endpoints_are_no_regression() -> None:
    outcome = play(a_world("null", (), effect=math.inf))
    assert outcome.verdict.kind == "no_regression"
    assert outcome.runs <= 8


def test_an_improvement_is_no_regression() -> None:
    problem, results = Problem(Mixes.of(3), (1.0,) * 3), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        results.append(Observation(step.mix, step.seed, 0.9 + (step.mix == 7) / 10))
    assert step.kind == "no_regression"


def test_a_study_never_exceeds_its_runs() -> None:
    for number in range(10):
        outcome = play(draw(number, "pair", 1.0, fingerprint=False), Settings(max_runs=25))
        assert outcome.runs <= 25


def test_the_same_results_give_the_same_step() -> None:
    outcome = play(draw(5, "single", 4.0, fingerprint=False))
    problem = Problem(outcome.world.mixes, (1.0,) * outcome.world.mixes.count)
    for number, result in enumerate(outcome.results):
        step = decide(problem, outcome.results[:number])
        assert isinstance(step, Probe)
        assert (step.mix, step.seed) == (result.mix, result.seed)


def test_repeating_values_are_fingerprints_until_one_does_not_repeat() -> None:
    endpoints = [Observation(mix, seed, 0.9 - mix / 10 + seed / 100) for mix in (0, 1) for seed in (0, 0, 1, 2)]
    assert set(ObservedTrials(tuple(endpoints), 1).fingerprints) == {0, 1, 2}
    assert ObservedTrials((*endpoints, Observation(0, 1, 0.5)), 1).fingerprints == {}


# ---------------------------------------------------------------------------------------------- many studies


@pytest.mark.parametrize("kind", KINDS)
def test_without_noise_nothing_is_wrongly_proved(kind: str) -> None:
    assert share(studies(FEW, kind, math.inf), "wrongly_proved") == 0


def test_without_noise_single_causes_are_proved_in_about_log2_probes() -> None:
    outcomes = studies(100, "single", math.inf)
    assert share(outcomes, "right") >= 0.98
    allowed = fmean(1.2 * math.log2(outcome.world.mixes.count) + 2 for outcome in outcomes)
    assert fmean(outcome.probes for outcome in outcomes) <= allowed


def test_pairs_without_noise_are_proved() -> None:
    assert share(studies(FEW, "pair", math.inf), "right") >= 0.9


@pytest.mark.parametrize("fingerprint", [True, False])
def test_nulls_end_as_no_regression(fingerprint: bool) -> None:
    assert share(studies(80, "null", 2.0, fingerprint=fingerprint), "right") >= 0.92


def test_at_four_standard_deviations_without_fingerprints_causes_are_still_proved() -> None:
    outcomes = studies(FEW, "single", 4.0, fingerprint=False)
    assert share(outcomes, "right") >= 0.9
    assert share(outcomes, "wrongly_proved") == 0


@pytest.mark.parametrize(("drop", "verdict"), [(0.0, "no_regression"), (0.1, "proved")])
@pytest.mark.parametrize("spreads", [(0.03, 0.006), (0.006, 0.03)])
def test_a_change_of_the_noise_is_no_drop(drop: float, verdict: str, spreads: tuple[float, float]) -> None:
    """Change 2 of five makes values scatter five times as much, or as little; it may make them drop besides."""

    def ended(number: int) -> str:
        random, results = Random(number), list[Observation]()
        while isinstance(step := decide(Problem(Mixes.of(5), (1.0,) * 5), results), Probe):
            at_new = step.mix >> 2 & 1
            results.append(Observation(step.mix, step.seed, 0.9 - drop * at_new + random.gauss(0, spreads[at_new])))
        return step.kind

    kinds = [ended(number) for number in range(20)]
    assert kinds.count(verdict) >= 18


@pytest.mark.slow
@pytest.mark.parametrize(("fingerprint", "right"), [(True, 0.93), (False, 0.83)])
def test_at_two_standard_deviations_most_causes_are_proved_within_forty_runs(fingerprint: bool, right: float) -> None:
    outcomes = studies(200, "single", 2.0, fingerprint=fingerprint, runs=40)
    assert share(outcomes, "right") >= right
    assert share(outcomes, "wrongly_proved") <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["single", "null"])  # of several causes the docs give what was measured
@pytest.mark.parametrize(("effect", "fingerprint"), [(math.inf, True), (4.0, False), (2.0, True)])
def test_at_most_one_in_a_hundred_studies_is_wrong(kind: str, effect: float, fingerprint: bool) -> None:
    outcomes = studies(2000 if kind == "null" else 200, kind, effect, fingerprint=fingerprint)  # nulls are short
    assert share(outcomes, "wrongly_proved") <= 0.01
    assert kind != "null" or share(outcomes, "right") >= 0.97


def found_by(
    bad: Callable[[int], float],
    number: int,
    noise: float,
    *,
    seeded: bool,
    perturbing: int = 0,
    fails: float = 0.0,
    count: int = 9,
    steps: int = 10**9,
) -> Verdict:
    """The verdict on ``count`` changes. bad: mix -> its share of the drop; noise: in drops.

    perturbing: RNG-perturbing groups. fails: the share of the mixes that fail. steps: the
    metric is a multiple of 1 / steps.
    """
    problem, results = Problem(Mixes.of(count), (1.0,) * count), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        level = bad(step.mix)
        if step.mix not in (0, problem.mixes.full) and Random(f"{number} {step.mix} fails").random() < fails:
            results.append(Observation(step.mix, step.seed, None, "dies"))
            continue
        random = Random(
            f"{number} {step.seed} {level} {step.mix & perturbing}" if seeded else f"{number} {len(results)}"
        )
        results.append(
            Observation(step.mix, step.seed, round(steps * (0.9 - 0.1 * (level + random.gauss(0, noise)))) / steps)
        )
    return step


@pytest.mark.parametrize("perturbing", [0b10, 0b11])
@pytest.mark.slow
def test_an_rng_perturbing_change_is_no_culprit_next_to_two_that_each_suffice(perturbing: int) -> None:
    for number in range(25):
        verdict = found_by(lambda mix: float(bool(mix & 0b100100)), number, 0.25, seeded=True, perturbing=perturbing)
        assert verdict.kind != "proved" or verdict.culprits == 0b100100


def test_random_failures_do_not_turn_a_pair_into_a_culprit_with_a_companion() -> None:
    verdicts = [
        found_by(lambda mix: float(mix & 0b100100 == 0b100100), number, 0.1, seeded=True, fails=0.15)
        for number in range(60)
    ]
    assert sum(verdict.culprits == 0b100100 for verdict in verdicts) >= 58


@pytest.mark.parametrize("count", [9, 12])
@pytest.mark.parametrize(("noise", "seeded", "steps"), [(0.0, True, 200), (0.25, True, 200), (0.1, False, 10**9)])
def test_two_changes_that_each_suffice_are_both_named(noise: float, seeded: bool, steps: int, count: int) -> None:
    verdicts = [
        found_by(lambda mix: float(bool(mix & 0b100100)), number, noise, seeded=seeded, count=count, steps=steps)
        for number in range(6)
    ]
    assert [verdict.culprits for verdict in verdicts if verdict.kind == "proved"] == [0b100100] * len(verdicts)


@pytest.mark.parametrize("count", [9, 12])
@pytest.mark.parametrize(("noise", "seeded"), [(0.0, True), (0.1, True), (0.1, False)])
def test_three_changes_that_act_only_together_are_found(noise: float, seeded: bool, count: int) -> None:
    verdicts = [
        found_by(lambda mix: float(mix & 0b10010010 == 0b10010010), number, noise, seeded=seeded, count=count)
        for number in range(6)
    ]
    assert all(verdict.culprits in (0, 0b10010010) for verdict in verdicts if verdict.kind == "proved")
    assert sum(verdict.kind == "proved" for verdict in verdicts) >= 5


@pytest.mark.parametrize(("noise", "seeded"), [(0.0, True), (0.1, True), (0.1, False)])
def test_a_mix_better_than_old_is_not_bad(noise: float, seeded: bool) -> None:
    for number in range(4):
        verdict = found_by(lambda mix: (mix >> 2 & 1) - (mix >> 5 & 1) / 2, number, noise, seeded=seeded)
        assert (verdict.kind, verdict.culprits) == ("proved", 0b100)


def at_some_seeds(every: int, off: int) -> Verdict:
    """A change that acts at one seed of so many, from this on, among six."""
    problem, results = Problem(Mixes.of(6), (1.0,) * 6), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        drops = step.mix >> 3 & 1 and step.seed % every == off
        results.append(Observation(step.mix, step.seed, 0.9 + Random(step.seed).gauss(0, 0.03) - 0.4 * drops))
    return step


@pytest.mark.parametrize("off", [0, 1])
def test_a_drop_at_every_other_seed_is_proved(off: int) -> None:
    assert (at_some_seeds(2, off).kind, at_some_seeds(2, off).culprits) == ("proved", 0b1000)


@pytest.mark.parametrize(
    ("every", "off"), [*((every, off) for every in (3, 4, 5) for off in range(every)), (7, 3), (7, 4)]
)
def test_endpoints_that_differ_at_few_seeds_are_not_called_identical(every: int, off: int) -> None:
    verdict = at_some_seeds(every, off)
    assert "identical" not in verdict.why
    assert verdict.kind == "undecided" or "but the endpoints differ at" in verdict.why


@pytest.mark.parametrize("number", [20038, 20160])
def test_four_random_failures_do_not_make_two_changes_inseparable(number: int) -> None:
    """A quarter of the mixes fail by themselves; all four nearest to the endpoints that separate the two do."""
    assert play(draw(number, "single", 4.0, fingerprint=True)).right


NULLS = [name for name in FAMILIES if "null" in name and "fixed seed" not in name]


def test_difficult_noise_without_a_cause_is_rarely_proved() -> None:
    outcomes = [play(FAMILIES[name](number)) for name in NULLS for number in range(50_000, 50_008)]
    assert sum(outcome.wrongly_proved for outcome in outcomes) <= 2  # of 80; the docs have what many give


@pytest.mark.parametrize("name", [name for name in FAMILIES if "fixed seed" in name])
def test_a_proof_at_one_fixed_seed_says_so(name: str) -> None:
    verdicts = [play(FAMILIES[name](number)).verdict for number in range(50_000, 50_006)]
    assert all(verdict.fixed_seed for verdict in verdicts if verdict.kind == "proved")
    assert all(verdict.why.endswith("at this fixed seed") for verdict in verdicts if verdict.fixed_seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAMILIES if "machine" in name or "diverges" in name])
def test_at_most_three_in_a_hundred_studies_with_difficult_noise_are_wrong(name: str) -> None:
    outcomes = [play(FAMILIES[name](number)) for number in range(60_000, 60_033)]
    assert sum(outcome.wrongly_proved for outcome in outcomes) <= 1


@pytest.mark.parametrize("hours", [3.5, 8.0, 15.9])
def test_no_trial_begins_that_is_expected_to_exceed_the_hours(hours: float) -> None:
    world = draw(3, "pair", 2.0, fingerprint=False)
    problem, results = Problem(world.mixes, (1.0,) * world.mixes.count, Settings(max_hours=hours)), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        results.append(replace(world.run(step.mix, step.seed), seconds=3600.0))
    assert len(results) == math.floor(hours)
    assert step.kind == "undecided"
