"""`verify` finds and names damage, and reports no damage in sound workspaces."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.contract import ArtifactManifest, StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import WorkspaceTooNew
from contexta.recorder.journal.objects import Objects
from contexta.store.lifecycle.verify import verify_directory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of runs put by hand and live ones, closed."""
    root = tmp_path_factory.mktemp("made") / "ws"
    with Contexta(root) as ctx:
        for name in ("one", "two"):
            metrics = {"accuracy": 0.91, "loss": float("nan"), "big": 10**30, "small": -0.0}
            put_run(ctx, name, metrics=metrics, environment={}, stage="train")
        from support.builders import END, an_envelope

        ctx.record_store.append(
            StructuredEventRecord(
                envelope=an_envelope("p", "one", "event", record_type="event"),
                payload=StructuredEventPayload(event_key="saved", level="info", message="a checkpoint"),
            )
        )
        ctx.metadata_store.artifacts.put_artifact_manifest(
            ArtifactManifest(
                artifact_ref="artifact:p.one.model",
                artifact_kind="model",
                created_at=END,
                producer_ref="tests",
                run_ref="run:p.one",
                location_ref="s3://models/one",
            )
        )
        for number in range(3):
            with ctx.run("live", project="p") as run:
                run.params({"lr": 0.1, "layers": number, "name": "größer"})
                run.tag("kind", "test")
                run.note("tests", "a note")
                with run.stage("train") as stage:
                    for step in range(400):
                        stage.metric("loss", 1 / (step + 1), step=step)
                        stage.metric("tokens", step * 512, step=step)
        ctx.list_runs()
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / ".contexta")
    return tmp_path / ".contexta"


USED = """SELECT DISTINCT digest FROM environment_body JOIN environment ON
environment.environment_body_id = environment_body.id ORDER BY environment_body.id"""


