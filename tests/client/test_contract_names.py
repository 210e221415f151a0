"""Every name that scripts use on results works, on real data, positionally and by keyword."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builders import END, START, Cli, a_metric, an_envelope, put_run

from contexta import Contexta
from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DeploymentExecution,
    LineageEdge,
    MetricPayload,
    ProvenanceRecord,
    SampleObservation,
    StructuredEventPayload,
    StructuredEventRecord,
)
from contexta.core.errors import InvalidInput
from contexta.findings import SnapshotRecord

LEFT, RIGHT = "run:p.left", "run:p.right"


@pytest.fixture(scope="module")
def filled_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs with something of every kind."""
    root = tmp_path_factory.mktemp("filled") / ".contexta"
    with Contexta(workspace=root) as ctx:
        fill(ctx)
    return root


@pytest.fixture
def ctx(filled_workspace: Path, tmp_path: Path) -> Iterator[Contexta]:
    """A copy of that workspace."""
    shutil.copytree(filled_workspace, tmp_path / ".contexta")
    with Contexta(workspace=tmp_path / ".contexta") as opened:
        yield opened


def fill(ctx: Contexta) -> None:
    store = ctx.metadata_store
    for name, accuracy, torch in (("left", 0.91, "2.0.0"), ("right", 0.87, "2.1.0")):
        packages = {"numpy": "1.24.0", "torch": torch}
        metrics = {"accuracy": accuracy} if name == "left" else {}
        put_run(ctx, name, stage="train", metrics=metrics, environment={"packages": packages})
        store.artifacts.put_artifact_manifest(
            ArtifactManifest(
                artifact_ref=f"artifact:p.{name}.model",
                artifact_kind="model",
                created_at=END,
                producer_ref="trainer",
                run_ref=f"run:p.{name}",
                location_ref=f"s3://models/{name}.pt",
                hash_value=f"sha256:{name}",
            )
        )
    scope = {"run_ref": RIGHT, "stage_execution_ref": "stage:p.right.train"}
    store.batches.put_batch_execution(
        BatchExecution(
            batch_execution_ref="batch:p.right.train.b1",
            batch_name="b1",
            status="completed",
            started_at=START,
            ended_at=END,
            order_index=0,
            **scope,
        )
    )
    store.samples.put_sample_observation(
        SampleObservation(sample_observation_ref="sample:p.right.train.s1", sample_name="s1", observed_at=END, **scope)
    )
    store.deployments.put_deployment_execution(
        DeploymentExecution(
            deployment_execution_ref="deployment:p.web",
            project_ref="project:p",
            deployment_name="web",
            status="completed",
            started_at=START,
            ended_at=END,
            order_index=0,
            run_ref=RIGHT,
            artifact_ref="artifact:p.right.model",
        )
    )
    ctx.record_store.append_many(
        [
            a_metric(
                "accuracy",
                0.87,
                project="p",
                run="right",
                name="m9",
                envelope={**scope, "completeness_marker": "sampled"},
                unit="percent",
                tags={"split": "test"},
            ),
            StructuredEventRecord(
                envelope=an_envelope(run="right", name="e1", record_type="event", **scope),
                payload=StructuredEventPayload(
                    event_key="data.empty",
                    level="warning",
                    message="no rows arrived",
                    attributes={"rows": 0, "source": "s3://raw"},
                ),
            ),
        ]
    )
    edge = LineageEdge(
        relation_ref="relation:p.right.r1",
        relation_type="derived_from",
        source_ref="artifact:p.right.model",
        target_ref="artifact:p.left.model",
        recorded_at=END,
        origin_marker="human",
        confidence_marker="certain",
    )
    assert store.relations.put_relation(edge) == "relation:p.right.r1"
    store.provenance.put_provenance(
        ProvenanceRecord(
            provenance_ref="provenance:p.right.p1",
            relation_ref="relation:p.right.r1",
            assertion_mode="manual",
            asserted_at=END,
        )
    )


