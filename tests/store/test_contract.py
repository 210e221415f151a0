"""The contract of a workspace: one class of tests for a directory and a server."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.builders import a_metric, a_project, a_run, a_snapshot, a_stage, put_run

from contexta import Contexta
from contexta.contract import StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import Conflict, NotFound, ParentMissing, WorkspaceClosed

NUMBERS = [
    0.0,
    -0.0,
    0.1,
    5e-324,
    1.7976931348623157e308,
    math.inf,
    -math.inf,
    math.nan,
    2**53 + 1,
    -(2**63),
    10**400,
    True + 1,
]
WORDS = ["val/accuracy", "Recall@5", "x y", "naïve-é", "日本語", "🎛", "%s %(x)s ? :p", "a'b\"c\\d", "Z", "a", "B"]


def same(left: Any, right: Any) -> bool:
    """The same number to the last bit, of the same kind."""
    return type(left) is type(right) and repr(left) == repr(right)


class TestAWorkspace:
    @pytest.mark.parametrize("number", NUMBERS, ids=repr)
    def test_gives_every_number_back_as_it_was_given(self, anywhere: Contexta, number: float) -> None:
        ref = put_run(anywhere, metrics={"x": number})
        (record,) = anywhere.record_store.list_records(ref)
        assert same(record.payload.value, number)  # type: ignore[union-attr]  # all are metrics
        (stage,) = anywhere.get_run(ref).stages
        assert same(stage.metrics[0].value, number)

    def test_gives_every_number_of_a_live_run_back(self, anywhere: Contexta) -> None:
        with anywhere.run("live", project="p") as run:
            for index, number in enumerate(NUMBERS):
                run.metric(f"m{index:02}", number, step=2**62)
        (stage,) = anywhere.get_run("live").stages
        assert [metric.metric_key for metric in stage.metrics] == [f"m{index:02}" for index in range(len(NUMBERS))]
        assert all(same(metric.value, number) for metric, number in zip(stage.metrics, NUMBERS, strict=True))

    def test_gives_every_text_back_and_sorts_by_its_bytes(self, anywhere: Contexta) -> None:
        ref = put_run(anywhere, metrics=dict.fromkeys(WORDS, 1.0), description="\t".join(WORDS), tags={"t": "\u2028"})
        result = anywhere.get_run(ref)
        assert result.description == "\t".join(WORDS)
        assert result.tags == {"t": "\u2028"}
        keys = [metric.metric_key for metric in result.stages[0].metrics]
        assert keys == sorted(WORDS, key=str.encode)

    def test_keeps_json_with_nul_and_nan_whole(self, anywhere: Contexta) -> None:
        put_run(anywhere)
        attributes = {"deep": [None, {"x": math.inf, "y": "é", "z": 10**30}], "empty": {}}
        envelope = a_metric().envelope.model_copy(update={"record_type": "event"})
        payload = StructuredEventPayload(event_key="k", level="info", message="m", attributes=attributes)
        event = StructuredEventRecord(envelope=envelope, payload=payload)
        anywhere.record_store.append(event)
        assert anywhere.record_store.list_records("run:p.r") == (event,)

    def test_replaces_by_reference(self, anywhere: Contexta) -> None:
        put_run(anywhere)
        anywhere.metadata_store.runs.put_run(a_run(status="failed"))
        assert [run.status for run in anywhere.metadata_store.runs.list_runs()] == ["failed"]

    def test_refuses_what_has_no_parent_and_stores_nothing(self, anywhere: Contexta) -> None:
        with pytest.raises(ParentMissing):
            anywhere.metadata_store.runs.put_run(a_run())
        put_run(anywhere)
        records = [a_metric(name="a"), a_metric(name="b", stage="nowhere")]
        with pytest.raises(ParentMissing):
            anywhere.record_store.append_many(records)
        assert anywhere.record_store.list_records("run:p.r") == ()

    def test_takes_a_record_once_and_refuses_another_content(self, anywhere: Contexta) -> None:
        put_run(anywhere)
        for _ in range(2):
            anywhere.record_store.append_many([a_metric(name=f"m{n}", value=float(n)) for n in range(30)])
        assert len(anywhere.record_store.list_records("run:p.r")) == 30
        with pytest.raises(Conflict):
            anywhere.record_store.append(a_metric(name="m1", value=0.5))

    def test_selects_by_prefix_name_and_latest(self, anywhere: Contexta) -> None:
        for name, started in (("alpha", "01"), ("alpine", "03"), ("beta", "02")):
            put_run(anywhere, name, started_at=f"2025-02-{started}T00:00:00Z")
        assert str(anywhere.get_run("alpi").run_ref) == "run:p.alpine"
        assert str(anywhere.get_run("@latest~1").run_ref) == "run:p.beta"
        assert [str(run.run_ref) for run in anywhere.list_runs("p", limit=2)] == ["run:p.alpine", "run:p.beta"]
        with pytest.raises(NotFound):
            anywhere.get_run("gamma")

    def test_reads_in_order_whatever_the_order_of_arrival(self, anywhere: Contexta) -> None:
        put_run(anywhere)
        for name, order in (("z", None), ("b", 1), ("a", 0), ("y", None)):
            anywhere.metadata_store.stages.put_stage_execution(a_stage(stage=name, order_index=order))
        result = anywhere.metadata_store.stages.list_stage_executions("run:p.r")
        assert [stage.stage_name for stage in result] == ["a", "b", "z", "y"]

    def test_stores_an_environment_once_for_many_runs(self, anywhere: Contexta) -> None:
        for name in ("one", "two"):
            put_run(anywhere, name, environment={})
        assert anywhere.compare_environments("one", "two").changed_packages == ()
        changed = a_snapshot(run="two", packages={"numpy": "1.24.0", "torch": "2.1.0"})
        anywhere.metadata_store.environments.put_environment_snapshot(changed)
        assert [str(package) for package in anywhere.compare_environments("one", "two").changed_packages] == [
            "torch: 2.0.0 -> 2.1.0"
        ]

    def test_says_that_it_is_closed(self, place: str) -> None:
        ctx = Contexta(workspace=place)
        put_run(ctx)
        ctx.close()
        with pytest.raises(WorkspaceClosed, match="was closed"):
            ctx.list_runs()

    def test_is_read_by_every_other_client_at_once(self, anywhere: Contexta, place: str) -> None:
        anywhere.metadata_store.projects.put_project(a_project("seen"))
        with Contexta(workspace=place) as other:
            assert [project.name for project in other.list_projects()] == ["seen"]


def _findings(ctx: Contexta) -> str:
    for name, values in (("left", NUMBERS), ("right", list(reversed(NUMBERS)))):
        put_run(ctx, name, stage="train", environment={"python_version": f"3.1{len(name)}.0"})
        ctx.record_store.append_many(
            a_metric(key, number, run=name, stage="train", name=f"m{index}", step=index)
            for index, (key, number) in enumerate(zip(WORDS, values, strict=False))
        )
    answers = [ctx.diff_runs("left", "right"), ctx.get_run("left"), ctx.audit_reproducibility("right")]
    return json.dumps([answer.model_dump_json() for answer in answers])


def test_findings_are_the_same_to_the_byte_on_both(tmp_path: Path, database: str) -> None:
    with Contexta(workspace=tmp_path / "ws") as directory, Contexta(workspace=database) as server:
        assert _findings(directory) == _findings(server)