def test_undamaged_workspace_is_sound(root: Path, cli: Cli) -> None:
    verification = verify_directory(root)
    assert (verification.sound, verification.damage, verification.notes) == (True, (), ())
    assert verification.checked["points"] == 3 * 800 + 8
    assert verification.checked["journals"] == 3
    done = cli("verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "No damage found" in done.stdout


def test_damaged_object_is_named_with_its_runs(root: Path, cli: Cli) -> None:
    with closing(sqlite3.connect(root / "contexta.db")) as raw:
        digests = [digest for (digest,) in raw.execute(USED)]
    first, second = (root / "objects" / digest[:2] / digest[2:] for digest in digests[:2])
    first.write_bytes(first.read_bytes() + b" ")
    second.unlink()
    verification = {item.name: item for item in verify_directory(root).damage}
    assert verification[digests[0]].run_refs == ("run:p.one", "run:p.two")
    assert verification[digests[1]].detail == "it is missing"
    done = cli("verify", "--json")
    assert done.returncode == 1
    assert {item["name"] for item in json.loads(done.stdout)["damage"]} == set(digests[:2])
    screen = cli("verify").stdout
    assert digests[0] in screen
    assert "restore" in screen


def test_missing_artifact_is_named_with_its_run(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with ctx.run("r", project="p") as run:
        run.artifact("model", tmp_path / "model.bin", kind="model")
    ctx.list_runs()
    path = Path(Objects(ctx.root / "objects").path(sha256(b"weights").hexdigest()))
    path.write_bytes(b"weight5")
    assert [(item.kind, item.run_refs) for item in verify_directory(ctx.root).damage] == [("object", ("run:p.r",))]
    path.unlink()
    assert [(item.detail, item.run_refs) for item in verify_directory(ctx.root).damage] == [
        ("it is missing", ("run:p.r",))
    ]


def test_damaged_journal_is_named(root: Path) -> None:
    path = root / "journal" / "ended" / "p.live.jsonl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    (root / "journal" / "ended" / "p.live-2.jsonl").unlink()
    verification = {(item.kind, item.name, item.run_refs) for item in verify_directory(root).damage}
    assert verification == {
        ("journal", "p.live.jsonl", ("run:p.live",)),
        ("journal", "p.live-2.jsonl", ("run:p.live-2",)),
    }


def test_database_that_cannot_be_opened_is_reported(root: Path, cli: Cli) -> None:
    data = bytearray((root / "contexta.db").read_bytes())
    data[0:16] = bytes(16)
    (root / "contexta.db").write_bytes(data)
    done = cli("verify")
    assert done.returncode == 1
    assert "damaged" in done.stdout


def content(database: Path) -> Any:
    """Every row of every table by a scan of the table, and the schema; None when it cannot all be read."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as raw:
            raw.text_factory = bytes
            schema = raw.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            names = sorted(row[1].decode() for row in schema if row[0] == b"table")
            return schema, [raw.execute(f"SELECT * FROM {name} NOT INDEXED").fetchall() for name in names]
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def flipped(root: Path, made: Path, turn: int) -> tuple[str, bool, bool]:
    """Flip one byte of the workspace. (what kind of file, whether stored content changed, whether verify finds it)"""
    chance = random.Random(turn)
    kind = ("database", "journal", "object")[turn % 3 if turn % 2 else 0]
    files = {
        "database": [made / "contexta.db"],
        "journal": sorted((made / "journal" / "ended").iterdir()),
        "object": sorted((made / "objects").glob("??/*")),
    }[kind]
    source = chance.choice(files)
    target = root / source.relative_to(made)
    data = bytearray(source.read_bytes())
    data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    target.write_bytes(data)
    try:
        changed = kind != "database" or content(target) != CONTENT[made]
        return kind, changed, not verify_directory(root).sound
    except WorkspaceTooNew:
        return kind, changed, True  # the flip made the schema version a higher one
    finally:
        shutil.copyfile(source, target)
        for rest in ("-wal", "-shm"):
            Path(f"{root / 'contexta.db'}{rest}").unlink(missing_ok=True)


CONTENT: dict[Path, Any] = {}


def flip(root: Path, made: Path, turns: int) -> tuple[Counter[str], Counter[str]]:
    """(flips that changed stored content, those of them that were found), by kind of file."""
    CONTENT[made] = content(made / "contexta.db")
    changed: Counter[str] = Counter()
    result: Counter[str] = Counter()
    for turn in range(turns):
        kind, matters, noticed = flipped(root, made, turn)
        changed[kind] += matters
        result[kind] += matters and noticed
    return changed, result


def test_changed_bytes_are_reported(root: Path, made: Path) -> None:
    changed, result = flip(root, made, 150)
    assert changed["database"] > 10
    assert result == changed


@pytest.mark.slow
def test_at_least_99_percent_of_changed_bytes_are_reported(root: Path, made: Path) -> None:
    changed, result = flip(root, made, int(os.environ.get("FLIPS", "2000")))
    print(f"content changed by {dict(changed)}, found {dict(result)}")  # the figure in docs
    assert result.total() >= 0.99 * changed.total()


_UNPRIVILEGED = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]  # root may write everything


def looked_at_read_only(root: Path, verb: str) -> subprocess.CompletedProcess[str]:
    """The report for a user without write access to the workspace."""
    if sys.platform != "linux" or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("nobody here may not write")
    everything = [root, *root.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        before = _UNPRIVILEGED if os.geteuid() == 0 else []
        command = [*before, sys.executable, "-m", "contexta.cli", verb, "--workspace", os.fspath(root)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_read_only_workspace_is_no_damage(root: Path) -> None:
    verification = looked_at_read_only(root, "verify")
    assert (verification.returncode, verification.stderr) == (0, "")
    assert "No damage found" in verification.stdout
    assert "cannot be read and written" in looked_at_read_only(root, "doctor").stdout.replace("\n", " ")


def test_read_only_log_with_pending_writes_is_reported(root: Path) -> None:
    with closing(sqlite3.connect(root / "contexta.db")) as raw:
        raw.execute("PRAGMA user_version = 7")
        raw.commit()
        for name in ("contexta.db", "contexta.db-wal"):
            shutil.copy(root / name, root / f"{name}.copy")
    for name in ("contexta.db", "contexta.db-wal"):  # as a process leaves them that dies
        (root / f"{name}.copy").replace(root / name)
    verification = looked_at_read_only(root, "verify")
    assert (verification.returncode, verification.stdout) == (2, "")
    assert "may write" in verification.stderr
    assert verify_directory(root).damage == ()
