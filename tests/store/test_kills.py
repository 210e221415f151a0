"""Killed at any moment: nothing that was acknowledged is lost, and nothing is half there."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support import killing
from support.builders import put_run
from support.killing import ALL, Subject
from support.later_schema import VERSION, later_version

from contexta import Contexta
from contexta.core.errors import ContextaError, NotFound
from contexta.store.lifecycle.verify import verify_directory
from contexta.store.schema import tables

PROGRAMS = {
    "logging": """
        with Contexta(root) as ctx, ctx.run("logged", project="p") as run:
            said("0")
            for step in range(20):
                run.metric("x", float(step), step=step)
                said(str(step + 1))
    """,
    "append": """
        from contexta.contract import MetricPayload, MetricRecord, RecordEnvelope
        now = "2025-02-15T10:30:00Z"
        with Contexta(root) as ctx:
            for number in range(6):
                envelope = RecordEnvelope(record_ref=f"record:p.run-0.n{number}", record_type="metric", recorded_at=now,
                    observed_at=now, producer_ref="tests", run_ref="run:p.run-0")
                payload = MetricPayload(metric_key="y", value=float(number), value_type="float64")
                ctx.record_store.append(MetricRecord(envelope=envelope, payload=payload))
                said(str(number + 1))
    """,
    "ingest": """
        with Contexta(root) as ctx:
            ctx.list_runs()
            said("taken in")
    """,
    "backup": """
        with Contexta(root) as ctx:
            ctx.backup(root + "-backup.zip")
            said("backed up")
    """,
    "gc": """
        with Contexta(root) as ctx:
            ctx.gc(keep_last=1, dry_run=False)
            said("cleaned")
    """,
    "restore": """
        Contexta.restore(root + "/saved.zip", root + "-again")
        said("restored")
    """,
    "migration": """
        from pathlib import Path
        sys.path.insert(0, os.environ["CONTEXTA_TESTS"])
        from support.later_schema import later_version
        with later_version(Path(root)), Contexta(Path(root) / "old") as ctx:
            ctx.get_run("old")
            said("upgraded")
    """,
}
POINTS = 300
UNCHECKED = "were not checked"  # the files of ``made``, and incomplete ones


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of three old runs, two live ones that are not ingested, a backup of it, and an older workspace."""
    root = tmp_path_factory.mktemp("made") / "ws"
    with Contexta(root) as ctx:
        for number in range(3):
            started = f"2025-02-1{number}T08:00:00Z"
            packages = {"a": str(number)}
            put_run(ctx, f"run-{number}", metrics={"x": 1.5}, environment={"packages": packages}, started_at=started)
        for _ in range(2):
            with ctx.run("live", project="q") as run:
                run.params({"lr": 0.1, "layers": 3})
                for step in range(POINTS):
                    run.metric("loss", 1 / (step + 1), step=step)
    shutil.copytree(root, root.parent / "copy")
    with Contexta(root.parent / "copy") as copy:
        copy.backup(root / "saved.zip")
    with Contexta(root / "old") as ctx, ctx.run("old", project="p") as run:
        run.metric("accuracy", 0.91)
    with Contexta(root / "old") as ctx:
        ctx.list_runs()
    old = time.time() - 48 * 3600
    for path in (root / "objects").glob("??/*"):
        os.utime(path, (old, old))
    return root


def subject(kind: str, made: Path, tmp_path: Path) -> Subject:
    def prepare(name: str) -> list[str]:
        place = tmp_path / f"{kind}-{name}"
        shutil.copytree(made, place)
        return [os.fspath(place)]

    def look(arguments: list[str], acknowledged: int) -> None:
        check(kind, Path(arguments[0]), acknowledged)
        shutil.rmtree(arguments[0])

    return Subject(PROGRAMS[kind], prepare, look)


def check(kind: str, root: Path, acknowledged: int) -> None:
    """acknowledged: the number of lines that the process printed. The workspace must be sound and contain their
    records."""
    with Contexta(root) as ctx:
        CHECKS[kind](ctx, acknowledged)
        live = ctx.list_runs("q")
        if kind != "gc":
            assert len(live) == 2
        for run in live:
            assert run.status == "completed"
            assert run.stages[0].metrics[0].points == POINTS
            assert ctx.get_run(str(run.run_ref)).params == {"lr": 0.1, "layers": 3}
            assert ctx.get_environment(str(run.run_ref)).packages
        ctx.get_environment("run-2")
    verification = verify_directory(root)
    assert verification.damage == ()
    assert [note for note in verification.notes if UNCHECKED not in note] == []


def _logged(ctx: Contexta, acknowledged: int) -> None:
    try:
        run = ctx.get_run("run:p.logged")
    except NotFound:
        assert acknowledged == 0
        return
    points = run.stages[0].metrics[0].points if run.stages else 0
    assert min(acknowledged - 1, 20) <= points <= 20
    assert run.status == ("completed" if acknowledged == ALL else run.status)


def _appended(ctx: Contexta, acknowledged: int) -> None:
    records = ctx.record_store.list_records("run:p.run-0")
    mine = [record for record in records if ".n" in str(record.envelope.record_ref)]
    assert min(acknowledged, 6) <= len(mine) <= 6
    metrics = {metric.metric_key: metric.points for stage in ctx.get_run("run-0").stages for metric in stage.metrics}
    assert metrics.get("y", 0) == len(mine)


