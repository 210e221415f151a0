"""The collections of values that are put and read by reference."""

from __future__ import annotations

from typing import Any

import pytest
from support.builders import END, START, a_metric, a_project, a_run, a_snapshot, a_stage, put_run

from contexta import Contexta
from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DeploymentExecution,
    LineageEdge,
    OperationContext,
    Project,
    ProvenanceRecord,
    SampleObservation,
)
from contexta.core.errors import (
    ContextaError,
    DamagedData,
    InvalidInput,
    InvalidReference,
    NotFound,
    ParentMissing,
    WorkspaceClosed,
)
from contexta.store.schema import tables

IN_STAGE: dict[str, Any] = {"run_ref": "run:p.r", "stage_execution_ref": "stage:p.r.train"}
BATCH = BatchExecution(
    **IN_STAGE, batch_execution_ref="batch:p.r.train.b", batch_name="b", status="failed", started_at=START, ended_at=END
)
SAMPLE = SampleObservation(
    **IN_STAGE,
    sample_observation_ref="sample:p.r.train.b.x",
    batch_execution_ref="batch:p.r.train.b",
    sample_name="x",
    observed_at=START,
    retention_class="short",
)
OPERATION = OperationContext(
    **IN_STAGE, operation_context_ref="op:p.r.train.x", operation_name="predict", observed_at=START
)
DEPLOYMENT = DeploymentExecution(
    deployment_execution_ref="deployment:p.live",
    project_ref="project:p",
    deployment_name="live",
    status="open",
    started_at=START,
    run_ref="run:p.r",
    artifact_ref="artifact:p.r.model",
    environment_snapshot_ref="environment:p.r.snapshot",
)
ARTIFACT = ArtifactManifest(
    artifact_ref="artifact:p.r.model",
    artifact_kind="model",
    created_at=START,
    producer_ref="tests",
    run_ref="run:p.r",
    location_ref="models/m.pkl",
    stage_execution_ref="stage:p.r.train",
    deployment_execution_ref="deployment:p.live",
    hash_value="ab" * 32,
    size_bytes=2**40,
    attributes={"framework": "sklearn", "nested": [1, {"a": None}]},
)
EDGE = LineageEdge(
    relation_ref="relation:p.r.x",
    relation_type="derived",
    source_ref="run:p.r",
    target_ref="artifact:p.r.model",
    recorded_at=START,
    origin_marker="tests",
    confidence_marker="certain",
    operation_context_ref="op:p.r.train.x",
    evidence_refs=("a", "b"),
)
PROVENANCE = ProvenanceRecord(
    provenance_ref="provenance:p.r.x", relation_ref="relation:p.r.x", assertion_mode="declared", asserted_at=START
)

# collection, model in its method names, plural, value, parent that lists it
COLLECTIONS = [
    ("projects", "project", "projects", a_project(), None),
    ("runs", "run", "runs", a_run(tags={"a": "b"}, metadata={"x": [1.5]}, description="d"), "project:p"),
    ("stages", "stage_execution", "stage_executions", a_stage(), "run:p.r"),
    ("batches", "batch_execution", "batch_executions", BATCH, "run:p.r"),
    ("samples", "sample_observation", "sample_observations", SAMPLE, "run:p.r"),
    ("operations", "operation_context", "operation_contexts", OPERATION, "run:p.r"),
    ("deployments", "deployment_execution", "deployment_executions", DEPLOYMENT, "project:p"),
    ("artifacts", "artifact_manifest", "artifact_manifests", ARTIFACT, "run:p.r"),
    ("relations", "lineage_edge", "lineage_edges", EDGE, "run:p.r"),
    ("provenance", "provenance_record", "provenance_records", PROVENANCE, "relation:p.r.x"),
    ("environments", "environment_snapshot", "environment_snapshots", a_snapshot(), "run:p.r"),
]


def put_all(ctx: Contexta) -> None:
    for collection, name, _, value, _ in COLLECTIONS:
        getattr(getattr(ctx.metadata_store, collection), f"put_{name}")(value)


def test_another_client_reads_each_value_as_it_was_put(ctx: Contexta) -> None:
    put_all(ctx)
    put_all(ctx)  # an upsert: nothing doubles
    with Contexta(workspace=ctx.root) as other:
        for collection, name, plural, value, parent in COLLECTIONS:
            store = getattr(other.metadata_store, collection)
            ref = getattr(value, next(f for f in type(value).model_fields if f == _key(name)))
            assert getattr(store, f"get_{name}")(str(ref)) == value
            assert getattr(store, f"get_{name}")(**{_key(name): ref}) == value
            assert getattr(store, f"find_{name}")(ref) == value
            assert getattr(store, f"find_{name}")(f"{ref}x") is None
            assert getattr(store, f"exists_{name}")(ref)
            assert not getattr(store, f"exists_{name}")(**{_key(name): f"{ref}x"})
            values = getattr(store, f"list_{plural}")(*([parent] if parent else []))
            assert values == (value,)
            with pytest.raises(TypeError, match=f"as {_key(name)}="):
                getattr(store, f"get_{name}")(record_ref=ref)
            argument = {"environments": "snapshot", "relations": "edge"}.get(collection, name.partition("_")[0])
            assert getattr(store, f"put_{name}")(**{argument: value}) == ref
            with pytest.raises(TypeError, match=f"as {argument}="):
                getattr(store, f"put_{name}")(value, other=value)