SUBJECTS: dict[str, tuple[Callable[[Contexta], Any], str]] = {
    "run of a list": (
        lambda ctx: ctx.list_runs()[0],
        "run_id run_ref name project_name status started_at ended_at to_dict to_json from_dict",
    ),
    "project of a list": (lambda ctx: ctx.list_projects()[0], "name run_count to_dict to_json from_dict"),
    "stage": (
        lambda ctx: ctx.get_run_snapshot(RIGHT).stages[0],
        "name stage_id run_id order status started_at ended_at to_dict to_json from_dict",
    ),
    "batch": (
        lambda ctx: ctx.get_run_snapshot(RIGHT).batches[0],
        "name batch_id stage_id run_id order status started_at ended_at",
    ),
    "sample": (
        lambda ctx: ctx.get_run_snapshot(RIGHT).samples[0],
        "name sample_id stage_id run_id status started_at ended_at",
    ),
    "deployment": (
        lambda ctx: ctx.get_run_snapshot(RIGHT).deployments[0],
        "name deployment_id run_id order status started_at ended_at",
    ),
    "snapshot": (
        lambda ctx: ctx.get_run_snapshot(RIGHT),
        "run stages batches samples deployments artifacts records relations provenance completeness_notes from_dict",
    ),
    "metric of a snapshot": (
        lambda ctx: record_of(ctx, "metric"),
        "record_id run_id stage_id key value record_type payload unit tags completeness_marker degradation_marker "
        "producer_ref from_dict",
    ),
    "event of a snapshot": (
        lambda ctx: record_of(ctx, "event"),
        "record_id run_id stage_id key value record_type message payload tags producer_ref from_dict",
    ),
    "artifact": (lambda ctx: ctx.get_run_snapshot(RIGHT).artifacts[0], "artifact_id name kind run_id location digest"),
    "compare_runs": (
        lambda ctx: ctx.compare_runs(LEFT, RIGHT),
        "left_run_id right_run_id summary artifact_changes stage_comparisons",
    ),
    "metric delta": (
        lambda ctx: ctx.compare_runs(LEFT, RIGHT).stage_comparisons[0].metric_deltas[0],
        "stage_name metric_key left_value right_value delta change_ratio",
    ),
    "compare_multiple_runs": (
        lambda ctx: ctx.compare_multiple_runs([LEFT, RIGHT]),
        "run_ids run_names metric_table",
    ),
    "compare_environments": (
        lambda ctx: ctx.compare_environments(LEFT, RIGHT),
        "left_run_id right_run_id left_environment_ref right_environment_ref changed_packages",
    ),
    "audit_reproducibility": (
        lambda ctx: ctx.audit_reproducibility(RIGHT),
        "run_id environment_ref python_version platform package_count reproducibility_status checks completeness_notes",
    ),
    "select_best_run": (
        lambda ctx: ctx.select_best_run([LEFT, RIGHT], "accuracy"),
        "metric value candidates to_dict to_json from_dict",
    ),
    "get_metric_trend": (lambda ctx: ctx.get_metric_trend("accuracy"), "points values metric"),
    "trend point": (
        lambda ctx: ctx.get_metric_trend("accuracy").points[0],
        "run_id run_name value captured_at",
    ),
    "traverse_lineage": (lambda ctx: ctx.traverse_lineage("artifact:p.right.model"), "edges visited_refs"),
    "completeness note": (
        lambda ctx: ctx.audit_reproducibility(RIGHT).completeness_notes[0],
        "severity summary details",
    ),
    "diagnose_run": (lambda ctx: ctx.diagnose_run(RIGHT), "run_id issues completeness_notes"),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_result_has_the_names_of_the_contract(ctx: Contexta, subject: str) -> None:
    value_of, names = SUBJECTS[subject]
    value = value_of(ctx)
    assert [name for name in names.split() if getattr(value, name, None) is None] == []
    if "from_dict" in names:
        assert type(value).from_dict(value.to_dict()) == value


CALLS: dict[str, Callable[[Any], Any]] = {
    "get_run": lambda ctx: (ctx.get_run("left"), ctx.get_run(run_id=LEFT), ctx.get_run(run_ref=LEFT)),
    "get_run_snapshot": lambda ctx: (ctx.get_run_snapshot(LEFT), ctx.get_run_snapshot(run_id=LEFT)),
    "diagnose_run": lambda ctx: (ctx.diagnose_run(LEFT), ctx.diagnose_run(run_id=LEFT)),
    "list_runs": lambda ctx: (ctx.list_runs("p"), ctx.list_runs(project_name="p"), ctx.list_runs(project="p")),
    "compare_runs": lambda ctx: (
        ctx.compare_runs(LEFT, RIGHT),
        ctx.compare_runs(left_run_id=LEFT, right_run_id=RIGHT),
    ),
    "compare_multiple_runs": lambda ctx: (
        ctx.compare_multiple_runs([LEFT, RIGHT]),
        ctx.compare_multiple_runs(run_ids=[LEFT, RIGHT]),
    ),
    "compare_environments": lambda ctx: (
        ctx.compare_environments(LEFT, RIGHT),
        ctx.compare_environments(left_run_id=LEFT, right_run_id=RIGHT),
    ),
    "audit_reproducibility": lambda ctx: (ctx.audit_reproducibility(LEFT), ctx.audit_reproducibility(run_id=LEFT)),
    "select_best_run": lambda ctx: (
        ctx.select_best_run([LEFT, RIGHT], "accuracy"),
        ctx.select_best_run(run_ids=[LEFT, RIGHT], metric_key="accuracy"),
        ctx.select_best_run([LEFT, RIGHT], metric="accuracy"),
    ),
    "get_metric_trend": lambda ctx: (
        ctx.get_metric_trend("accuracy", "p"),
        ctx.get_metric_trend(metric_key="accuracy", project_name="p"),
    ),
    "traverse_lineage": lambda ctx: (ctx.traverse_lineage(LEFT), ctx.traverse_lineage(subject_ref=LEFT)),
    "list_deployments": lambda ctx: (
        ctx.list_deployments("p"),
        ctx.list_deployments(project_name="p"),
        ctx.list_deployments(run_ref=RIGHT),
    ),
    "build_snapshot_report": lambda ctx: (ctx.build_snapshot_report(LEFT), ctx.build_snapshot_report(run_id=LEFT)),
    "build_run_report": lambda ctx: (ctx.build_run_report(LEFT), ctx.build_run_report(run_id=LEFT)),
    "build_multi_run_report": lambda ctx: (
        ctx.build_multi_run_report([LEFT, RIGHT]),
        ctx.build_multi_run_report(run_ids=[LEFT, RIGHT]),
    ),
}


@pytest.mark.parametrize("method", CALLS)
def test_an_argument_has_the_same_effect_under_each_of_its_names(ctx: Contexta, method: str) -> None:
    first, *others = CALLS[method](ctx)
    assert first
    assert [other for other in others if other != first] == []


def test_a_result_about_a_run_selects_it(ctx: Contexta) -> None:
    runs: Any = ctx.list_runs(order="oldest")
    best = ctx.select_best_run(runs, "accuracy")
    assert best == LEFT
    assert ctx.get_run(runs[0]) == ctx.get_run(best) == ctx.get_run(LEFT)
    assert ctx.compare_multiple_runs(runs).run_ids == tuple(run.run_id for run in runs)
    snapshot: Any = ctx.get_run_snapshot(LEFT)
    assert ctx.get_run_snapshot(snapshot.run) == snapshot


def test_a_live_run_takes_its_tags_and_parameters_at_once(ctx: Contexta) -> None:
    with ctx.run("live", project="project:p", tags=["gpu"], config={"lr": 0.1}):
        pass
    run = ctx.get_run("run:p.live")
    assert (dict(run.tags), dict(run.params)) == ({"gpu": ""}, {"lr": 0.1})


def test_two_names_of_one_argument_are_refused(ctx: Contexta) -> None:
    with pytest.raises(InvalidInput, match="metric and metric_key"):
        ctx.get_metric_trend(metric="accuracy", metric_key="accuracy")  # type: ignore[call-arg]  # an alias


def record_of(ctx: Contexta, record_type: str) -> SnapshotRecord:
    return next(record for record in ctx.get_run_snapshot(RIGHT).records if record.record_type == record_type)


def test_an_event_keeps_its_message_and_attributes_on_every_face(ctx: Contexta, cli: Cli) -> None:
    event = record_of(ctx, "event")
    assert event.message == "no rows arrived"
    assert event.payload["level"] == "warning"
    assert event.payload["attributes"] == {"rows": 0, "source": "s3://raw"}
    assert ctx.get_run(RIGHT).events == (event,)
    written = json.loads(cli("snapshot", "right", "--json").stdout)["records"][-1]["payload"]
    assert (written["message"], written["attributes"]) == ("no rows arrived", {"rows": 0, "source": "s3://raw"})
    for screen in (cli("show", "right").stdout, cli("snapshot", "right").stdout):
        assert "no rows arrived" in screen
        assert "rows=0" in screen
    for report in (ctx.build_snapshot_report(RIGHT), ctx.build_run_report(RIGHT)):
        assert "no rows arrived" in report.to_markdown()
        assert "rows=0" in report.to_markdown()


def test_a_metric_of_a_snapshot_keeps_everything_that_was_written(ctx: Contexta) -> None:
    whole = record_of(ctx, "metric")
    assert (whole.record_id, whole.unit, whole.tags) == ("record:p.right.m9", "percent", {"split": "test"})
    assert (whole.completeness_marker, whole.producer_ref, whole.value) == ("sampled", "tests", 0.87)
    assert whole.payload["value_type"] == "float64"
    with ctx.run("live", project="p") as run:
        run.metric("loss", 3, step=1)
    (live,) = ctx.get_run_snapshot("live").records
    assert live.payload["value_type"] == "int64"
    assert {*live.payload} == {*whole.payload} == {*MetricPayload.model_fields}
    (last,) = [record for record in ctx.get_run_snapshot(RIGHT, max_records=2).records if record.unit]
    assert last == whole


def test_a_snapshot_holds_every_record_unless_it_is_limited(ctx: Contexta) -> None:
    with ctx.run("long", project="p") as run:
        for step in range(3_000):
            run.metric("loss", step / 7, step=step)
    assert len(ctx.get_run_snapshot("long").records) == 3_000
    limited = ctx.get_run_snapshot("long", max_records=10)
    assert [record.step for record in limited.records] == list(range(2_990, 3_000))
    (note,) = [note for note in limited.completeness_notes if "records" in note]
    assert (note.severity, note.details) == ("warning", {"shown": 10, "stored": 3_000})


def test_runs_are_listed_in_the_selected_order_with_the_selected_status_and_tags(ctx: Contexta) -> None:
    for name, day, status, tags in (
        ("a", 1, "completed", {"team": "vision"}),
        ("b", 2, "failed", {"team": 'a "quoted" one'}),
        ("c", 3, "completed", {"team": "vision", "gpu": ""}),
    ):
        moments: dict[str, Any] = {"started_at": f"2025-01-0{day}T00:00:00Z", "ended_at": f"2025-01-0{day}T01:00:00Z"}
        put_run(ctx, name, project="q", status=status, tags=tags, **moments)

    def names(**options: Any) -> str:
        return "".join(run.name for run in ctx.list_runs("q", **options))

    assert names() == names(order="latest") == "cba"
    assert names(order="oldest") == "abc"
    assert names(order="oldest", limit=2) == "ab"
    assert names(order="oldest", after="run:q.a") == "bc"
    assert names(status="completed", order="oldest") == "ac"
    assert names(status=["failed", "completed"]) == "cba"
    assert names(tags={"team": "vision"}) == "ca"
    assert names(tags={"team": 'a "quoted" one'}) == "b"
    assert names(tags=["gpu"]) == "c"
    assert names(tags={"team": "vision"}, where="name = a or name = b") == "a"
    for wrong, hint in (
        ({"order": "newest"}, "latest or oldest"),
        ({"order": "oldest", "order_by": "name"}, "leave out one"),
        ({"status": "done"}, "completed"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            names(**wrong)
        assert hint in str(refusal.value.hint)


def test_results_have_the_values_that_their_names_promise(ctx: Contexta) -> None:
    best = ctx.select_best_run([LEFT, RIGHT], "accuracy")
    assert isinstance(best, str)
    assert f"{best}" == LEFT
    assert {best: best.split(".")[-1]} == {LEFT: "left"}
    assert (best.metric, best.value, best.candidates[1].run_id) == ("accuracy", 0.91, RIGHT)
    assert "p" in ctx.list_projects()
    assert ", ".join(ctx.list_projects()) == "p"
    multiple = ctx.compare_multiple_runs([LEFT, RIGHT])
    assert multiple.metric_table == {"accuracy": {LEFT: 0.91, RIGHT: 0.87}}
    assert multiple.run_names == ("left", "right")
    comparison = ctx.compare_runs(LEFT, RIGHT)
    assert [str(change) for change in comparison.artifact_changes] == ["model: sha256:left -> sha256:right"]
    assert comparison.summary == "p.left -> p.right: 1 of 1 metrics differ, 1 artifact differs"
    assert comparison.stage_comparisons[0].metric_deltas[0].stage_name == "train"
    trend = ctx.get_metric_trend("accuracy")
    assert trend.values == (0.91, 0.87)
    assert trend.points[0].captured_at == END


def test_every_section_of_a_report_has_a_title(ctx: Contexta) -> None:
    for report in (
        ctx.build_snapshot_report(LEFT),
        ctx.build_run_report(LEFT),
        ctx.build_run_report(LEFT, RIGHT),
        ctx.build_multi_run_report([LEFT, RIGHT]),
    ):
        assert [section for section in report.sections if not section.title] == []
        assert type(report).from_dict(report.to_dict()) == report
        for text in (report.to_markdown(), report.to_html(), report.to_json()):
            assert report.title.split(" ")[0] in text


def test_a_best_run_without_a_value_is_empty(ctx: Contexta) -> None:
    best = ctx.select_best_run([LEFT, RIGHT], "f1-score", higher_is_better=True)
    assert not best
    assert best.run_ref is None
    assert best.completeness_notes[0].summary == "2 of 2 runs have no f1-score"


def test_each_get_has_a_find_and_an_exists(ctx: Contexta) -> None:
    store = ctx.metadata_store
    nouns = [
        (collection, name[4:])
        for public, collection in vars(store).items()
        if not public.startswith("_")
        for name in dir(collection)
        if name.startswith("get_")
    ]
    assert len(nouns) == 13  # 11 kinds, two of them under two names
    for collection, noun in nouns:
        assert callable(getattr(collection, f"find_{noun}"))
        assert callable(getattr(collection, f"exists_{noun}"))
    assert store.runs.exists_run(LEFT)
    assert not store.runs.exists_run("run:p.none")
    assert store.runs.find_run("run:p.none") is None
    assert store.runs.find_run(LEFT) == store.runs.get_run(LEFT)
    assert store.environments.find_environment_snapshot("environment:p.left.none") is None
    assert store.environments.find_environment_snapshot("environment:p.left.snapshot") is not None


def test_a_configuration_may_be_a_mapping(tmp_path: Path) -> None:
    settings = {"project_name": "shop", "workspace": {"root_path": tmp_path / "here"}}
    with Contexta(config=settings) as ctx:
        assert ctx.root == tmp_path / "here"
        assert ctx.config.project_name == "shop"
    with pytest.raises(InvalidInput, match="projectname"):
        Contexta(config={"projectname": "shop"})
