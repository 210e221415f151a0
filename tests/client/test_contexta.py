"""A live run through the public interface, read back in another process by every interface."""

from __future__ import annotations

import json
import math
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.core.errors import InvalidInput
from contexta.core.references import slug


def test_metric_of_a_live_run_is_read_back_by_every_face_in_another_process(ctx: Contexta, cli: Cli) -> None:
    for name, accuracy in (("before", 0.91), ("after", 0.87)):
        with ctx.run(name, project="demo") as run:
            run.param("lr", 0.1)
            run.metric("score", 10**20)
            with run.stage("train") as stage:
                stage.metric("accuracy", 0.5, step=1)
                stage.metric("accuracy", accuracy, step=2)
    with Contexta(workspace=ctx.root) as other:
        stages = {stage.stage_name: stage for stage in other.compare_runs("before", "after").stage_comparisons}
    (delta,) = stages["train"].metric_deltas
    assert (delta.left_value, delta.right_value) == (0.91, 0.87)
    assert stages["(run)"].metric_deltas[0].delta == 0

    shown = json.loads(cli("show", "after", "--json").stdout)
    assert shown["metrics"] == {"accuracy": 0.87, "score": 10**20}
    assert shown["params"] == {"lr": 0.1}
    assert shown["status"] == "completed"
    assert "-0.0400" in cli("diff", "before", "after").stdout
    assert "accuracy=0.87" in cli("runs").stdout


def test_environment_of_the_running_interpreter_is_captured_at_creation(ctx: Contexta) -> None:
    with ctx.run("now") as run:
        with Contexta(workspace=ctx.root) as other:  # while the run is open
            (snapshot,) = other.metadata_store.environments.list_environment_snapshots(run.ref)
            assert other.get_run("now").status == "open"
        run.metric("x", 1)
    assert snapshot.python_version == ".".join(map(str, sys.version_info[:3]))
    versions = {result.name: result.version for result in snapshot.distributions}
    assert versions["pydantic"] == sys.modules["pydantic"].VERSION
    assert dict(snapshot.packages) == versions


def test_run_that_raises_fails_and_raises_the_exception_again(ctx: Contexta) -> None:
    class OutOfData(RuntimeError):
        pass

    with pytest.raises(OutOfData, match="row 7"), ctx.run("boom") as run, run.stage("train"):
        run.metric("x", 1)
        raise OutOfData("row 7 \ud800")
    result = ctx.get_run("boom")
    assert result.status == "failed"
    assert result.metadata["failure"]["type"].endswith("OutOfData")
    assert result.metadata["failure"]["message"] == "row 7 \\ud800"
    assert [stage.status for stage in result.stages if stage.stage_name == "train"] == ["failed"]
    assert result.metrics == {"x": 1}


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "cancelled"), (SystemExit(0), "completed"), (SystemExit(3), "failed")],
)
def test_run_ends_as_its_block_ends(ctx: Contexta, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), ctx.run("x"):
        raise error
    assert ctx.get_run("x").status == status


def test_second_run_of_a_name_gets_another_reference(ctx: Contexta) -> None:
    put_run(ctx, "this-month", project="p")
    refs = []
    for _ in range(3):
        with ctx.run("This Month!", project="p") as run:
            refs.append(str(run.ref))
    assert refs == ["run:p.this-month-2", "run:p.this-month-3", "run:p.this-month-4"]
    assert {ctx.get_run(ref).name for ref in refs} == {"This Month!"}


@pytest.mark.parametrize(
    ("name", "component"),
    [("Größe 3", "grosse-3"), ("数据", "run"), ("x" * 200, "x" * 63), ("a.b/c", "a-b-c")],
)
def test_invalid_component_stays_the_display_name(ctx: Contexta, name: str, component: str) -> None:
    with ctx.run(name, project="Käse & Co") as run:
        pass
    expected = component.replace("grosse", "groe") if component == "grosse-3" else component
    assert run.ref == f"run:kase-co.{expected}"
    assert ctx.get_run(run.ref).name == name
    assert ctx.list_projects()[0].name == "Käse & Co"


def test_run_without_a_name_is_called_after_the_moment_in_the_project_of_the_directory(
    ctx: Contexta, tmp_path: Path
) -> None:
    with ctx.run() as run:
        pass
    assert run.ref.name.startswith("run-20")
    assert ctx.get_run(run.ref).project_ref.value == slug(tmp_path.name)


def test_project_comes_from_the_settings(tmp_path: Path) -> None:
    config = UnifiedConfig(project_name="My Project", workspace=WorkspaceConfig(root_path=tmp_path / "ws"))
    with Contexta(config=config) as ctx, ctx.run("x") as run:
        assert run.ref == "run:my-project.x"


