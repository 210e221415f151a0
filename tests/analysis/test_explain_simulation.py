"""What ``why`` says of projects whose cause is known, because it was planted. The figures are in
docs/explanation/why.md; the slow test makes them."""

from __future__ import annotations

from itertools import product

import pytest
from support.explained import EFFECT, World, a_world

from contexta.findings import Explanation

NOISES = {"none": 0.0, "effect/8": EFFECT / 8, "effect/4": EFFECT / 4, "effect/2": EFFECT / 2}
COUNTS = (1, 2, 5, 12, 40)


def names_the_cause(world: World, found: Explanation, first: int = 3) -> bool:
    return world.cause in [suspect.key for suspect in found.suspects[:first]]


def names_every_confound(world: World, found: Explanation) -> bool:
    """Whatever always moved together is said to have."""
    assert found.history is not None
    told = {frozenset(confound.names) for confound in found.history.confounds}
    return {frozenset(batch) for batch in world.batches if len(batch) > 1} <= told


def is_called_real(found: Explanation) -> bool:
    return found.metric is not None and found.metric.verdict == "real"


def worlds(count: int, **settings: object) -> list[World]:
    found: list[World] = []
    seed = 0
    while len(found) < count:
        world = a_world(seed, **settings)  # type: ignore[arg-type]  # the keywords of a_world
        seed += 1
        if world.identifiable or not world.cause:
            found.append(world)
    return found


@pytest.mark.parametrize("confounded", [False, True])
def test_an_identifiable_cause_is_among_the_first_three(confounded: bool) -> None:
    asked = [
        world
        for changed, noise in product((1, 5, 15), (0.0, EFFECT / 2))
        for world in worlds(8, changed=changed, noise=noise, confounded=confounded)
    ]
    assert sum(names_the_cause(world, world.explained()) for world in asked) >= 0.9 * len(asked)


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
        asked = [w for changed in COUNTS for w in worlds(40, changed=changed, noise=noise, confounded=confounded)]
        answers = [(world, world.explained()) for world in asked]
        first = sum(names_the_cause(world, found, 1) for world, found in answers) / len(asked)
        top = sum(names_the_cause(world, found) for world, found in answers) / len(asked)
        real = sum(is_called_real(found) for _, found in answers) / len(asked)
        named = sum(names_every_confound(world, found) for world, found in answers) / len(asked)
        print(f"confounded={confounded} noise={name}: {first:.1%} {top:.1%} real={real:.1%} {named:.0%} n={len(asked)}")
        assert top >= 0.9
        assert named == 1
    nulls = worlds(1_500, changed=1, noise=0.01, confounded=True, effect=0.0)
    wrong = sum(is_called_real(world.explained()) for world in nulls) / len(nulls)
    print(f"null: {wrong:.2%} of {len(nulls)}")
    assert wrong <= 0.05
