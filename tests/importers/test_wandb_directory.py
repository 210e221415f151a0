"""Runs of W&B are imported as they were logged. The fixtures are of real versions, see support/trackers."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from support.builders import Cli, put_run
from support.trackers.wandb_log import encoded, field

from contexta import Contexta
from contexta.bisect.inputs.sides.recorded_run import RecordedRun
from contexta.contract.environment import UNKNOWN
from contexta.importers.formats import wandb_directory

FIXTURES = Path(__file__).parent / "fixtures" / "wandb"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the runs of all fixtures."""
    root = tmp_path_factory.mktemp("imported") / ".contexta"
    with Contexta(root) as ctx:
        ctx.import_runs(FIXTURES)
    return root


@pytest.mark.parametrize("version", ["0.12.21", "0.16.6", "0.31.0"])
def test_a_run_has_the_logged_values_of_each_step(version: str) -> None:
    (log,) = (FIXTURES / version).glob("*/*.wandb")
    (run,) = wandb_directory.read(log)
    assert [(point.step, point.value) for point in run.metrics["loss"]] == [(i, 1 / (i + 1)) for i in range(20)]
    assert [point.value for point in run.metrics["val.accuracy"]] == [0.5 + i / 50 for i in range(20)]
    assert [point.value for point in run.metrics["count"]] == list(range(20))
    assert all(type(point.value) is int for point in run.metrics["count"])
    assert math.isnan(run.metrics["odd"][0].value)
    assert [(point.step, point.value) for point in run.metrics["best"]] == [(None, 0.91)]
    assert run.params.items() >= {"lr": 0.01, "model.depth": 6, "model.kind": "gbm"}.items()
    assert (run.name, run.project, run.status) == ("february", "credit-risk", "completed")
    assert run.tags == {"baseline": "", "weekly": ""}
    assert run.tool_version == version
    assert run.command == (["train.py"] if version == "0.31.0" else None)  # earlier ones write it to a file
    assert run.environment is not None
    assert run.environment.python_version == {"0.12.21": "3.9.18"}.get(version, "3.11.7")


def test_the_faces_show_an_imported_run(workspace: Path, cli: Cli) -> None:
    name = "credit-risk.february"
    where = ("--workspace", str(workspace))
    shown = cli("show", name, *where).stdout
    assert "imported from W&B 0.12.21" in shown
    assert "before the upgrade" in shown
    assert "training of the february run" in cli("log", name, *where).stdout
    assert "imported" in cli("runs", *where).stdout
    diff = cli("diff", name, "credit-risk.february-3", *where).stdout
    assert "urllib3" in diff
    assert "Python  3.9.18 -> 3.11.7" in diff
    with Contexta(workspace) as ctx:
        assert ctx.get_environment(name).packages["wandb"] == "0.12.21"
        assert ctx.audit_reproducibility(name).reproducibility_status == "partial"
        assert ctx.metric_series(name, "loss").points == 20


def test_what_an_imported_run_did_not_record_is_unknown_and_no_suspect(cli: Cli, ctx: Contexta) -> None:
    (log,) = (FIXTURES / "0.12.21").glob("*/*.wandb")
    ctx.import_runs(log)
    old = "credit-risk.february"
    snapshot = ctx.get_environment(old)
    assert (snapshot.platform, snapshot.python_version) == (UNKNOWN, "3.9.18")
    about = {"python_version": "3.9.18", "packages": dict(snapshot.packages), "platform": "linux-x86_64-glibc2.36"}
    put_run(ctx, "new", metrics={"loss": 9.0}, environment=about)
    for command in (("why", "--metric", "loss"), ("diff",), ("compare",)):
        shown = " ".join(cli(*command, "--all", old, "p.new").stdout.split())
        assert f"{UNKNOWN} ->" not in shown
        assert "platform: not recorded" in shown
        assert "the environment was imported" in shown
        assert f"run:{old} was imported from W&B 0.12.21" in shown
    side = RecordedRun(ctx.get_run(old), snapshot)
    assert side.variables is None  # those of the other side
    assert "was imported from W&B 0.12.21: its builds and origins are unknown" in str(side.pins({}).notes)
    assert "its variables are unknown, and no change" in str(side.pins({}).notes)
    assert "imported, as of" in cli("audit", old).stdout
    assert "on an unknown platform" in cli("show", old).stdout


def test_the_branch_of_a_commit_that_a_tool_recorded_without_one_is_unknown(cli: Cli, ctx: Contexta) -> None:
    put_run(ctx, metadata={"source": {"commit": "1a2b3c4d5e6f7a8b"}})
    assert "1a2b3c4d5e6f on an unknown branch" in cli("show", "r").stdout


def test_secrets_in_the_configuration_are_not_stored(workspace: Path) -> None:
    with Contexta(workspace) as ctx:
        assert str(ctx.get_run("credit-risk.february").params["api_key"]).startswith("secret:sha256:")
    stored = b"".join(path.read_bytes() for path in workspace.rglob("*") if path.is_file())
    assert b"Zq8vT2mXw4Lr9sKd" not in stored


