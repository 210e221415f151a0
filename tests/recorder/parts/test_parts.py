"""Everything that a live run records below itself survives a kill, in either database."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from contexta import Contexta
from contexta.contract.fields import Status
from contexta.contract.records import EventLevel, SpanKind, SpanStatus
from contexta.core.errors import InvalidInput
from contexta.recorder.parts import vocabularies
from contexta.recorder.session.run import LiveRun

PROGRAM = """
import os, signal, sys
from contexta import Contexta

run = Contexta(workspace=sys.argv[1]).run("live", project="p")
run.event("began", "the run began", attributes={"rows": 3, "api_key": "sk-1234567890abcdefghijklmnop"})
with open("model.bin", "wb") as file:
    file.write(b"model")
run.register_artifact("model", "model.bin", attributes={"framework": "none"})
stage = run.stage("evaluate")
stage.metric("latency", 12.5, unit="ms", step=3)
with stage.batch("night 1") as batch:
    batch.metric("rows", 120)
    sample = batch.sample("prompt 1", retention_class="short")
    sample.metric("score", float("nan"))
    sample.event("judged", "fine", "debug")
stage.batch("night 1")
with stage.span("retrieve", "retriever", attributes={"k": 5}) as span:
    with stage.operation("search").span("inner", "tool"):
        pass
    span.set("documents", 4)
try:
    with run.span("generate", "llm"):
        raise RuntimeError
except RuntimeError:
    pass
with run.deployment("web", artifact="model"):
    pass
run.deployment("web", status="open")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_parts_and_records_of_a_killed_run_are_complete(place: str, tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, place], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert killed.returncode < 0, killed.stderr
    with Contexta(workspace=place) as ctx:
        snapshot = ctx.get_run_snapshot("live")
        assert ctx.get_run_snapshot("live").to_json() == snapshot.to_json()  # nothing is ingested twice
        assert [event.key for event in ctx.get_run("live").events] == ["began", "judged"]
        assert ctx.get_run("live").metrics["rows"] == 120
        assert ctx.verify().sound
        assert ctx.list_deployments(run="live") == snapshot.deployments
    stage = "stage:p.live.evaluate"
    assert [(batch.name, batch.batch_id, batch.status) for batch in snapshot.batches] == [
        ("night 1", "batch:p.live.evaluate.night-1", "completed"),
        ("night 1", "batch:p.live.evaluate.night-1-2", "crashed"),
    ]
    (sample,) = snapshot.samples
    assert sample.sample_id == "sample:p.live.evaluate.night-1.prompt-1"
    assert (sample.batch_id, sample.retention_class) == (snapshot.batches[0].batch_id, "short")
    assert [operation.name for operation in snapshot.operations] == ["search"]
    assert [(deployment.name, deployment.status) for deployment in snapshot.deployments] == [
        ("web", "completed"),
        ("web", "open"),
    ]
    web = snapshot.deployments[0]
    assert (web.deployment_id, web.artifact_ref) == ("deployment:p.live-web", "artifact:p.live.model")
    assert str(web.environment_snapshot_ref).startswith("environment:p.live.start-")
    assert (snapshot.artifacts[0].kind, snapshot.artifacts[0].attributes["framework"]) == ("model", "none")
    records = {record.key: record for record in snapshot.records}
    assert (records["latency"].unit, records["latency"].step, records["latency"].stage_id) == ("ms", 3, stage)
    assert records["rows"].batch_id == snapshot.batches[0].batch_id
    assert records["score"].sample_id == sample.sample_id
    assert math.isnan(float(records["score"].value))
    assert records["began"].message == "the run began"
    assert records["began"].payload["attributes"]["rows"] == 3
    assert records["began"].payload["attributes"]["api_key"].startswith("secret:sha256:")
    assert records["judged"].payload["level"] == "debug"
    outer, inner = records["retrieve"].payload, records["inner"].payload
    assert outer["attributes"] == {"k": 5, "documents": 4}
    assert (inner["parent_span_id"], inner["trace_id"]) == (outer["span_id"], outer["trace_id"])
    assert (outer["parent_span_id"], outer["status"], records["generate"].payload["status"]) == (None, "ok", "error")
    assert str(records["inner"].operation_id) == "op:p.live.evaluate.search"


@pytest.fixture
def run(ctx: Contexta) -> LiveRun:
    return ctx.run("r", project="p")


def test_a_word_outside_of_its_vocabulary_is_refused_at_the_call(run: LiveRun) -> None:
    with pytest.raises(InvalidInput) as level:
        run.event("k", level="fatal")
    assert level.value.hint == "it is one of debug, info, warning, error, critical"
    for call in (
        lambda: run.span("s", "thing"),
        lambda: run.span("s").finish("fine"),
        lambda: run.deployment("web", status="live"),
        lambda: run.event("k", attributes=["no", "mapping"]),  # type: ignore[arg-type]  # wrong on purpose
        lambda: run.stage("s").metric("m", 1, unit=" "),
        lambda: run.stage("s").batch("b").metric("m", "1"),  # type: ignore[arg-type]  # as above
        lambda: run.stage("s").batch("b").finish("done"),
    ):
        with pytest.raises(InvalidInput):
            call()
    run.finish()


def test_nothing_is_recorded_below_a_run_that_has_ended(run: LiveRun) -> None:
    batch = run.stage("s").batch("b")
    run.finish()
    for call in (lambda: batch.metric("m", 1), lambda: run.event("k"), lambda: batch.sample("s")):
        with pytest.raises(InvalidInput, match="has ended"):
            call()
    batch.finish()  # as for a stage: the end of the run was its end


def test_a_deployment_with_a_long_name_has_a_unique_reference(ctx: Contexta) -> None:
    with ctx.run("r" * 60, project="p") as run:
        refs = {str(run.deployment("web-a" * 5).ref), str(run.deployment("web-b" * 5).ref)}
    assert {str(deployment.deployment_id) for deployment in ctx.list_deployments()} == refs
    assert len(refs) == 2


def test_long_names_get_references_that_fit(ctx: Contexta) -> None:
    long = "x" * 200
    with ctx.run(long, project=long) as run, run.stage(long) as stage, stage.batch(long) as batch:
        for part in (stage, batch):
            for _ in range(3):
                part.sample(long).metric("score", 1)
                part.operation(long).event("called")
    snapshot = ctx.get_run_snapshot("@latest")
    assert len({sample.sample_id for sample in snapshot.samples}) == 6
    assert len({operation.operation_id for operation in snapshot.operations}) == 6
    assert {sample.name for sample in snapshot.samples} == {long}
    assert len(snapshot.records) == 12


def test_a_live_run_and_the_contract_have_the_same_vocabularies() -> None:
    assert get_args(EventLevel) == vocabularies.EVENT_LEVELS
    assert get_args(SpanStatus) == vocabularies.SPAN_STATUSES
    assert get_args(SpanKind) == vocabularies.SPAN_KINDS
    assert get_args(Status) == vocabularies.STATUSES