def _taken_in(ctx: Contexta, _: int) -> None:
    assert len(ctx.list_runs()) == 5


def _backed_up(ctx: Contexta, acknowledged: int) -> None:
    backup, again = Path(f"{ctx.root}-backup.zip"), Path(f"{ctx.root}-again")
    if not backup.exists():
        assert acknowledged == 0
        return
    Contexta.restore(backup, again)
    with Contexta(again) as restored:
        assert [run.run_ref for run in restored.list_runs()] == [run.run_ref for run in ctx.list_runs()]
    assert verify_directory(again).sound
    shutil.rmtree(again)
    backup.unlink()


def _cleaned(ctx: Contexta, acknowledged: int) -> None:
    before = {run.run_ref.name for run in ctx.list_runs("p")}
    assert "run-2" in before
    assert acknowledged == 0 or before == {"run-2"}
    for name in before:
        assert ctx.get_run(name).metrics == {"x": 1.5}
        assert ctx.get_environment(name).packages
    ctx.gc(keep_last=1, dry_run=False)
    assert [run.run_ref.name for run in ctx.list_runs("p")] == ["run-2"]
    with ctx.run("live", project="q") as run:
        assert run.ref == "run:q.live-3"
    ctx.gc(keep_last=1, dry_run=False)  # this third one has no parameters
    assert [run.run_ref.name for run in ctx.list_runs("q")] == ["live-3"]
    ctx.gc(keep_last=0, dry_run=False)
    put_run(ctx, "run-2", metrics={"x": 1.5}, environment={})


def _restored(ctx: Contexta, acknowledged: int) -> None:
    again = Path(f"{ctx.root}-again")
    if not again.exists():
        assert acknowledged == 0
        Contexta.restore(ctx.root / "saved.zip", again)
    with Contexta(again) as restored:
        assert {str(run.run_ref) for run in restored.list_runs()} == {str(run.run_ref) for run in ctx.list_runs()}
    assert verify_directory(again).sound
    shutil.rmtree(again)
    for rest in ctx.root.parent.glob(f".{again.name}.*"):
        shutil.rmtree(rest)


def _upgraded(ctx: Contexta, _: int) -> None:
    root = ctx.root / "old"
    with closing(sqlite3.connect(root / "contexta.db")) as raw:
        ((version,),) = raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchall()
    assert version in (tables.SCHEMA_VERSION, VERSION)
    if version == tables.SCHEMA_VERSION:
        assert verify_directory(root).sound
    with later_version(ctx.root), Contexta(root) as old:
        assert old.get_run("old").metrics == {"accuracy": 0.91}
        assert old.upgrade().before == VERSION
        assert verify_directory(root).sound


CHECKS: dict[str, Callable[[Contexta, int], None]] = {
    "logging": _logged,
    "append": _appended,
    "ingest": _taken_in,
    "backup": _backed_up,
    "gc": _cleaned,
    "restore": _restored,
    "migration": _upgraded,
}


@killing.traced
@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_killed_at_some_system_call(kind: str, made: Path, tmp_path: Path) -> None:
    killed = subject(kind, made, tmp_path)
    calls = killing.calls_of(killed, tmp_path / "trace")
    assert len(calls) > 10
    assert killing.at(killed, calls[len(calls) * 2 // 3])


@killing.traced
@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_killed_at_every_system_call(kind: str, made: Path, tmp_path: Path) -> None:
    killed = subject(kind, made, tmp_path)
    calls = killing.calls_of(killed, tmp_path / "trace")
    trials = killing.some(calls, int(os.environ.get("KILLS", "12")))
    deaths = sum(killing.at(killed, call) for call in trials)
    print(f"{kind}: {len(calls)} calls, {len(trials)} trials, {deaths} killed")  # the figure in docs
    assert deaths >= 0.9 * len(trials)


@killing.posix
@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_killed_at_random_moments(kind: str, made: Path, tmp_path: Path) -> None:
    trials = int(os.environ.get("KILLS", "12")) // 2
    started = killing.at_random(subject(kind, made, tmp_path), trials, kind)
    print(f"{kind}: {started} started at random, {trials} killed")  # the figure in docs


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_full_disk_is_reported_and_recording_recovers(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        with Contexta(place / "ws") as ctx:
            put_run(ctx, "first", metrics={"x": 1.5})
            saved = tmp_path / "saved.zip"
            ctx.backup(saved)
            with (place / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
                while True:
                    file.write(bytes(4096))
            with pytest.raises(ContextaError, match="free some space|No space"):
                for number in range(1_000):
                    put_run(ctx, f"more-{number}", metrics={"x": 2.5}, environment={"packages": {"a": str(number)}})
            with pytest.raises(ContextaError, match="cannot be (written|locked).*full|space"):
                ctx.backup(place / "saved.zip")
            with pytest.raises(ContextaError, match="bytes, and|cannot be restored"):
                Contexta.restore(saved, place / "again")
            assert sorted(path.name for path in place.iterdir()) == ["ballast", "ws"]
            stored = ctx.list_runs()
            assert ctx.get_run("first").metrics == {"x": 1.5}
            (place / "ballast").unlink()
            put_run(ctx, "last", metrics={"x": 3.5}, environment={})
            assert {run.run_ref for run in stored} < {run.run_ref for run in ctx.list_runs()}
        assert verify_directory(place / "ws").damage == ()
    finally:
        subprocess.run(["umount", place], check=True)