def test_importing_again_changes_nothing(workspace: Path) -> None:
    with Contexta(workspace) as ctx:
        before = [(run.run_ref, run.content_digest) for run in ctx.list_runs()]
        again = ctx.import_runs([FIXTURES, FIXTURES / "0.16.6"])
        assert {run.outcome for run in again.runs} == {"present"}
        assert [(run.run_ref, run.content_digest) for run in ctx.list_runs()] == before


@pytest.mark.parametrize("name", ["offline-run-20261130_120000-x1", "copied"])
def test_a_run_that_was_recorded_while_its_program_logged_is_not_imported_a_second_time(
    cli: Cli, ctx: Contexta, tmp_path: Path, name: str
) -> None:
    (log,) = (FIXTURES / "0.31.0").glob("*/*.wandb")
    folder = Path(shutil.copytree(log.parent, tmp_path / name))
    (run,) = wandb_directory.read(folder / log.name)
    assert run.environment is not None
    identities = ["wandb offline-run-20261130_120000-x1", f"wandb {log.stem.removeprefix('run-')}"]
    put_run(ctx, "r", metrics={"loss": 0.05}, metadata={"tracker_runs": identities})
    for options in ((), ("--dry-run",)):
        shown = cli("import", str(folder), *options).stdout
        assert "1 run recorded before, and not imported a second time" in " ".join(shown.split())
        words = " ".join(shown.split())
        assert f"p.r lacks the metrics {', '.join(key for key in run.metrics if key != 'loss')}" in words
        assert f"; {len(run.metrics['loss']) - 1} of the {len(run.metrics['loss'])} points of loss; " in words
        assert "the parameters " in words
        assert f"the environment, of {len(run.environment.packages)} packages" in words
        assert "An import never changes a recorded run" in words
    assert [run.name for run in ctx.list_runs()] == ["r"]
    assert [run.outcome for run in ctx.import_runs(folder, include_recorded=True).runs] == ["imported"]
    assert [run.outcome for run in ctx.import_runs(folder).runs] == ["present"]
    assert dict(ctx.list_runs(project="p")[0].metrics) == {"loss": 0.05}
    ctx.delete_runs([str(run.run_ref) for run in ctx.list_runs() if run.name != "r"], force=True)
    ctx.delete_runs(["p.r"], force=True)
    assert [run.outcome for run in ctx.import_runs(folder).runs] == ["imported"]


def test_a_dry_run_makes_no_workspace(tmp_path: Path) -> None:
    with Contexta(tmp_path / ".contexta") as ctx:
        finding = ctx.import_runs(FIXTURES / "0.31.0", dry_run=True)
    assert [run.outcome for run in finding.runs] == ["found"]
    assert not (tmp_path / ".contexta").exists()


def test_a_deleted_run_can_be_imported_again(tmp_path: Path) -> None:
    with Contexta(tmp_path / ".contexta") as ctx:
        (first,) = ctx.import_runs(FIXTURES / "0.31.0").runs
        assert first.run_ref is not None
        ctx.delete_runs([str(first.run_ref)], force=True)
        (second,) = ctx.import_runs(FIXTURES / "0.31.0", project="other").runs
        assert (second.outcome, second.project) == ("imported", "other")


def test_a_log_without_an_end_is_a_crashed_run(tmp_path: Path) -> None:
    item = field(1, field(1, b"loss") + field(16, b"0.5")) + field(1, field(1, b"_step") + field(16, b"7"))
    run = field(1, b"ab12") + field(3, b"shop") + field(17, field(1, 1_700_000_000))
    log = tmp_path / "run-ab12.wandb"
    log.write_bytes(encoded(b":W&B\xe1\xbe\x00", [field(17, run), field(2, item)]))
    (result,) = wandb_directory.read(log)
    assert result.status == "crashed"
    assert [(point.step, point.value) for point in result.metrics["loss"]] == [(7, 0.5)]
    assert any("has no end" in note for note in result.notes)


def test_a_file_that_changed_since_its_import_is_named(tmp_path: Path) -> None:
    item = field(1, field(1, b"loss") + field(16, b"0.5"))
    run = field(17, field(1, b"ab12") + field(17, field(1, 1_700_000_000)))
    log = tmp_path / "run-ab12.wandb"
    with Contexta(tmp_path / ".contexta") as ctx:
        outcomes = []
        for records in ([run, field(2, item)], [run, field(2, item), field(2, item)]):
            log.write_bytes(encoded(b":W&B\xe1\xbe\x00", records))
            outcomes += [entry.outcome for entry in ctx.import_runs(log).runs]
        assert outcomes == ["imported", "changed"]
        assert ctx.metric_series("ab12", "loss").points == 1
