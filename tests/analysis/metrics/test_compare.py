from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import END, START, a_run

from contexta.analysis.metrics.compare import compare_many, compare_runs, delta_of
from contexta.findings import MetricValue, RunSummary, StageSummary


def a_stage(name: str, /, **metrics: Any) -> StageSummary:
    return StageSummary(
        stage_name=name,
        status=None if name == "(run)" else "completed",
        metrics=tuple(MetricValue(metric_key=key, value=value, observed_at=END) for key, value in metrics.items()),
    )


def summary(name: str, *stages: StageSummary, **changes: Any) -> RunSummary:
    return RunSummary(**dict(a_run(name=name, **changes)), stages=stages)


@pytest.mark.parametrize(
    ("left", "right", "delta", "ratio"),
    [
        (0.91, 0.87, pytest.approx(-0.04), pytest.approx(-0.043956, rel=1e-4)),
        (-2.0, -1.0, 1.0, 0.5),
        (0, 5, 5, None),
        (0.0, 0.0, 0.0, None),
        (None, 1.0, None, None),
        (1.0, None, None, None),
        (1.0, math.inf, math.inf, None),
        (math.inf, 1.0, -math.inf, None),
        (10**400, 10**400 + 1, 1, 0.0),
        (10**400, 1.5, None, None),
        (1, 10**400, 10**400 - 1, None),
    ],
)
def test_delta_is_right_minus_left_and_none_where_undefined(left: Any, right: Any, delta: Any, ratio: Any) -> None:
    assert delta_of(left, right) == (delta, ratio)


def test_nan_on_a_side_gives_a_nan_delta_without_a_ratio() -> None:
    delta, ratio = delta_of(1.0, math.nan)
    assert delta is not None
    assert math.isnan(delta)
    assert ratio is None


@given(st.floats() | st.integers(), st.floats() | st.integers())
def test_delta_never_raises_and_ratio_is_finite(left: float, right: float) -> None:
    _, ratio = delta_of(left, right)
    assert ratio is None or math.isfinite(ratio)


def test_stages_match_by_name_and_the_second_of_a_name_with_the_second() -> None:
    left = summary("a", a_stage("train", loss=1.0), a_stage("train", loss=2.0), a_stage("(run)", score=1))
    right = summary("b", a_stage("eval", auc=0.5), a_stage("train", loss=1.5))
    stages = {stage.stage_name: stage for stage in compare_runs(left, right).stage_comparisons}
    assert list(stages) == ["(run)", "train", "train (2)", "eval"]
    assert [delta.delta for delta in stages["train"].metric_deltas] == [0.5]
    assert (stages["train (2)"].left_status, stages["train (2)"].right_status) == ("completed", None)
    assert stages["eval"].metric_deltas[0].left_value is None


def test_missing_metrics_are_noted_by_name() -> None:
    left = summary("a", a_stage("train", loss=1.0, auc=0.5))
    right = summary("b", status="failed")
    notes = " ".join(compare_runs(left, right).completeness_notes)
    assert "run:p.b has status failed" in notes
    assert "run:p.b has no metrics" in notes
    assert "run:p.b lacks metrics of the other run: train/auc, train/loss" in notes
    still = compare_runs(summary("c", status="open", ended_at=None), left)
    assert "still open" in still.completeness_notes[0]


def test_run_compared_with_itself_does_not_differ_and_says_so() -> None:
    run = summary("a", a_stage("train", loss=math.nan, auc=0.5))
    comparison = compare_runs(run, run)
    assert not comparison.differs
    assert comparison.completeness_notes == ("both sides are run:p.a, so there is no difference",)


def test_stage_that_failed_on_one_side_is_a_difference() -> None:
    left, right = summary("a", a_stage("train", loss=1.0)), summary("b", a_stage("train", loss=1.0))
    failed = right.model_copy(update={"stages": (right.stages[0].model_copy(update={"status": "failed"}),)})
    assert not compare_runs(left, right).differs
    assert compare_runs(left, failed).differs


def test_comparison_reads_back_from_its_json() -> None:
    left, right = summary("a", a_stage("train", loss=math.nan)), summary("b", a_stage("train", loss=-math.inf))
    comparison = compare_runs(left, right)
    assert (
        type(comparison).model_validate_json(comparison.model_dump_json()).model_dump_json()
        == comparison.model_dump_json()
    )
    assert RunSummary.model_validate_json(left.model_dump_json()).model_dump_json() == left.model_dump_json()


def test_a_slice_is_a_separate_metric() -> None:
    def sliced(value: float) -> StageSummary:
        parts = [
            MetricValue(metric_key="auc", value=0.9, observed_at=START),
            MetricValue(metric_key="auc", value=value, observed_at=END, slice_ref="region-eu"),
        ]
        return StageSummary(stage_name="eval", status="completed", metrics=tuple(parts))

    left, right = summary("a", sliced(0.8)), summary("b", sliced(0.5))
    (stage,) = compare_runs(left, right).stage_comparisons
    assert [(delta.slice_ref, delta.differs) for delta in stage.metric_deltas] == [(None, False), ("region-eu", True)]
    assert left.metrics == {"auc": 0.9}


def test_many_runs_stand_side_by_side_with_gaps() -> None:
    table = compare_many(
        [
            summary("a", a_stage("train", loss=1.0)),
            summary("b", a_stage("train", loss=2.0, auc=0.5)),
            summary("c", a_stage("(run)", score=1)),
        ]
    )
    assert [(row.stage_name, row.metric_key, row.values) for row in table.rows] == [
        ("(run)", "score", (None, None, 1)),
        ("train", "auc", (None, 0.5, None)),
        ("train", "loss", (1.0, 2.0, None)),
    ]
