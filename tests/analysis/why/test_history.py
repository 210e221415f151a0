"""The past of a metric: which run was the first bad one, and which differences it cannot separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from contexta.analysis.why.explain import explain
from contexta.contract import EnvironmentSnapshot
from contexta.core.references import StableRef
from contexta.findings import Explanation
from contexta.findings.past_runs import PastEnvironment, PastRun, RunRecord


def a_run(number: int, value: float, metric: str, packages: dict[str, str]) -> PastRun:
    return PastRun(
        ref=StableRef("run", f"p.r{number}"),
        status="completed",
        started_at=f"2025-01-01T00:{number:02}:00Z",
        seconds=60.0,
        environment=PastEnvironment(str(number), "3.11.0", "linux", packages),
        metrics={("(run)", metric): value},
    )


def why(
    values: Sequence[float], old: int, new: int, metric: str = "accuracy", changed_at: int | None = None
) -> Explanation:
    """The explanation of runs with these values, in order of time. changed_at: the place where two packages changed."""
    at = len(values) // 2 if changed_at is None else changed_at
    runs = []
    for number, value in enumerate(values):
        version = "1.0" if number < at else "2.0"
        runs.append(a_run(number, value, metric, {"left": version, "right": version}))
    sides = []
    for run in (runs[old], runs[new]):
        assert run.environment is not None
        snapshot = EnvironmentSnapshot(
            environment_snapshot_ref=f"environment:{run.ref.value}.start",
            run_ref=run.ref,
            captured_at="2025-01-01T00:00:00Z",
            python_version="3.11.0",
            platform="linux",
            packages=dict(run.environment.packages),
        )
        sides.append(RunRecord(run, snapshot, {}))
    return explain(sides[0], sides[1], runs, metric=metric, group_by="none")


def first_bad(explanation: Explanation) -> str | None:
    assert explanation.history is not None
    return None if explanation.history.first_bad is None else explanation.history.first_bad.first_after.name


GOOD, BAD, UGLY = 0.91, 0.87, 0.60


@pytest.mark.parametrize(
    ("values", "old", "new", "metric", "expected"),
    [
        ([GOOD] * 5 + [BAD] * 5, 0, 9, "accuracy", "r5"),
        ([GOOD] * 5 + [BAD] * 5, 4, 5, "accuracy", "r5"),
        ([GOOD] * 9 + [BAD], 0, 9, "accuracy", "r9"),
        ([BAD] * 5 + [GOOD] * 5, 0, 9, "loss", "r5"),  # lower is better
        ([GOOD] * 3 + [UGLY] + [GOOD] * 4 + [BAD] * 4, 0, 11, "accuracy", "r8"),  # an outlier on the way
        ([GOOD] * 6 + [UGLY] * 6 + [GOOD] * 6 + [BAD] * 6, 0, 23, "accuracy", "r18"),  # a larger drop, recovered from
        ([GOOD] * 4 + [0.90] * 4 + [BAD] * 4, 0, 11, "accuracy", "r8"),
        ([GOOD] * 5 + [BAD] * 5, 9, 0, "accuracy", None),  # NEW was recorded before OLD
        ([BAD] * 5 + [GOOD] * 5, 9, 0, "accuracy", None),
        ([BAD] * 5 + [GOOD] * 5, 0, 9, "accuracy", None),  # it rose
        ([GOOD] * 5 + [BAD] * 5, 0, 9, "loss", None),
        ([GOOD] * 5 + [BAD] * 5, 0, 9, "score-of-mine", None),  # the direction is unknown
        ([GOOD] * 5 + [UGLY] + [GOOD] * 4, 0, 5, "accuracy", None),  # NEW is an outlier
        ([GOOD] * 10, 0, 9, "accuracy", None),
        ([GOOD] * 5 + [BAD] * 5, 0, 3, "accuracy", None),  # the step lies behind NEW
    ],
)
def test_the_first_bad_run_is_bad_and_the_one_before_it_was_good(
    values: list[float], old: int, new: int, metric: str, expected: str | None
) -> None:
    explanation = why(values, old, new, metric)
    assert first_bad(explanation) == expected


@pytest.mark.parametrize(("old", "new", "metric"), [(9, 0, "accuracy"), (0, 9, "loss"), (0, 9, "score-of-mine")])
def test_the_change_point_is_reported_if_it_is_not_the_first_bad_run(old: int, new: int, metric: str) -> None:
    explanation = why([GOOD] * 5 + [BAD] * 5, old, new, metric)
    assert explanation.history is not None
    assert explanation.history.change_point is not None
    assert explanation.history.change_point.first_after.name == "r5"


@pytest.mark.parametrize("count", [2, 3, 4])
def test_two_compared_runs_are_no_evidence_that_changes_belong_together(count: int) -> None:
    explanation = why([GOOD] * (count - 1) + [BAD], 0, count - 1, changed_at=count - 1)
    assert explanation.history is not None
    confounds = [confound.names for confound in explanation.history.confounds]
    assert confounds == ([] if count == 2 else [("left", "right")])
    assert not any(
        "1 of 1" in text for text in (*explanation.answer, *(item.text for item in explanation.history.confounds))
    )


def test_changes_that_no_run_shows_in_one_state_are_no_evidence() -> None:
    explanation = why([GOOD] * 6, 0, 5, changed_at=9)
    assert explanation.history is not None
    assert explanation.history.confounds == ()


def test_a_change_of_uncommitted_files_names_the_commit_once() -> None:
    runs = []
    for number, patch in enumerate(("", "a" * 64, "b" * 64)):
        source = {"commit": "5b1575face3d" + "0" * 28, "dirty": bool(patch), "patch": patch or None}
        run = a_run(number, GOOD - number * 0.02, "accuracy", {})
        runs.append(replace(run, params={"scale": number < 2}, metadata={"source": source}))
    old, new = (RunRecord(run, None, {}) for run in (runs[0], runs[2]))
    history = explain(old, new, runs, metric="accuracy", group_by="none").history
    assert history is not None
    assert history.points[1].changed == ("uncommitted changes on commit 5b1575face3d",)
    assert history.points[2].changed[0] == "parameter scale true -> false"
