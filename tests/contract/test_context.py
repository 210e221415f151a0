from __future__ import annotations

import pickle
from datetime import datetime, timezone
from enum import Enum
from typing import Any

import pytest
from support.builders import END, START, a_run, a_stage

from contexta.contract import (
    BatchExecution,
    DeploymentExecution,
    OperationContext,
    Project,
    SampleObservation,
    StableRef,
    StageExecution,
)
from contexta.core.errors import InvalidInput, InvalidReference


def test_references_and_datetimes_are_taken_in_both_forms() -> None:
    run = a_run(
        run_ref=StableRef("run", "p.r"),
        started_at=datetime(2025, 2, 15, 8, tzinfo=timezone.utc),
    )
    assert run == a_run()
    assert run.started_at == START
    assert run.run_ref.components == ("p", "r")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "done"}, '"done"'),
        ({"status": None}, "None"),
        ({"status": "completed", "ended_at": None}, "without ended_at"),
        ({"status": "open"}, "with ended_at"),
        ({"ended_at": "2025-02-15T07:59:59Z"}, "is before started_at"),
        ({"started_at": "2025-02-15T08:00:00"}, "does not end in Z"),
        ({"project_ref": "project:other"}, "does not belong to project_ref project:other"),
        ({"run_ref": "project:p"}, "is a project reference"),
        ({"run_ref": "run:P.r"}, '"P"'),
        ({"run_ref": 7}, "7"),
        ({"name": " "}, "blank"),
        ({"name": "a\0"}, "NUL"),
        ({"name": "a\ud800"}, "surrogate"),
        ({"name": "x" * 251}, "too long"),
        ({"description": "x" * 10_000_000}, "too long"),
        ({"tags": {"a": 1}}, '"a": 1 is no text'),
        ({"tags": [1]}, "1 is no text"),
        ({"tags": {1: "a"}}, "1 is no text"),
        ({"tags": {"a": "x" * 10_000_000}}, "too long"),
        ({"description": 10**5000}, "no text"),
        ({"metadata": {"a": object()}}, "JSON cannot store"),
        ({"metadata": {"a": "\ud800"}}, "surrogate"),
        ({"started_on": START}, "started_on"),
    ],
)
def test_broken_run_is_refused_with_the_fault(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        a_run(**changes)
    assert len(str(refusal.value)) < 1_000


def test_missing_field_and_several_faults_are_all_named() -> None:
    with pytest.raises(InvalidInput, match=r"created_at is missing.*description.*surnames") as refusal:
        Project(project_ref="project:p", name="x", description=3, surnames="x")  # type: ignore[call-arg]  # wrong use
    assert refusal.value.hint is not None


def test_open_run_has_no_end() -> None:
    assert a_run(status="open", ended_at=None).ended_at is None


def test_value_is_frozen_all_the_way_down() -> None:
    run = a_run(tags={"a": "b"}, metadata={"deep": {"list": [1, {"x": 2}]}})
    with pytest.raises(Exception, match="frozen"):
        run.name = "other"  # type: ignore[misc]  # what is tested
    mappings: list[Any] = [run.tags, run.metadata, run.metadata["deep"], run.metadata["deep"]["list"][1]]
    for mapping in mappings:
        with pytest.raises(TypeError, match="frozen"):
            mapping["x"] = 1
    assert hash(run) == hash(pickle.loads(pickle.dumps(run)))


def test_dumped_value_validates_to_itself() -> None:
    run = a_run(tags=["fast", "big"], metadata={"a": [1, 2.5, None, True, {"b": "c"}]})
    assert type(run).model_validate(run.model_dump()) == run
    assert type(run).model_validate_json(run.model_dump_json()) == run
    assert run.tags == {"fast": "", "big": ""}


def test_copy_with_other_fields_is_checked_like_a_new_value() -> None:
    run = a_run(status="open", ended_at=None)
    closed = run.model_copy(update={"status": "completed", "ended_at": datetime(2025, 2, 15, 9, tzinfo=timezone.utc)})
    assert (closed.status, closed.ended_at) == ("completed", "2025-02-15T09:00:00Z")
    with pytest.raises(InvalidInput, match="without ended_at"):
        run.model_copy(update={"status": "completed"})


def test_equal_values_have_equal_hashes() -> None:
    left, right = a_run(metadata={"a": {"x": 1, "y": 2}}), a_run(metadata={"a": {"y": 2, "x": 1.0}})
    assert left == right
    assert hash(left) == hash(right)


def test_text_of_an_enum_is_its_value() -> None:
    class Key(str, Enum):
        A = "train/acc"

    run = a_run().model_copy(update={"name": Key.A, "tags": {Key.A: Key.A}, "metadata": {"a": [Key.A]}})
    assert (run.name, run.tags, run.metadata["a"]) == ("train/acc", {"train/acc": "train/acc"}, ("train/acc",))
    assert type(run.name) is str is type(run.tags["train/acc"])


def test_stage_cannot_take_the_name_of_the_run_level() -> None:
    with pytest.raises(InvalidInput, match="reserved for the run itself"):
        a_stage(stage_name="(run)")


def test_stage_of_another_run_is_refused() -> None:
    with pytest.raises(InvalidReference, match=r"stage:p\.other\.train does not belong to run_ref run:p\.r"):
        a_stage(stage_execution_ref="stage:p.other.train")


def test_stage_whose_end_is_unknown_is_taken_but_not_one_that_ends_before_it_starts() -> None:
    assert a_stage(ended_at=None).ended_at is None
    with pytest.raises(InvalidInput, match="is before started_at"):
        a_stage(started_at=END, ended_at=START)
    with pytest.raises(InvalidInput, match='"skipped"'):
        a_stage(status="skipped")
    with pytest.raises(InvalidInput, match="outside 0"):
        a_stage(order_index=-1)


IN_STAGE: dict[str, Any] = {"run_ref": "run:p.r", "stage_execution_ref": "stage:p.r.s"}


@pytest.mark.parametrize(
    ("model", "fields", "wrong"),
    [
        (
            BatchExecution,
            {"batch_execution_ref": "batch:p.r.s.b", "batch_name": "b", "status": "open", "started_at": START},
            {"batch_execution_ref": "batch:p.r.t.b"},
        ),
        (
            SampleObservation,
            {"sample_observation_ref": "sample:p.r.s.x", "sample_name": "x", "observed_at": START},
            {"sample_observation_ref": "sample:p.q.s.x"},
        ),
        (
            SampleObservation,
            {
                "sample_observation_ref": "sample:p.r.s.b.x",
                "batch_execution_ref": "batch:p.r.s.b",
                "sample_name": "x",
                "observed_at": START,
            },
            {"batch_execution_ref": "batch:p.r.s.c"},
        ),
        (
            OperationContext,
            {"operation_context_ref": "op:p.r.s.x", "operation_name": "x", "observed_at": START},
            {"stage_execution_ref": "stage:p.r.t"},
        ),
    ],
)
def test_what_lies_in_a_stage_must_be_of_that_stage(
    model: type[StageExecution], fields: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert model(**{**IN_STAGE, **fields})
    with pytest.raises(InvalidReference, match="does not belong"):
        model(**{**IN_STAGE, **fields, **wrong})


def test_deployment_points_back_into_its_own_project() -> None:
    fields: dict[str, Any] = {
        "deployment_execution_ref": "deployment:p.live",
        "project_ref": "project:p",
        "deployment_name": "live",
        "status": "open",
        "started_at": START,
    }
    assert DeploymentExecution(**fields, run_ref="run:p.r").run_ref == "run:p.r"
    with pytest.raises(InvalidReference, match=r"run:q\.r does not belong"):
        DeploymentExecution(**fields, run_ref="run:q.r")
