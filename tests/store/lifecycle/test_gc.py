"""What nobody needs is given back; what somebody needs, or may need in a moment, stays."""

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
def lived(made: Path, tmp_path: Path) -> Iterator[Contexta]:
    shutil.copytree(made, tmp_path / ".contexta")
    with Contexta(tmp_path / ".contexta") as ctx:
        yield ctx


def test_nothing_is_removed_without_being_asked_to(lived: Contexta, cli: Cli) -> None:
    before = sorted(lived.root.rglob("*"))
    done = cli("gc", "--keep-last", "1")
    assert done.returncode == 0
    assert "Would remove 2 runs" in done.stdout
    assert "run:p.run-0" in done.stdout
    assert [path for path in sorted(lived.root.rglob("*")) if path.name != "maintenance.lock"] == before
    assert len(lived.list_runs()) == 4


def test_old_runs_go_with_what_only_they_needed(lived: Contexta) -> None:
    found = lived.gc(keep_last=2, dry_run=False)
    assert [str(ref) for ref in found.runs] == ["run:p.run-0"]
    assert (found.objects >= 1, found.journals) == (True, 1)
    assert {run.run_ref.name for run in lived.list_runs()} == {"run-1", "run-2", "live"}
    for name in ("run-1", "run-2"):
        assert lived.get_environment(name).packages == {"a": "2"}
        assert lived.get_run(name).metrics == {"x": 1.5}
    assert lived.get_environment("live").packages
    assert verify_directory(lived.root).damage == ()
    again = lived.gc(keep_last=2, dry_run=False)
    assert (again.runs, again.objects, again.journals, again.leftovers) == ((), 0, 0, 0)


def test_the_reference_of_a_removed_run_is_not_given_again(lived: Contexta) -> None:
    with lived.run("live", project="other") as run:
        assert run.ref == "run:other.live-2"
    lived.list_runs()
    lived.gc(keep_last=0, dry_run=False)
    assert lived.list_runs() == ()
    assert verify_directory(lived.root).damage == ()
    with lived.run("live", project="other") as run:
        assert run.ref == "run:other.live-3"
    assert [run.run_ref.name for run in lived.list_runs()] == ["live-3"]


def test_open_and_deployed_runs_stay(lived: Contexta) -> None:
    store = lived.metadata_store
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
    found = lived.gc(keep_last=1, dry_run=False)
    assert found.runs == ()
    assert found.kept == ("run:p.run-0: it is deployed", "run:p.run-1: it is still open")


def test_an_object_that_nothing_refers_to_goes_when_it_is_old(lived: Contexta) -> None:
    objects = lived._opened().objects
    fresh, old = objects.put(b"fresh"), objects.put(b"old")
    age(Path(objects.path(old)))
    assert lived.gc(dry_run=False).objects >= 1  # the body that the end of the live run completed is one more
    assert (objects.exists(fresh), objects.exists(old)) == (True, False)


def test_what_a_journal_that_is_still_to_be_read_speaks_of_stays(lived: Contexta) -> None:
    lived.gc(dry_run=False)
    run = lived.run("going-on", project="p")
    lived.list_runs()
    age_all(lived)
    assert lived.gc(dry_run=False).objects == 0
    run.finish()
    assert lived.get_environment("going-on").packages
    assert verify_directory(lived.root).damage == ()


def test_what_lay_in_the_trash_when_its_remover_died_is_put_back(lived: Contexta) -> None:
    snapshot = lived.get_environment("run-0")
    path = Path(Objects(lived.root / "objects").path(sha256(encode_body(snapshot)).hexdigest()))
    path.rename(lived.root / "objects" / f".trash-{path.parent.name}{path.name}")
    assert verify_directory(lived.root).damage
    lived.gc(dry_run=False)
    assert verify_directory(lived.root).damage == ()


def test_leftovers_of_dead_processes_go(lived: Contexta) -> None:
    left = lived.root / "objects" / ".123.abc"
    left.write_bytes(b"half")
    assert lived.gc(dry_run=False).leftovers == 0
    age(left)
    assert lived.gc(dry_run=False).leftovers == 1
    assert not left.exists()
    assert (lived.root / "objects" / ".salt").exists()


def test_cleaning_waits_for_a_backup(lived: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contexta.store.backends.maintenance_lock.PATIENCE", 0.1)
    with alone(lived.root), pytest.raises(WorkspaceError, match="another process"):
        lived.gc(dry_run=False)


def test_a_name_in_a_database_that_came_from_elsewhere_is_no_path(lived: Contexta, tmp_path: Path) -> None:
    precious = tmp_path / "precious.jsonl"
    precious.write_text("mine")
    lived.close()
    with closing(sqlite3.connect(lived.root / "contexta.db")) as raw:
        raw.execute("UPDATE journal SET name = '../../../precious.jsonl', bytes_check = 1")
        raw.commit()
    with Contexta(lived.root) as again:
        again.gc(keep_last=0, dry_run=False)
        again.verify()
    assert precious.read_text() == "mine"
