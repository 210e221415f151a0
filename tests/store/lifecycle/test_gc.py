"""`gc` deletes unneeded data, and keeps data that is needed or may soon be needed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from support.builders import Cli, a_run, put_run

from contexta import Contexta
from contexta.contract import DeploymentExecution
from contexta.core.errors import WorkspaceError
from contexta.recorder.journal.objects import Objects
from contexta.store.backends.maintenance_lock import alone
from contexta.store.entities.bodies import encode_body
from contexta.store.lifecycle.verify import verify_directory


def age(path: Path) -> None:
    old = time.time() - 48 * 3600
    os.utime(path, (old, old))


def age_all(ctx: Contexta) -> None:
    for path in ctx.root.rglob("*"):
        if path.is_file() and path.suffix != ".db":
            age(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs put by hand, the oldest first, and a live one that ended; everything is two days old."""
    ctx = Contexta(tmp_path_factory.mktemp("made") / ".contexta")
    for number, packages in enumerate(({"a": "1"}, {"a": "2"}, {"a": "2"})):
        put_run(
            ctx,
            f"run-{number}",
            metrics={"x": 1.5},
            stage="train",
            environment={"packages": packages},
            started_at=f"2025-02-1{number}T08:00:00Z",
            ended_at=f"2025-02-1{number}T09:00:00Z",
        )
    with ctx.run("live", project="other") as run:
        run.metric("x", 1.0)
    ctx.list_runs()
    age_all(ctx)
    ctx.close()
    return ctx.root


@pytest.fixture
def aged(made: Path, tmp_path: Path) -> Iterator[Contexta]:
    shutil.copytree(made, tmp_path / ".contexta")
    with Contexta(tmp_path / ".contexta") as ctx:
        yield ctx


def test_gc_without_yes_deletes_nothing(aged: Contexta, cli: Cli) -> None:
    before = sorted(aged.root.rglob("*"))
    done = cli("gc", "--keep-last", "1")
    assert done.returncode == 0
    assert "Would remove 2 runs" in done.stdout
    assert "contexta gc --keep-last 1 --yes" in done.stdout
    assert "run:p.run-0" in done.stdout
    assert [path for path in sorted(aged.root.rglob("*")) if path.name != "maintenance.lock"] == before
    assert len(aged.list_runs()) == 4


def test_old_runs_are_deleted_with_their_own_objects_and_journals(aged: Contexta) -> None:
    cleanup = aged.gc(keep_last=2, dry_run=False)
    assert [str(ref) for ref in cleanup.runs] == ["run:p.run-0"]
    assert (cleanup.objects >= 1, cleanup.journals) == (True, 1)
    assert {run.run_ref.name for run in aged.list_runs()} == {"run-1", "run-2", "live"}
    for name in ("run-1", "run-2"):
        assert aged.get_environment(name).packages == {"a": "2"}
        assert aged.get_run(name).metrics == {"x": 1.5}
    assert aged.get_environment("live").packages
    assert verify_directory(aged.root).damage == ()
    again = aged.gc(keep_last=2, dry_run=False)
    assert (again.runs, again.objects, again.journals, again.leftovers) == ((), 0, 0, 0)


def test_reference_of_a_deleted_run_stays_taken(aged: Contexta) -> None:
    with aged.run("live", project="other") as run:
        assert run.ref == "run:other.live-2"
    aged.list_runs()
    aged.gc(keep_last=0, dry_run=False)
    assert aged.list_runs() == ()
    assert verify_directory(aged.root).damage == ()
    with aged.run("live", project="other") as run:
        assert run.ref == "run:other.live-3"
    assert [run.run_ref.name for run in aged.list_runs()] == ["live-3"]


def test_open_and_deployed_runs_stay(aged: Contexta) -> None:
    store = aged.metadata_store
    store.runs.put_run(a_run("p", "run-1", status="open", ended_at=None, started_at="2025-02-11T08:00:00Z"))
    store.deployments.put_deployment_execution(
        DeploymentExecution(
            deployment_execution_ref="deployment:p.live",
            project_ref="project:p",
            deployment_name="live",
            status="open",
            started_at="2025-02-15T08:00:00Z",
            run_ref="run:p.run-0",
        )
    )
    cleanup = aged.gc(keep_last=1, dry_run=False)
    assert cleanup.runs == ()
    assert cleanup.kept == ("run:p.run-0: it is deployed", "run:p.run-1: it is still open")


def test_old_unreferenced_object_is_deleted(aged: Contexta) -> None:
    objects = aged._opened().objects
    fresh, old = objects.put(b"fresh"), objects.put(b"old")
    age(Path(objects.path(old)))
    assert aged.gc(dry_run=False).objects >= 1  # the body that the end of the live run completed is one more
    assert (objects.exists(fresh), objects.exists(old)) == (True, False)


def test_object_that_only_a_new_journal_names_stays(aged: Contexta) -> None:
    aged.gc(dry_run=False)
    run = aged.run("going-on", project="p")
    aged.list_runs()
    age_all(aged)
    assert aged.gc(dry_run=False).objects == 0
    run.finish()
    assert aged.get_environment("going-on").packages
    assert verify_directory(aged.root).damage == ()


def test_object_in_the_trash_of_a_killed_gc_is_put_back(aged: Contexta) -> None:
    snapshot = aged.get_environment("run-0")
    path = Path(Objects(aged.root / "objects").path(sha256(encode_body(snapshot)).hexdigest()))
    path.rename(aged.root / "objects" / f".trash-{path.parent.name}{path.name}")
    assert verify_directory(aged.root).damage
    aged.gc(dry_run=False)
    assert verify_directory(aged.root).damage == ()


def test_old_files_of_dead_processes_are_deleted(aged: Contexta) -> None:
    (aged.root / "bisect").mkdir()
    temporary_files = [aged.root / "objects" / ".123.abc", aged.root / "bisect" / ".45.0f"]
    for path in temporary_files:
        path.write_bytes(b"half")
    assert aged.gc(dry_run=False).leftovers == 0
    for path in temporary_files:
        age(path)
    assert aged.gc(dry_run=False).leftovers == 2
    assert not any(path.exists() for path in temporary_files)
    assert (aged.root / "objects" / ".salt").exists()


def test_gc_waits_for_a_backup(aged: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contexta.store.backends.maintenance_lock.PATIENCE", 0.1)
    with alone(aged.root), pytest.raises(WorkspaceError, match="another process"):
        aged.gc(dry_run=False)


def test_journal_name_in_a_database_is_never_used_as_a_path(aged: Contexta, tmp_path: Path) -> None:
    precious = tmp_path / "precious.jsonl"
    precious.write_text("mine")
    aged.close()
    with closing(sqlite3.connect(aged.root / "contexta.db")) as raw:
        raw.execute("UPDATE journal SET name = '../../../precious.jsonl', bytes_check = 1")
        raw.commit()
    with Contexta(aged.root) as again:
        again.gc(keep_last=0, dry_run=False)
        again.verify()
    assert precious.read_text() == "mine"
