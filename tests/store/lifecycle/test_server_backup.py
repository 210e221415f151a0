"""A backup is the same file whether the workspace is a directory or on a server, and is restored as either."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, a_metric, put_run
from support.servers import Server

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.core.errors import ContextaError, DamagedData, InvalidInput, WorkspaceError
from contexta.store.lifecycle.verify import verify_directory


def fill(ctx: Contexta) -> None:
    values = {"accuracy": 0.91, "loss": float("nan"), "big": 10**400, "small": -0.0, "far": float("inf")}
    put_run(ctx, "by-hand", metrics=values, environment={}, stage="train", display_name="größer ☃")
    with ctx.run("live", project="p") as run:
        run.params({"lr": 0.1, "deep": True, "name": "größer"})
        run.note("saved", "a\tb\n\\N")
        for step in range(100):
            run.metric("loss", 1 / (step + 1), step=step)


def everything(ctx: Contexta) -> Any:
    result = []
    for run in ctx.list_runs():
        ref = str(run.run_ref)
        snapshots = ctx.metadata_store.environments.list_environment_snapshots(ref)
        result.append((ctx.get_run(ref), ctx.record_store.list_records(ref), snapshots, ctx.get_environment(ref)))
    return repr(result)  # NaN is no equal of itself


@pytest.fixture
def team(database: str, tmp_path: Path) -> Iterator[Contexta]:
    """A workspace on a server, with a directory of objects that everyone reaches."""
    with Contexta(workspace=f"{database}&objects={tmp_path}/team") as opened:
        yield opened


@pytest.mark.parametrize("target", ["directory", "server"])
def test_restored_server_workspace_equals_the_original(
    anywhere: Contexta, target: str, server: Server, tmp_path: Path
) -> None:
    fill(anywhere)
    expected = everything(anywhere)
    with Contexta(anywhere.root / "bisect") as trials:
        put_run(trials, "trial")
    assert anywhere.backup(tmp_path / "saved.zip").runs == 2
    into = server.empty() if target == "server" else str(tmp_path / "again")
    restored = Contexta.restore(tmp_path / "saved.zip", into)
    assert (restored.runs, restored.trials, restored.damaged, restored.notes) == (2, 1, (), ())
    shutil.rmtree(anywhere.root)
    with Contexta(workspace=into) as again:
        with Contexta(again.root / "bisect") as trials:
            assert [run.name for run in trials.list_runs()] == ["trial"]
        assert everything(again) == expected
        put_run(again, "later", metrics={"x": 1.0}, environment={"packages": {"a": "1"}})  # its keys are free
        again.record_store.append(a_metric(run="by-hand", name="one-more", stage="train"))
        with again.run("live", project="p") as run:
            run.metric("loss", 0.5)
        assert {run.run_ref.name for run in again.list_runs()} == {"by-hand", "live", "live-2", "later"}
        if target == "directory":
            assert verify_directory(again.root).damage == ()


def test_backup_of_a_server_contains_the_shared_objects(team: Contexta, tmp_path: Path) -> None:
    fill(team)
    team.backup(tmp_path / "saved.zip")
    Contexta.restore(tmp_path / "saved.zip", tmp_path / "again")
    shutil.rmtree(tmp_path / "team")
    with Contexta(tmp_path / "again") as again:
        assert again.get_environment("live").distributions


def test_objects_on_other_machines_are_counted_in_a_note(database: str, tmp_path: Path, cli: Cli) -> None:
    with Contexta(workspace=database) as ctx:
        fill(ctx)
        ctx.list_runs()
    elsewhere = WorkspaceConfig(url=database, root_path=tmp_path / "other")
    with Contexta(config=UnifiedConfig(workspace=elsewhere)) as colleague:
        result = colleague.backup(tmp_path / "saved.zip")
    assert (result.objects, result.damaged) == (0, ())
    assert "lie on the machines that recorded them" in result.notes[0]
    assert "lie on the machines" in cli("restore", "saved.zip", "--into", "again").stdout
    with Contexta(tmp_path / "again") as again:
        assert again.get_run("live").params["lr"] == 0.1


def test_restore_into_a_server_with_runs_is_refused(team: Contexta, server: Server, tmp_path: Path) -> None:
    fill(team)
    team.backup(tmp_path / "saved.zip")
    used = server.workspace()
    with Contexta(workspace=used) as ctx:
        put_run(ctx, "mine")
    with pytest.raises(InvalidInput, match="not empty") as refusal:
        Contexta.restore(tmp_path / "saved.zip", used)
    assert "hush-hush" not in str(refusal.value)
    foreign = server.empty()
    server.ask(foreign, "CREATE TABLE run (x int)")
    with pytest.raises(WorkspaceError, match="contains tables of other programs"):
        Contexta.restore(tmp_path / "saved.zip", foreign)
    with Contexta(workspace=used) as ctx:
        assert [run.run_ref.name for run in ctx.list_runs()] == ["mine"]


def test_damaged_backup_leaves_a_server_unchanged(team: Contexta, server: Server, tmp_path: Path) -> None:
    fill(team)
    team.backup(tmp_path / "saved.zip")
    data = bytearray((tmp_path / "saved.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "saved.zip").write_bytes(data)
    address = server.empty()
    with pytest.raises(ContextaError):
        Contexta.restore(tmp_path / "saved.zip", address)
    assert server.ask(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_commands_take_the_address_of_a_server(database: str, server: Server, cli: Cli) -> None:
    with Contexta(workspace=database) as ctx:
        fill(ctx)
    done = cli("backup", "saved.zip", "--workspace", database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "saved.zip: 2 runs" in done.stdout
    into = server.empty()
    done = cli("restore", "saved.zip", "--into", into)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Restored saved.zip to ")
    assert ": 2 runs" in done.stdout
    assert "hush-hush" not in done.stdout
    assert cli("runs", "--workspace", into).stdout == cli("runs", "--workspace", database).stdout


def test_backup_during_writes_is_consistent(database: str, tmp_path: Path) -> None:
    """A backup is consistent, whatever other machines commit meanwhile."""
    import threading

    over = threading.Event()
    with Contexta(workspace=database) as ctx:
        put_run(ctx, "shared", stage="train")

        def write() -> None:
            number = 0
            while not over.is_set():
                ctx.record_store.append_many(
                    a_metric(run="shared", name=f"n{number}-{item}", stage="train") for item in range(50)
                )
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for turn in range(4):
                ctx.backup(tmp_path / f"{turn}.zip")
        finally:
            over.set()
            writer.join()
    for turn in range(4):
        Contexta.restore(tmp_path / f"{turn}.zip", tmp_path / f"again{turn}")
        assert verify_directory(tmp_path / f"again{turn}").damage == ()


def test_records_delivered_after_the_backup_are_delivered_again(database: str, server: Server, tmp_path: Path) -> None:
    """The server is lost; what its backup does not have lies in the journals of the machines that recorded it."""
    with Contexta(workspace=database) as ctx:
        live = ctx.run("live", project="p")
        live.metric("x", 0.0)
        with ctx.run("ended", project="p") as run:
            run.metric("x", 1.0)
        ctx.backup(tmp_path / "saved.zip")
        live.metric("x", 1.0)
        live.finish()
        with ctx.run("later", project="p") as run:
            run.metric("x", 2.0)
        ctx.list_runs()
        expected = everything(ctx)
    name = database.partition("?")[0].rpartition("/")[2]
    for statement in (f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name}"):
        server.ask(server.address("postgres"), statement)
    Contexta.restore(tmp_path / "saved.zip", database)
    with Contexta(workspace=database) as ctx:
        assert {run.run_ref.name for run in ctx.list_runs()} == {"live", "ended"}
        for _ in range(2):
            ctx.sync(again=True)
            assert everything(ctx) == expected
        assert ctx.verify().damage == ()


def test_damaged_text_is_not_restored_to_a_server(ctx: Contexta, server: Server, tmp_path: Path) -> None:
    fill(ctx)
    with closing(sqlite3.connect(ctx.root / "contexta.db")) as raw:
        raw.execute("UPDATE run SET description = CAST(x'ff' AS TEXT)")
        raw.commit()
    ctx.backup(tmp_path / "saved.zip")
    address = server.empty()
    with pytest.raises(DamagedData, match="cannot be read"):
        Contexta.restore(tmp_path / "saved.zip", address)
    assert server.ask(address, "SELECT count(*) FROM run") == [(0,)]
