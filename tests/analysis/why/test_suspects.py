from __future__ import annotations

from typing import Any

import pytest

from contexta.analysis.metrics.repeats import arguments_of, is_seed, repeats_of, seed_of
from contexta.analysis.why.suspects import prior, suspects
from contexta.core.references import StableRef
from contexta.findings import Difference
from contexta.findings.past_runs import PastEnvironment, PastRun


def a_difference(key: str, **changes: Any) -> Difference:
    fields: dict[str, Any] = {"kind": "package", "key": key, "left_value": "1.0", "right_value": "2.0"}
    return Difference(**{**fields, **changes})


def a_run(name: str, **changes: Any) -> PastRun:
    fields: dict[str, Any] = {
        "ref": StableRef("run", f"p.{name}"),
        "status": "completed",
        "started_at": "2025-01-01T00:00:00Z",
        "seconds": 1.0,
        "environment": PastEnvironment("d", "3.11.0", "linux", {"numpy": "1.24.0"}),
    }
    return PastRun(**{**fields, **changes})


def test_packages_that_no_run_imported_rank_last_unless_they_act_without_import() -> None:
    ranked = suspects(
        [
            a_difference("unused", imported=False),
            a_difference("nvidia-cudnn-cu12", imported=False),
            a_difference("used", imported=True),
        ]
    )
    assert [item.key for item in ranked] == ["used", "nvidia-cudnn-cu12", "unused"]
    assert ranked[-1].score < 0.01
    assert "other packages load its libraries without an import" in [item.reason for item in ranked[1].evidence]


def test_the_scores_are_products_of_the_shown_weights_and_sum_to_one() -> None:
    ranked = suspects([a_difference("torch", numeric=True, imported=True), a_difference("x"), a_difference("y")])
    products = []
    for suspect in ranked:
        product = 1.0
        for item in suspect.evidence:
            product *= item.weight
        products.append(product)
    assert [item.score for item in ranked] == pytest.approx([p / sum(products) for p in products], abs=1e-4)
    assert [item.rank for item in ranked] == [1, 2, 2]  # equal ones share a rank


def test_another_seed_is_noise_and_no_suspect() -> None:
    assert suspects([a_difference("seed", kind="seed")]) == ()


def test_the_prior_covers_the_differences_that_a_bisect_can_change() -> None:
    ranked = prior(
        [
            a_difference("torch", imported=True),
            a_difference("rest", imported=False),
            a_difference("MODE", kind="variable"),
            a_difference("lr", kind="parameter"),
            a_difference("code", kind="source"),
            a_difference("data", kind="input"),
            a_difference("python", kind="python"),
        ]
    )
    assert set(ranked) == {"torch", "rest", "env:MODE", "python", "param:lr", "source"}
    assert ranked["torch"] > ranked["env:MODE"] > ranked["rest"] > 0


def test_runs_repeat_each_other_but_for_the_seed() -> None:
    first = a_run("a", params={"lr": 1, "seed": 1}, metadata={"command": ["python", "t.py", "--seed", "1"]})
    again = a_run("b", params={"lr": 1, "seed": 2}, metadata={"command": ["python", "t.py", "--seed", "2"]})
    other = a_run("c", params={"lr": 2, "seed": 1}, metadata={"command": ["python", "t.py", "--seed", "1"]})
    broken = a_run("d", status="failed", params={"lr": 1})
    tagged = a_run("e", params={"lr": 1}, tags={"group": "x"})
    runs = (first, again, other, broken, tagged)
    assert [run.ref.name for run in repeats_of(first, runs)] == ["a", "b"]
    assert [run.ref.name for run in repeats_of(first, runs, "none")] == ["a"]
    assert [run.ref.name for run in repeats_of(first, runs, "param:lr")] == ["a", "b", "e"]
    assert seed_of(first) == "1"


@pytest.mark.parametrize(
    ("command", "remaining"),
    [
        (["python", "t.py", "--seed", "1", "--lr", "2"], ["python", "t.py", "--lr", "2"]),
        (["python", "t.py", "--random-state=3", "x"], ["python", "t.py", "x"]),
        (["python", "t.py"], ["python", "t.py"]),
        (["../old/bin/python3.11", "t.py", "../x/python"], ["python", "t.py", "../x/python"]),
        (["C:\\venv\\Scripts\\python.exe", "t.py"], ["python", "t.py"]),
        (["/opt/train", "t.py"], ["/opt/train", "t.py"]),
    ],
)
def test_the_seed_and_the_place_of_the_python_are_no_part_of_the_command(
    command: list[str], remaining: list[str]
) -> None:
    assert arguments_of(a_run("a", metadata={"command": command})) == remaining


def test_names_of_seeds() -> None:
    assert all(map(is_seed, ["seed", "SEED", "random_state", "data.seed", "np-seed"]))
    assert not any(map(is_seed, ["seeds_per_plant_kg", "proceed", "learning_rate", "seedling"]))
