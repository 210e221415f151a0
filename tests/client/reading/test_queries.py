"""Queries about live runs and about runs that users wrote, through every public interface."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.builders import END, START, Cli, a_metric, a_stage, an_envelope, put_run

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DegradedPayload,
    DegradedRecord,
    DeploymentExecution,
    LineageEdge,
    SampleObservation,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.core.errors import InvalidInput, NotFound

NOON = "2025-02-15T09:00:00Z"


def a_batch(name: str = "b1", stage: str = "train", **changes: Any) -> BatchExecution:
    fields: dict[str, Any] = {
        "batch_execution_ref": f"batch:p.r.{stage}.{name}",
        "run_ref": "run:p.r",
        "stage_execution_ref": f"stage:p.r.{stage}",
        "batch_name": name,
        "status": "completed",
        "started_at": START,
        "ended_at": END,
    }
    return BatchExecution(**{**fields, **changes})


def a_sample(name: str = "s1", stage: str = "train") -> SampleObservation:
    return SampleObservation(
        sample_observation_ref=f"sample:p.r.{stage}.{name}",
        run_ref="run:p.r",
        stage_execution_ref=f"stage:p.r.{stage}",
        sample_name=name,
        observed_at=NOON,
    )


def a_deployment(name: str = "web", **changes: Any) -> DeploymentExecution:
    fields: dict[str, Any] = {
        "deployment_execution_ref": f"deployment:p.{name}",
        "project_ref": "project:p",
        "deployment_name": name,
        "status": "open",
        "started_at": END,
    }
    return DeploymentExecution(**{**fields, **changes})


def an_edge(name: str, source: str, target: str, relation_type: str = "derived_from") -> LineageEdge:
    return LineageEdge(
        relation_ref=f"relation:p.r.{name}",
        relation_type=relation_type,
        source_ref=source,
        target_ref=target,
        recorded_at=NOON,
        origin_marker="human",
        confidence_marker="certain",
    )


def a_degradation(name: str = "d1", **payload: Any) -> DegradedRecord:
    fields = {"issue_key": "gpu-lost", "category": "hardware", "severity": "error", "summary": "GPU 1 fell off the bus"}
    return DegradedRecord(
        envelope=an_envelope(
            name=name,
            record_type="degraded",
            degradation_marker="capture_gap",
            stage_execution_ref="stage:p.r.train",
        ),
        payload=DegradedPayload(**{**fields, **payload}),
    )


@pytest.fixture
def full(ctx: Contexta) -> Contexta:
    return filled(ctx)


def filled(ctx: Contexta) -> Contexta:
    """One run with something of every kind, and its deployment."""
    put_run(ctx, stage="train", metrics={"accuracy": 0.9}, environment={})
    store = ctx.metadata_store
    store.batches.put_batch_execution(a_batch())
    store.samples.put_sample_observation(a_sample())
    store.artifacts.put_artifact_manifest(
        ArtifactManifest(
            artifact_ref="artifact:p.r.model",
            artifact_kind="model",
            created_at=END,
            producer_ref="trainer",
            run_ref="run:p.r",
            location_ref="s3://models/r.pt",
        )
    )
    store.deployments.put_deployment_execution(
        a_deployment(
            run_ref="run:p.r", artifact_ref="artifact:p.r.model", environment_snapshot_ref="environment:p.r.snapshot"
        )
    )
    ctx.record_store.append_many(
        [
            a_degradation(),
            StructuredEventRecord(
                envelope=an_envelope(name="e1", record_type="event"),
                payload=StructuredEventPayload(event_key="early-stop", level="info", message="patience ran out"),
            ),
            TraceSpanRecord(
                envelope=an_envelope(name="t1", record_type="span"),
                payload=TraceSpanPayload(
                    span_id="1",
                    trace_id="1",
                    parent_span_id=None,
                    span_name="load",
                    started_at=START,
                    ended_at="2025-02-15T08:00:02.500000Z",
                    status="ok",
                    span_kind="internal",
                ),
            ),
        ]
    )
    return ctx


def test_every_question_is_answered_by_either_database(anywhere: Contexta) -> None:
    ctx = filled(anywhere)
    ctx.record_store.append(a_metric("loss", math.nan, name="m7", envelope={"completeness_marker": "sampled"}))
    snapshot = ctx.get_run_snapshot("r")
    assert [record.key for record in snapshot.records] == ["loss", "accuracy", "gpu-lost", "early-stop", "load"]
    assert len(ctx.get_run_snapshot("r", max_records=4).records) == 4
    assert [issue.code for issue in ctx.diagnose_run("r").issues] == [
        "degraded_record",
        "incomplete_metric",
        "metric_not_finite",
    ]
    assert len(ctx.traverse_lineage("deployment:p.web").edges) == 5
    assert [deployment.deployment_name for deployment in ctx.list_deployments(run="r")] == ["web"]
    assert len(ctx.list_batches("r", stage_name="train")) == len(ctx.list_samples("r")) == 1
    assert ctx.select_best_run(None, "accuracy", stage_name="train").value == 0.9
    assert [point.value for point in ctx.get_metric_trend("accuracy").points] == [0.9]
    assert "gpu-lost" in ctx.build_run_report("r").to_markdown()


# ---------------------------------------------------------------------------------------------- snapshot


def test_snapshot_of_a_run_written_by_hand_has_everything_that_was_put(full: Contexta, cli: Cli) -> None:
    result = full.get_run_snapshot("r")
    assert result.run.run_ref == "run:p.r"
    assert [stage.stage_name for stage in result.stages] == ["train"]
    assert [batch.batch_name for batch in result.batches] == ["b1"]
    assert [sample.sample_name for sample in result.samples] == ["s1"]
    assert [artifact.artifact_kind for artifact in result.artifacts] == ["model"]
    assert [deployment.deployment_name for deployment in result.deployments] == ["web"]
    assert [(record.record_type, record.key, record.value, record.stage_id) for record in result.records] == [
        ("metric", "accuracy", 0.9, "stage:p.r.train"),
        ("degraded", "gpu-lost", "GPU 1 fell off the bus", "stage:p.r.train"),
        ("event", "early-stop", "patience ran out", None),
        ("span", "load", 2.5, None),
    ]
    assert result.records[0].record_ref == "record:p.r.m0"
    assert result.completeness_notes == ()
    assert json.loads(cli("snapshot", "r", "--json").stdout) == json.loads(result.model_dump_json())
    screen = cli("snapshot", "r").stdout
    for word in ("b1", "s1", "web", "s3://models/r.pt", "early-stop", "GPU 1 fell off the bus"):
        assert word in screen


def test_snapshot_of_a_live_run_counts_the_omitted_points(ctx: Contexta) -> None:
    with ctx.run("live", project="p") as run:
        run.metric("score", math.nan)
        with run.stage("train") as stage:
            for step in range(1_000):
                stage.metric("loss", 1.0 / (step + 1), step=step)
            stage.metric("accuracy", 10**20)
    result = ctx.get_run_snapshot("live", max_records=10)
    assert [(record.key, record.step) for record in result.records] == [
        ("score", None),
        ("accuracy", None),
        *(("loss", step) for step in range(992, 1_000)),
    ]
    assert result.records[1].value == 10**20
    assert result.records[1].stage_id == "stage:p.live.train"
    assert "10 of 1002 records are here; ask for more with max_records" in result.completeness_notes
    assert len(ctx.get_run_snapshot("live", max_records=5_000).records) == 1_002


def test_snapshot_notes_open_missing_and_marked_parts(ctx: Contexta) -> None:
    put_run(ctx, status="open", ended_at=None)
    ctx.record_store.append(a_metric(envelope={"completeness_marker": "sampled"}))
    notes = ctx.get_run_snapshot("r").completeness_notes
    assert "run:p.r is still open, so more records may follow" in notes
    assert "run:p.r has no environment snapshot" in notes
    assert "1 record of accuracy: completeness sampled, degradation none" in notes


# ---------------------------------------------------------------------------------------------- lists


def test_lists_are_limited_to_their_run_stage_or_project(full: Contexta, cli: Cli) -> None:
    full.metadata_store.stages.put_stage_execution(a_stage(stage="evaluate", order_index=1))
    full.metadata_store.batches.put_batch_execution(a_batch("b2", "evaluate"))
    full.metadata_store.samples.put_sample_observation(a_sample("s2", "evaluate"))
    full.metadata_store.deployments.put_deployment_execution(a_deployment("elsewhere"))
    full.metadata_store.deployments.put_deployment_execution(
        a_deployment("by-artifact", artifact_ref="artifact:p.r.model")
    )
    assert [batch.batch_name for batch in full.list_batches("r")] == ["b1", "b2"]
    assert [batch.batch_name for batch in full.list_batches("r", stage_name="evaluate")] == ["b2"]
    assert [sample.sample_name for sample in full.list_samples("r", limit=1)] == ["s1"]
    assert [sample.sample_name for sample in full.list_samples("r", stage_name="evaluate")] == ["s2"]
    assert [deployment.deployment_name for deployment in full.list_deployments()] == ["web", "elsewhere", "by-artifact"]
    assert [deployment.deployment_name for deployment in full.list_deployments(run="r")] == ["web", "by-artifact"]
    assert [deployment.deployment_name for deployment in full.list_deployments("p")] == [
        "web",
        "elsewhere",
        "by-artifact",
    ]
    assert len(json.loads(cli("deployments", "--run", "r", "--json").stdout)) == 2
    assert "p.elsewhere" in cli("deployments").stdout
    with pytest.raises(NotFound, match='no stage "test"'):
        full.list_batches("r", stage_name="test")


# ---------------------------------------------------------------------------------------------- diagnosis


def test_diagnosis_lists_problems_with_errors_first(full: Contexta, cli: Cli) -> None:
    store = full.metadata_store
    store.stages.put_stage_execution(a_stage(stage="evaluate", status="open", ended_at=None, order_index=1))
    store.batches.put_batch_execution(a_batch("b2", status="failed"))
    store.deployments.put_deployment_execution(a_deployment("dead", run_ref="run:p.r", status="failed", ended_at=END))
    full.record_store.append(a_degradation("d2", severity="info", summary="clock skew"))
    full.record_store.append(a_metric("loss", math.inf, name="m9", envelope={"completeness_marker": "partial"}))
    result = full.diagnose_run("r")
    assert [(issue.severity, issue.code, issue.subject_ref) for issue in result.issues] == [
        ("error", "batch_failed", "batch:p.r.train.b2"),
        ("error", "deployment_failed", "deployment:p.dead"),
        ("error", "degraded_record", "stage:p.r.train"),
        ("warning", "stage_left_open", "stage:p.r.evaluate"),
        ("warning", "incomplete_metric", None),
        ("warning", "metric_not_finite", None),
        ("info", "stage_without_metrics", "stage:p.r.evaluate"),
        ("info", "degraded_record", "stage:p.r.train"),
    ]
    assert not result.healthy
    done = cli("diagnose", "r", "--exit-code")
    assert done.returncode == 1
    assert "GPU 1 fell off the bus" in done.stdout
    assert json.loads(cli("diagnose", "r", "--json").stdout)["issues"][0]["code"] == "batch_failed"


def test_failed_run_is_diagnosed_with_its_exception(ctx: Contexta) -> None:
    with pytest.raises(ValueError, match="row 7"), ctx.run("boom", project="p") as run, run.stage("train") as stage:
        stage.metric("loss", math.nan)
        raise ValueError("row 7")
    result = ctx.diagnose_run("boom")
    by_code = {issue.code: issue for issue in result.issues}
    assert "ValueError: row 7" in by_code["run_failed"].summary
    assert by_code["stage_failed"].subject_ref == "stage:p.boom.train"
    assert by_code["metric_not_finite"].summary == "the last value of train/loss is nan"


def test_healthy_run_has_no_problems(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, metrics={"accuracy": 0.9}, stage="train", environment={})
    assert ctx.diagnose_run("r").issues == ()
    assert cli("diagnose", "r", "--exit-code").stdout == "Diagnosis of p.r\nno problems found\n"


def test_bare_run_lacks_metrics_and_an_environment(ctx: Contexta) -> None:
    put_run(ctx)
    assert [issue.code for issue in ctx.diagnose_run("r").issues] == ["environment_missing", "run_without_metrics"]


# ---------------------------------------------------------------------------------------------- lineage


def test_deployment_has_edges_to_run_artifact_and_environment(full: Contexta, cli: Cli) -> None:
    result = full.traverse_lineage("deployment:p.web", direction="upstream")
    assert {(edge.source_ref, edge.target_ref) for edge in result.edges} == {
        ("run:p.r", "deployment:p.web"),
        ("artifact:p.r.model", "deployment:p.web"),
        ("environment:p.r.snapshot", "deployment:p.web"),
        ("run:p.r", "artifact:p.r.model"),
        ("environment:p.r.snapshot", "run:p.r"),
    }
    assert result.visited_refs[0] == "deployment:p.web"
    assert set(result.visited_refs) == {"deployment:p.web", "run:p.r", "artifact:p.r.model", "environment:p.r.snapshot"}
    down = full.traverse_lineage("environment:p.r.snapshot", direction="downstream")
    assert set(down.visited_refs) == set(result.visited_refs)
    assert "artifact:p.r.model" in cli("lineage", "r").stdout


def test_recorded_edges_are_followed_their_way_and_circles_end(full: Contexta) -> None:
    relations = full.metadata_store.relations
    relations.put_lineage_edge(an_edge("one", "artifact:p.raw.data", "artifact:p.clean.data"))
    relations.put_lineage_edge(an_edge("two", "artifact:p.clean.data", "run:p.r", "trained"))
    relations.put_lineage_edge(an_edge("back", "artifact:p.r.model", "artifact:p.raw.data", "labels"))
    down = full.traverse_lineage("artifact:p.raw.data", direction="downstream")
    assert down.visited_refs[:3] == ("artifact:p.raw.data", "artifact:p.clean.data", "run:p.r")
    assert "deployment:p.web" in down.visited_refs
    recorded = [edge for edge in down.edges if edge.relation_ref]
    assert [(edge.relation_type, edge.depth) for edge in recorded] == [
        ("derived_from", 1),
        ("trained", 2),
        ("labels", 4),
    ]
    assert recorded[0].origin == "human"
    near = full.traverse_lineage("artifact:p.raw.data", direction="downstream", max_depth=1)
    assert near.visited_refs == ("artifact:p.raw.data", "artifact:p.clean.data")
    assert near.completeness_notes == ("references at the depth limit that were not followed: 1",)
    both = full.traverse_lineage("artifact:p.clean.data")
    assert {"artifact:p.raw.data", "artifact:p.r.model", "environment:p.r.snapshot"} <= set(both.visited_refs)


def test_part_of_a_run_leads_to_the_run(full: Contexta) -> None:
    full.metadata_store.relations.put_lineage_edge(an_edge("x", "batch:p.r.train.b1", "artifact:p.other.cache"))
    result = full.traverse_lineage("artifact:p.other.cache", direction="upstream")
    assert result.visited_refs == (
        "artifact:p.other.cache",
        "batch:p.r.train.b1",
        "run:p.r",
        "environment:p.r.snapshot",
    )


def test_lineage_of_an_unknown_reference_is_refused(full: Contexta) -> None:
    with pytest.raises(NotFound, match="artifact:p.r.nothing"):
        full.traverse_lineage("artifact:p.r.nothing")
    with pytest.raises(InvalidInput, match="sideways"):
        full.traverse_lineage("r", direction="sideways")
    with pytest.raises(InvalidInput, match="max_depth"):
        full.traverse_lineage("r", max_depth=0)


def test_lineage_of_a_live_run_has_its_environment(ctx: Contexta) -> None:
    with ctx.run("live", project="p"):
        pass
    (edge,) = ctx.traverse_lineage("live").edges
    assert (edge.source_ref.kind, edge.relation_type, edge.target_ref) == ("environment", "used_by", "run:p.live")


# ---------------------------------------------------------------------------------------------- best and trend


@pytest.fixture
def history(ctx: Contexta) -> Contexta:
    torch = ["2.0.0", "2.0.0", None, "2.1.0", "2.1.0"]
    for number, (accuracy, version) in enumerate(zip((0.90, 0.91, math.nan, 0.87, None), torch, strict=True)):
        put_run(
            ctx,
            f"r{number}",
            stage="train",
            metrics={} if accuracy is None else {"accuracy": accuracy},
            environment=None if version is None else {"packages": {"torch": version, "numpy": "1.24.0"}},
            started_at=f"2025-02-0{number + 1}T08:00:00Z",
        )
    return ctx


def test_best_run_lists_runs_that_cannot_be_ranked(history: Contexta, cli: Cli) -> None:
    runs = [f"r{number}" for number in range(5)]
    result = history.select_best_run(runs, "accuracy", stage_name="train", higher_is_better=True)
    assert (result.run_ref, result.value) == ("run:p.r1", 0.91)
    assert [(candidate.run_ref.name, candidate.rank) for candidate in result.candidates] == [
        ("r1", 1),
        ("r0", 2),
        ("r3", 3),
        ("r2", None),
        ("r4", None),
    ]
    assert result.completeness_notes == (
        "1 of 5 runs have no train/accuracy",
        "1 of 5 runs have a last train/accuracy that is not finite",
    )
    assert history.select_best_run(runs, "accuracy", higher_is_better=False).run_ref == "run:p.r3"
    assert history.select_best_run(None, "accuracy", higher_is_better=True).run_ref == "run:p.r1"
    assert history.select_best_run(runs, "accuracy", stage_name="(run)", higher_is_better=True).run_ref is None
    shown = cli("best", "accuracy", "r0", "r3", "--higher-is-better").stdout
    assert "p.r0 has the highest accuracy: 0.9\n" in shown
    assert cli("best", "nothing", "--higher-is-better").returncode == 1


def test_direction_is_known_configured_an_argument_or_required(ctx: Contexta, cli: Cli) -> None:
    for name, value in (("a", 1), ("b", 2)):
        put_run(ctx, name, metrics={"accuracy": value, "loss": value, "zeal": value})
    assert ctx.select_best_run(["a", "b"], "accuracy").run_ref == "run:p.b"
    assert ctx.select_best_run(["a", "b"], "loss").run_ref == "run:p.a"
    with pytest.raises(InvalidInput, match='direction of "zeal" is unknown'):
        ctx.select_best_run(["a", "b"], "zeal")
    assert "--lower-is-better" in cli("best", "zeal").stderr
    config = UnifiedConfig(workspace=WorkspaceConfig(root_path=ctx.root), lower_is_better=("zeal",))
    with Contexta(config=config) as other:
        assert other.select_best_run(["a", "b"], "zeal").run_ref == "run:p.a"


def test_equals_share_a_rank(ctx: Contexta) -> None:
    for name, loss in (("a", 1), ("b", 1.0), ("c", 0.5)):
        put_run(ctx, name, metrics={"loss": loss})
    result = ctx.select_best_run(["a", "b", "c"], "loss", higher_is_better=True)
    assert [(candidate.run_ref.name, candidate.rank) for candidate in result.candidates] == [
        ("a", 1),
        ("b", 1),
        ("c", 3),
    ]
    assert result.completeness_notes == (
        "2 runs share the first rank; the first of them in the given order is selected",
    )


def test_trend_is_oldest_first_with_what_changed_before_each_run(history: Contexta, cli: Cli, tmp_path: Path) -> None:
    result = history.get_metric_trend("accuracy")
    assert [point.run_ref.name for point in result.points] == ["r0", "r1", "r2", "r3"]
    assert [
        None if point.changes is None else [str(change) for change in point.changes] for point in result.points
    ] == [
        None,
        [],
        None,
        ["torch: 2.0.0 -> 2.1.0"],
    ]
    assert result.completeness_notes == (
        "1 of 5 runs has no accuracy",
        "1 of 4 runs has no environment snapshot: their changes are unknown",
    )
    assert [point.name for point in history.get_metric_trend("accuracy", "p", limit=2).points] == ["r2", "r3"]
    assert len(history.get_metric_trend("accuracy", stage_name="train").points) == 4
    assert history.get_metric_trend("accuracy", stage_name="test").completeness_notes == (
        "no run has the metric test/accuracy",
    )
    assert cli("trend", "accuracy", "--html", "t.html").returncode == 0
    html = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert "<polyline" in html
    assert "torch: 2.0.0 -&gt; 2.1.0 (before r3)" in html
    assert "torch: 2.0.0 -> 2.1.0" in cli("trend", "accuracy").stdout


def test_trend_looks_at_the_configured_project(ctx: Contexta) -> None:
    put_run(ctx, "a", project="p", metrics={"x": 1})
    put_run(ctx, "b", project="q", metrics={"x": 2})
    with Contexta(config=UnifiedConfig(project_name="q", workspace=WorkspaceConfig(root_path=ctx.root))) as other:
        assert [point.run_ref for point in other.get_metric_trend("x").points] == ["run:q.b"]
    assert len(ctx.get_metric_trend("x").points) == 2
    with pytest.raises(NotFound, match="project:r"):
        ctx.get_metric_trend("x", "r")


# ---------------------------------------------------------------------------------------------- reports


def test_reports_have_titles_sections_and_both_forms(full: Contexta, cli: Cli) -> None:
    put_run(full, "r2", stage="train", metrics={"accuracy": 0.8}, environment={})
    for report in (
        full.build_snapshot_report("r"),
        full.build_run_report("r"),
        full.build_run_report("r", "r2"),
        full.build_multi_run_report(["r", "r2"]),
    ):
        assert report.title
        assert report.sections
        assert any(section.title and section.body for section in report.sections)
        assert report.title in report.to_markdown()
        assert report.to_html().startswith("<!doctype html>")
    assert "GPU 1 fell off the bus" in full.build_run_report("r").to_markdown()
    assert "-0.1000" in full.build_run_report("r", "r2").to_markdown()
    assert cli("report", "r").stdout == full.build_run_report("r").to_markdown()
    assert cli("report", "r", "r2", "r", "--markdown").stdout.startswith("## 3 runs side by side")


@pytest.mark.parametrize(
    "command", ["snapshot r", "diagnose r", "lineage r", "trend accuracy", "best accuracy r --higher-is-better"]
)
def test_every_answer_has_a_page(full: Contexta, cli: Cli, command: str) -> None:
    done = cli(*command.split(), "--markdown")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## ")