def test_edges_and_provenance_have_short_names(ctx: Contexta) -> None:
    put_all(ctx)
    relations, provenance = ctx.metadata_store.relations, ctx.metadata_store.provenance
    assert relations.put_relation(EDGE) == EDGE.relation_ref
    assert relations.get_relation(EDGE.relation_ref) == relations.find_relation(EDGE.relation_ref) == EDGE
    assert relations.exists_relation(EDGE.relation_ref)
    assert relations.list_relations() == relations.list_relations("run:p.r") == (EDGE,)
    assert provenance.put_provenance(PROVENANCE) == PROVENANCE.provenance_ref
    assert provenance.get_provenance(PROVENANCE.provenance_ref) == PROVENANCE
    assert provenance.list_provenance() == (PROVENANCE,)


def _key(name: str) -> str:
    return {
        "artifact_manifest": "artifact_ref",
        "lineage_edge": "relation_ref",
        "provenance_record": "provenance_ref",
    }.get(name, f"{name}_ref")


@pytest.mark.parametrize(("collection", "name", "plural", "value", "parent"), COLLECTIONS[1:])
def test_value_without_its_parent_is_refused_with_the_call_that_creates_it(
    ctx: Contexta, collection: str, name: str, plural: str, value: Any, parent: str
) -> None:
    store = getattr(ctx.metadata_store, collection)
    with pytest.raises(ParentMissing, match="is not stored") as refusal:
        getattr(store, f"put_{name}")(value)
    assert "metadata_store." in (refusal.value.hint or "")
    with pytest.raises(NotFound):
        getattr(store, f"list_{plural}")(parent)
    assert ctx.list_projects() == ()


def test_second_put_replaces_the_value(ctx: Contexta) -> None:
    ref = put_run(ctx, status="open", ended_at=None)
    put_run(ctx, status="failed", description="again")
    run = ctx.metadata_store.runs.get_run(ref)
    assert (run.status, run.description, run.ended_at) == ("failed", "again", END)
    ctx.metadata_store.projects.put_project(Project(project_ref="project:p", name="Other name", created_at=START))
    assert ctx.list_projects()[0].name == "Other name"
    assert len(ctx.list_runs()) == 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.runs.get_run("run:p.nope"), NotFound),
        (lambda s: s.runs.get_run("project:p"), InvalidReference),
        (lambda s: s.runs.get_run("nope"), InvalidReference),
        (lambda s: s.runs.list_runs("project:nope"), NotFound),
        (lambda s: s.runs.put_run(a_project()), InvalidInput),
        (lambda s: s.runs.put_run({"run_ref": "run:p.r"}), InvalidInput),
        (lambda s: s.environments.put_environment_snapshot(None), InvalidInput),
        (lambda s: s.environments.get_environment_snapshot("environment:p.r.nope"), NotFound),
    ],
)
def test_wrong_use_raises_an_error_and_changes_nothing(ctx: Contexta, call: Any, error: type[ContextaError]) -> None:
    put_all(ctx)
    with pytest.raises(error):
        call(ctx.metadata_store)
    assert len(ctx.metadata_store.runs.list_runs()) == 1


def test_closed_client_refuses_use_and_may_be_closed_twice(ctx: Contexta) -> None:
    put_all(ctx)
    ctx.metadata_store.close()
    ctx.close()
    for use in (ctx.list_runs, lambda: ctx.record_store.append(a_metric()), lambda: ctx.run("x")):
        with pytest.raises(WorkspaceClosed, match="was closed"):
            use()


def test_many_runs_of_one_environment_store_its_body_once(ctx: Contexta) -> None:
    put_run(ctx, environment={})
    for number in range(20):
        put_run(ctx, f"r{number}", environment={})
    assert len([path for path in (ctx.root / "objects").rglob("*") if path.is_file()]) == 1
    store = ctx._opened()
    with store.reading() as connection:
        assert connection.execute(tables.environment_body.select()).mappings().one()["package_count"] == 2
        rows = connection.execute(tables.environment_distribution.select()).all()
    assert sorted((row.name, row.version) for row in rows) == [("numpy", "1.24.0"), ("torch", "2.0.0")]


def test_damaged_environment_body_is_reported(ctx: Contexta) -> None:
    put_run(ctx, environment={})
    (body,) = (path for path in (ctx.root / "objects").rglob("*") if path.is_file())
    body.write_bytes(body.read_bytes().replace(b"1.24.0", b"1.24.1"))
    with pytest.raises(DamagedData, match="another digest"):
        ctx.compare_environments("r", "r")
    body.unlink()
    with pytest.raises(NotFound, match="is missing"):
        ctx.audit_reproducibility("r")
