"""`gc` on a server deletes unneeded data, and keeps data that any machine may need."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.builders import Cli, put_run
from support.servers import Server

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.core.errors import WorkspaceError
from contexta.recorder.journal.objects import Objects


@pytest.fixture
def machine(database: str, tmp_path: Path) -> Callable[[str], Contexta]:
    """A client on one of the team's machines."""

    def on(name: str) -> Contexta:
        place = WorkspaceConfig(url=database, objects=tmp_path / "team", root_path=tmp_path / name)
        return Contexta(config=UnifiedConfig(workspace=place))

    return on


def age_all(folder: Path) -> None:
    old = time.time() - 48 * 3600
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (old, old))


def fill(ctx: Contexta) -> None:
    for number in range(3):
        put_run(
            ctx,
            f"run-{number}",
            metrics={"x": 1.5},
            stage="train",
            environment={"packages": {"a": str(number)}},
            started_at=f"2025-02-1{number}T08:00:00Z",
            ended_at=f"2025-02-1{number}T09:00:00Z",
        )
    with ctx.run("live", project="other") as run:
        run.metric("x", 1.0)
    ctx.list_runs()


def test_old_runs_are_deleted_from_the_server_with_their_own_objects(
    machine: Callable[[str], Contexta], tmp_path: Path
) -> None:
    with machine("one") as ctx:
        fill(ctx)
        age_all(tmp_path)
        arguments = ctx.gc(keep_last=2)
        assert [str(ref) for ref in arguments.runs] == ["run:p.run-0"]
        assert len(ctx.list_runs()) == 4
        done = ctx.gc(keep_last=2, dry_run=False)
        assert done.model_copy(update={"dry_run": True}) == arguments
        assert (done.journals, done.objects >= 2) == (1, True)
        assert {run.run_ref.name for run in ctx.list_runs()} == {"run-1", "run-2", "live"}
        for name in ("run-1", "run-2", "live"):
            assert ctx.get_environment(name).packages
        assert ctx.verify().damage == ()
        again = ctx.gc(keep_last=2, dry_run=False)
        assert (again.runs, again.objects, again.journals, again.leftovers) == ((), 0, 0, 0)
        assert not list((tmp_path / "one" / "objects").glob("??/*"))  # the team has them
        with ctx.run("live", project="other") as run:
            assert run.ref == "run:other.live-2"


def test_undelivered_objects_of_other_machines_stay(machine: Callable[[str], Contexta], tmp_path: Path) -> None:
    with machine("one") as first, machine("two") as second:
        with first.run("first", project="p"):
            pass
        first.sync()
        with second.run("second", project="p"):  # in the same environment
            pass
        age_all(tmp_path)
        second.gc(dry_run=False)
        with second.run("third", project="p"):
            pass
        age_all(tmp_path)
        first.gc(keep_last=0, dry_run=False)
        second.sync()
        assert second.get_environment("third").packages
        assert second.verify().damage == ()


def test_delivered_object_counts_as_new(machine: Callable[[str], Contexta], tmp_path: Path) -> None:
    team = Objects(tmp_path / "team")
    with machine("one") as ctx:
        for name in ("first", "second"):
            with ctx.run(name, project="p"):
                pass
            printed = "".join(path.read_text() for path in (ctx.root / "journal").glob("*.jsonl"))
            existing = [digest for digest in set(re.findall("[0-9a-f]{64}", printed)) if team.exists(digest)]
            age_all(tmp_path / "team")
            ctx.sync()
        assert existing
        for digest in existing:
            assert time.time() - Path(team.path(digest)).stat().st_mtime < 3600


def test_other_files_in_the_shared_directory_stay(machine: Callable[[str], Contexta], tmp_path: Path) -> None:
    with machine("one") as ctx:
        fill(ctx)
        ours = tmp_path / "team" / f".123.{'a' * 16}"
        theirs = [tmp_path / "team" / name for name in (".gitkeep", "README", ".nfs0001")]
        for path in (ours, *theirs):
            path.write_bytes(b"x")
        age_all(tmp_path)
        assert ctx.gc(dry_run=False).leftovers == 1
        assert [path.exists() for path in (ours, *theirs)] == [False, True, True, True]


def test_gc_of_two_machines_exclude_each_other(
    machine: Callable[[str], Contexta], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contexta.store.backends.postgres.PATIENCE", 0.1)
    with machine("one") as first, machine("two") as second, first._opened().alone():
        with pytest.raises(WorkspaceError, match="another process"):
            second.gc(dry_run=False)
        second.list_runs()  # nothing else waits


def test_killed_gc_releases_its_lock(machine: Callable[[str], Contexta], server: Server) -> None:
    with machine("one") as first, machine("two") as second:
        with first._opened().alone():
            server.ask(
                str(first._server),
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()",
            )
        for ctx in (first, second):
            with ctx._opened().alone():
                pass


def test_gc_during_writes_deletes_nothing_of_theirs(machine: Callable[[str], Contexta], tmp_path: Path) -> None:
    over = threading.Event()
    names: list[str] = []

    def record() -> None:
        with machine("two") as second:
            while not over.is_set():
                with second.run("r", project="q") as run:
                    run.metric("x", 1.0)
                second.sync()
                names.append(str(run.ref))

    with machine("one") as first:
        fill(first)
        age_all(tmp_path)
        writer = threading.Thread(target=record)
        writer.start()
        for _ in range(10):
            first.gc(dry_run=False)
        over.set()
        writer.join()
        assert names
        for name in names:
            assert first.get_run(name).metrics == {"x": 1.0}
            assert first.get_environment(name).packages
        assert first.verify().damage == ()


def test_the_command_works_on_a_server(database: str, cli: Cli) -> None:
    with Contexta(workspace=database) as ctx:
        fill(ctx)
    done = cli("gc", "--keep-last", "1", "--workspace", database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Would remove 2 runs" in done.stdout
    assert cli("gc", "--keep-last", "1", "--yes", "--workspace", database).returncode == 0
    assert cli("verify", "--workspace", database).returncode == 0


def test_unreachable_server_gives_no_traceback(cli: Cli) -> None:
    for verb in (["gc"], ["backup", "x.zip"], ["export", "-"]):
        done = cli(*verb, "--workspace", "postgresql://me:hush-hush@127.0.0.1:9/x")
        assert (done.returncode, "Traceback" in done.stderr, "hush" in done.stderr) == (2, False, False)
        assert "hint:" in done.stderr
