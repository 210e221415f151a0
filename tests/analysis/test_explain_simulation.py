"""``why`` in simulated projects with a known cause. The slow test computes the figures of docs/explanation/why.md."""

from __future__ import annotations

from itertools import product

import pytest
from support.explained import EFFECT, World, a_world

from contexta.findings import Explanation

NOISES = {"none": 0.0, "effect/8": EFFECT / 8, "effect/4": EFFECT / 4, "effect/2": EFFECT / 2}
COUNTS = (1, 2, 5, 12, 40)


def names_the_cause(world: World, explanation: Explanation, first: int = 3) -> bool:
    return world.cause in [suspect.key for suspect in explanation.suspects[:first]]


def names_every_confound(world: World, explanation: Explanation) -> bool:
    """Whether every batch of packages that changed together is a confound."""
    assert explanation.history is not None
    named = {frozenset(confound.names) for confound in explanation.history.confounds}
    return {frozenset(batch) for batch in world.batches if len(batch) > 1} <= named


def is_called_real(explanation: Explanation) -> bool:
    return explanation.metric is not None and explanation.metric.verdict == "real"


def worlds(count: int, **settings: object) -> list[World]:
    identifiable: list[World] = []
    seed = 0
    while len(identifiable) < count:
        world = a_world(seed, **settings)  # type: ignore[arg-type]  # the keywords of a_world
        seed += 1
        if world.identifiable or not world.cause:
            identifiable.append(world)
    return identifiable


@pytest.mark.parametrize("confounded", [False, True])
def test_an_identifiable_cause_is_among_the_first_three(confounded: bool) -> None:
    projects = [
        world
        for changed, noise in product((1, 5, 15), (0.0, EFFECT / 2))
        for world in worlds(8, changed=changed, noise=noise, confounded=confounded)
    ]
    assert sum(names_the_cause(world, world.explained()) for world in projects) >= 0.9 * len(projects)


def test_a_confound_is_always_named() -> None:
    confounded = worlds(12, changed=12, noise=EFFECT / 4, confounded=True)
    assert all(names_every_confound(world, world.explained()) for world in confounded)


def test_no_effect_is_called_real_in_at_most_one_case_of_twenty() -> None:
    nulls = worlds(120, changed=1, noise=0.01, confounded=True, effect=0.0)
    wrong = sum(is_called_real(world.explained()) for world in nulls)
    assert wrong <= 0.05 * len(nulls) + 4  # two standard errors of so few


@pytest.mark.slow
def test_the_figures_in_the_docs() -> None:
    print()
    for confounded, (name, noise) in product((False, True), NOISES.items()):
        projects = [w for changed in COUNTS for w in worlds(40, changed=changed, noise=noise, confounded=confounded)]
        answers = [(world, world.explained()) for world in projects]
        first = sum(names_the_cause(world, explanation, 1) for world, explanation in answers) / len(projects)
        top = sum(names_the_cause(world, explanation) for world, explanation in answers) / len(projects)
        real = sum(is_called_real(explanation) for _, explanation in answers) / len(projects)
        named = sum(names_every_confound(world, explanation) for world, explanation in answers) / len(projects)
        print(
            f"confounded={confounded} noise={name}: {first:.1%} {top:.1%} real={real:.1%} {named:.0%} n={len(projects)}"
        )
        assert top >= 0.9
        assert named == 1
    nulls = worlds(1_500, changed=1, noise=0.01, confounded=True, effect=0.0)
    wrong = sum(is_called_real(world.explained()) for world in nulls) / len(nulls)
    print(f"null: {wrong:.2%} of {len(nulls)}")
    assert wrong <= 0.05