@pytest.mark.parametrize(
    "use",
    [
        lambda run: run.metric("a", "0.9"),
        lambda run: run.metric("a", True),
        lambda run: run.metric("a", None),
        lambda run: run.metric("", 1),
        lambda run: run.metric("a\0", 1),
        lambda run: run.metric("a\ud800", 1),
        lambda run: run.metric(["a"], 1),
        lambda run: run.metric("a", 1, step=1.5),
        lambda run: run.metric("a", 1, step=2**63),
        lambda run: run.metric("a", 10**1000),
        lambda run: run.param("", 1),
        lambda run: run.tag("a", 1),
        lambda run: run.stage(" "),
        lambda run: run.note("topic", ""),
        lambda run: run.finish("done"),
    ],
)
def test_wrong_use_of_a_live_run_is_refused_and_loses_nothing(ctx: Contexta, use: Any) -> None:
    with ctx.run("x") as run:
        run.metric("before", 1)
        with pytest.raises(InvalidInput):
            use(run)
        run.metric("after", 2)
    result = ctx.get_run("x")
    assert (result.status, result.metrics) == ("completed", {"after": 2, "before": 1})


def test_ended_run_takes_nothing_more(ctx: Contexta) -> None:
    with ctx.run("x") as run, run.stage("s") as stage:
        pass
    run.finish()  # ending again does nothing
    stage.finish()
    for use in (lambda: run.metric("a", 1), lambda: stage.metric("a", 1), lambda: run.stage("t")):
        with pytest.raises(InvalidInput, match="has ended"):
            use()


def test_parameters_keep_json_values_and_store_others_as_text(ctx: Contexta, tmp_path: Path) -> None:
    values = {"lr": 0.1, "n": 3, "on": True, "none": None, "deep": {"a": [1, {"b": 2}]}, "big": 2**70}
    with ctx.run("x") as run:
        run.params(values)
        run.param("path", tmp_path)
        run.param("odd", {1})
        run.param("lr", 0.2)
    params = ctx.get_run("x").params
    assert params["lr"] == 0.2
    assert {key: params[key] for key in ("n", "on", "none", "big")} == {"n": 3, "on": True, "none": None, "big": 2**70}
    assert params["deep"]["a"][1]["b"] == 2
    assert (params["path"], params["odd"]) == (str(tmp_path), "{1}")


def test_every_kind_of_number_survives_a_live_run(ctx: Contexta) -> None:
    values = [0.1, -0.0, 1e-320, 0, -7, 2**63, 10**400, math.nan, math.inf, -math.inf]
    with ctx.run("x") as run:
        run.metrics({f"m{number}": value for number, value in enumerate(values)})
    result = ctx.get_run("x").metrics
    assert [repr(result[f"m{number}"]) for number in range(len(values))] == [repr(value) for value in values]


def test_threads_of_one_run_lose_no_record(ctx: Contexta) -> None:
    with ctx.run("x") as run:

        def log() -> None:
            for step in range(500):
                run.metric("loss", step, step=step)

        threads = [threading.Thread(target=log) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (stage,) = ctx.get_run("x").stages
    assert stage.metrics[0].points == 4_000


@pytest.mark.parametrize(
    "arguments", [{"workspace": "ws"}, {"config": UnifiedConfig(workspace=WorkspaceConfig(root_path="ws"))}, {}]
)
def test_training_that_changes_its_directory_stays_in_its_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    with Contexta(**arguments) as ctx:
        with ctx.run("x", project="p") as run:
            monkeypatch.chdir(tmp_path / "elsewhere")
            run.metric("a", 1)
        put_run(ctx, "y")
        assert ctx.get_run("x").metrics == {"a": 1}
        assert ctx.get_environment("x").imports is not None
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / ("ws" if arguments else ".contexta") / "contexta.db").exists()


def test_unwritable_workspace_gives_one_warning_and_the_program_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contexta.recorder.session.active_run.session.has_warned", False)
    (tmp_path / "file").write_text("x")
    for _ in range(2):
        with Contexta(workspace=tmp_path / "file").run("x") as run, run.stage("train") as stage:
            run.log({"a": 1})
            stage.metric("loss", 1)
            run.artifact("file", tmp_path / "file")
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"contexta: nothing is recorded in {tmp_path / 'file'}: it is not a directory; the program continues"


def test_comparing_a_run_without_a_snapshot_notes_it_and_adds_nothing(ctx: Contexta) -> None:
    put_run(ctx, "bare", metrics={"a": 1})
    put_run(ctx, "full", metrics={"a": 1}, environment={})
    result = ctx.compare_environments("bare", "full")
    assert not result.differs
    assert "run:p.bare has no environment snapshot" in result.completeness_notes[0]
    assert ctx.audit_reproducibility("bare").reproducibility_status == "missing"
    diff = ctx.diff_runs("bare", "full")
    assert not diff.differs


def test_comparison_of_a_run_with_itself_is_empty_with_a_note(ctx: Contexta) -> None:
    put_run(ctx, "x", metrics={"a": math.nan}, environment={})
    diff = ctx.diff_runs("x", "p.x")
    assert not diff.differs
    assert "so there is no difference" in diff.environment.completeness_notes[0]


def test_diff_defaults_to_the_last_two_runs_of_the_latest_project(ctx: Contexta) -> None:
    put_run(ctx, "a", started_at="2025-02-15T08:00:00Z")
    put_run(ctx, "other", project="q", started_at="2025-02-15T08:30:00Z")
    put_run(ctx, "b", started_at="2025-02-15T09:00:00Z")
    result = ctx.diff_runs()
    assert (result.metrics.left_ref, result.metrics.right_ref) == ("run:p.a", "run:p.b")
    result = ctx.diff_runs("q.other")
    assert (result.metrics.left_ref, result.metrics.right_ref) == ("run:q.other", "run:p.b")
