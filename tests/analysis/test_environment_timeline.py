"""A timeline shows which packages moved where the level of the metric changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contexta.analysis.environment_timeline import environment_timeline
from contexta.analysis.metrics.direction import Directions
from contexta.core.errors import NotFound
from contexta.core.references import StableRef
from contexta.findings.metrics import EnvironmentTimeline
from contexta.findings.past_runs import PastEnvironment, PastRun

DIRECTIONS = Directions((), (), None)


def runs(count: int = 20, drop: int = 12, recovery: int = 99) -> list[PastRun]:
    """Accuracy falls and pandas moves at ``drop``; numpy moves at run 4 and back at 6; run 8 has no environment."""
    result = []
    for number in range(count):
        packages = {"pandas": "3.0.2" if number >= drop else "2.3.3", "six": "1.16", "numpy": "1.26"}
        packages |= {"numpy": "2.2"} if number in (4, 5) else {}
        packages |= {"pytz": "2024.2"} if number < drop else {}
        value = (0.87 if drop <= number < recovery else 0.91) + 0.001 * (number % 3)
        result.append(
            PastRun(
                ref=StableRef("run", f"shop.r{number:02}"),
                status="completed",
                started_at=f"2026-03-{number + 1:02}T08:00:00Z",
                seconds=1.0,
                environment=None if number == 8 else PastEnvironment(str(number), "3.11.9", "linux", packages),
                metrics={("(run)", "accuracy"): value, ("(run)", "rows"): 48},
                metadata={"source": {"commit": "a" * 40}} if number < drop else {"source": {"commit": "b" * 40}},
            )
        )
    return result


def lanes(finding: EnvironmentTimeline) -> dict[str, list[tuple[int, str | None]]]:
    return {
        lane.name: [(period.start, period.version if period.is_known else "?") for period in lane.periods]
        for lane in finding.lanes
    }


def test_what_moved_where_the_metric_dropped_comes_first() -> None:
    finding = environment_timeline(reversed(runs()), "shop", None, DIRECTIONS)
    assert finding.metric == "accuracy"
    assert [(level.start, level.stop, level.worse) for level in finding.levels] == [(0, 12, None), (12, 20, True)]
    assert finding.change == 1
    assert lanes(finding) == {
        "pandas": [(0, "2.3.3"), (8, "?"), (9, "2.3.3"), (12, "3.0.2")],
        "pytz": [(0, "2024.2"), (8, "?"), (9, "2024.2"), (12, None)],
        "source": [(0, "aaaaaaa"), (12, "bbbbbbb")],
        "numpy": [(0, "1.26"), (4, "2.2"), (6, "1.26"), (8, "?"), (9, "1.26")],
    }
    assert {lane.name for lane in finding.lanes if 12 in lane.moved_at} == {"pandas", "pytz", "source"}
    assert finding.unchanged == 1


def test_the_change_to_look_at_is_the_last_drop_even_after_a_recovery() -> None:
    finding = environment_timeline(runs(30, 12, 20), "shop", "accuracy", DIRECTIONS)
    assert [level.worse for level in finding.levels] == [None, True, False]
    assert finding.change == 1


def test_an_unknown_metric_is_refused_with_those_that_exist() -> None:
    with pytest.raises(NotFound) as refused:
        environment_timeline(runs(), "shop", "acuracy", DIRECTIONS)
    assert "the runs have accuracy, rows" in str(refused.value.hint)


def test_runs_without_any_metric_have_lanes() -> None:
    bare = [
        PastRun(ref=run.ref, status="open", started_at=run.started_at, seconds=None, environment=run.environment)
        for run in runs()
    ]
    finding = environment_timeline(bare, "shop", None, DIRECTIONS)
    assert (finding.metric, finding.levels, finding.change) == (None, (), None)
    assert "pandas" in lanes(finding)


def test_parameters_and_inputs_that_changed_have_lanes_after_the_packages() -> None:
    recorded = [
        replace(run, params={"lr": 0.1 if number < 12 else 0.2, "depth": 3, **({"seed": number} if number > 2 else {})})
        for number, run in enumerate(runs())
    ]
    recorded[5] = replace(recorded[5], params={})
    inputs: dict[StableRef, dict[str, str | None]] = {
        run.ref: {"train.csv": "sha256:" + ("a" if number < 12 else "b") * 64} for number, run in enumerate(recorded)
    }
    inputs[recorded[7].ref] = {"train.csv": None}
    finding = environment_timeline(recorded, "shop", None, DIRECTIONS, inputs=inputs)
    found = lanes(finding)
    assert found["parameter lr"] == [(0, "0.1"), (5, "?"), (6, "0.1"), (12, "0.2")]
    assert found["input train.csv"] == [(0, "a" * 12), (7, "?"), (8, "a" * 12), (12, "b" * 12)]
    assert found["parameter seed"][:2] == [(0, None), (3, "3")]
    assert "parameter depth" not in found
    moved = {lane.name for lane in finding.lanes if 12 in lane.moved_at}
    assert moved == {"pandas", "pytz", "source", "parameter lr", "parameter seed", "input train.csv"}
    assert [lane.kind for lane in finding.lanes][:2] == ["package", "package"]
