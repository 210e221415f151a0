"""A backup contains the complete workspace or is refused; a restored workspace is complete or absent."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run
from support.later_schema import VERSION, later_version
from support.paths import SOURCE

from contexta import Contexta
from contexta.core.errors import ContextaError, DamagedData, InvalidInput, WorkspaceError, WorkspaceTooNew


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a workspace that has a run put by hand and a live one, and a backup of it."""
    folder = tmp_path_factory.mktemp("made")
    with Contexta(folder / ".contexta") as ctx:
        put_run(ctx, "by-hand", metrics={"accuracy": 0.91, "loss": float("nan")}, environment={}, stage="train")
        with ctx.run("live", project="p") as run:
            run.param("lr", 0.1)
            for step in range(100):
                run.metric("loss", 1 / (step + 1), step=step)
        ctx.backup(folder / "saved.zip")
    return folder


@pytest.fixture
def saved(made: Path, tmp_path: Path) -> Path:
    """A backup in the directory of the test, next to its workspace."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "saved.zip"


def everything(ctx: Contexta) -> Any:
    runs = ctx.list_runs()
    return [
        (
            ctx.get_run(str(run.run_ref)),
            ctx.record_store.list_records(str(run.run_ref)),
            ctx.metadata_store.environments.list_environment_snapshots(str(run.run_ref)),
        )
        for run in runs
    ]


def test_restored_workspace_equals_the_original(ctx: Contexta, saved: Path, tmp_path: Path) -> None:
    backup = Contexta.restore(saved, tmp_path / "again" / ".contexta")
    assert (backup.runs, backup.damaged) == (2, ())
    with Contexta(workspace=tmp_path / "again" / ".contexta") as again:
        assert repr(everything(again)) == repr(everything(ctx))  # repr: NaN is no equal of itself
        with again.run("live", project="p") as run:
            assert run.ref == "run:p.live-2"  # names stay taken
    assert [path.name for path in (tmp_path / "again").iterdir()] == [".contexta"]


def test_backup_during_live_runs_contains_every_acknowledged_record(tmp_path: Path) -> None:
    program = """
        import sys
        from contexta import Contexta
        with Contexta(sys.argv[1]) as ctx:
            for number in range(1000):
                with ctx.run("r", project="p") as run:
                    for step in range(50):
                        run.metric("x", float(step), step=step)
                    print(number, flush=True)
    """
    root = tmp_path / "ws"
    arguments = [sys.executable, "-c", textwrap.dedent(program), os.fspath(root)]
    source = os.fspath(SOURCE)
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": source}
    ) as process:
        assert process.stdout is not None
        try:
            for turn in range(2):
                acknowledged = int([process.stdout.readline() for _ in range(5)][-1])
                with Contexta(root) as ctx:
                    ctx.backup(tmp_path / f"{turn}.zip")
                Contexta.restore(tmp_path / f"{turn}.zip", tmp_path / f"again{turn}")
                with Contexta(tmp_path / f"again{turn}") as again:
                    runs = {run.run_ref.name: run for run in again.list_runs()}
                    for number in range(acknowledged + 1):
                        run = runs["r" if number == 0 else f"r-{number + 1}"]
                        assert run.stages[0].metrics[0].points == 50
        finally:
            process.kill()


def test_backup_and_restore_overwrite_nothing(ctx: Contexta, saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(InvalidInput, match="exists"):
        ctx.backup(saved)
    assert saved.read_bytes() == before
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").write_text("mine")
    with pytest.raises(InvalidInput, match="not empty"):
        Contexta.restore(saved, tmp_path / "used")
    with pytest.raises(InvalidInput, match="no directory"):
        Contexta.restore(saved, saved)
    (tmp_path / "empty").mkdir()
    Contexta.restore(saved, tmp_path / "empty")


def test_damaged_object_is_left_out_and_named(ctx: Contexta, saved: Path, tmp_path: Path, cli: Cli) -> None:
    path = next(path for path in sorted((ctx.root / "objects").glob("??/*")))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    done = cli("backup", "second.zip")
    assert done.returncode == 1
    assert path.parent.name + path.name in done.stdout
    assert Contexta.restore(tmp_path / "second.zip", tmp_path / "again").damaged[0].kind == "object"


def rewritten(
    saved: Path,
    change: Callable[[dict[str, bytes], list[tuple[zipfile.ZipInfo, bytes]]], None],
    *,
    honest: bool = True,
    **changes: Any,
) -> Path:
    """The backup with other files in it, and a manifest that agrees with them."""
    with zipfile.ZipFile(saved) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(files.pop("manifest.json"))
    more: list[tuple[zipfile.ZipInfo, bytes]] = []
    change(files, more)
    about.update(changes)
    manifest = files.pop("manifest.json", None)
    everything = [*((zipfile.ZipInfo(name), data) for name, data in files.items()), *more]
    if honest:
        about["files"] = {
            entry.filename: {"sha256": sha256(data).hexdigest(), "size": len(data)} for entry, data in everything
        }
    path = saved.with_name("evil.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in everything:
            entry.external_attr = entry.external_attr or (stat.S_IFREG | 0o600) << 16
            archive.writestr(entry, data)
        archive.writestr("manifest.json", manifest or json.dumps(about))
    return path


def _more(name: str, kind: int = stat.S_IFREG, data: bytes = b"x", packed: int = zipfile.ZIP_DEFLATED) -> Any:
    def change(_: Any, more: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (kind | 0o777) << 16
        entry.compress_type = packed
        more.append((entry, data))

    return change


_JOURNAL = "journal/p.evil.jsonl"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_more("../outside"), id="traversal"),
        pytest.param(_more("journal/../../outside"), id="traversal inside"),
        pytest.param(_more("/outside"), id="absolute"),
        pytest.param(_more("C:\\outside"), id="drive"),
        pytest.param(_more("journal\\p.r.jsonl"), id="backslash"),
        pytest.param(_more("journal/"), id="directory"),
        pytest.param(_more("journal/P.R.jsonl"), id="other case"),
        pytest.param(_more("contexta.db-wal"), id="a log beside the database"),
        pytest.param(_more("objects/ab/" + "c" * 62), id="object of another digest"),
        pytest.param(_more(_JOURNAL, stat.S_IFLNK, b"/etc/passwd"), id="link"),
        pytest.param(_more(_JOURNAL, stat.S_IFCHR), id="device"),
        pytest.param(_more(_JOURNAL, stat.S_IFIFO), id="pipe"),
        pytest.param(_more(_JOURNAL, packed=zipfile.ZIP_LZMA), id="packed otherwise"),
        pytest.param(_more(_JOURNAL, data=bytes(100_000_000)), id="bomb"),
        pytest.param(lambda files, _: files.pop("contexta.db"), id="no database"),
        pytest.param(lambda files, _: files.update({"contexta.db": b"nothing"}), id="no database at all"),
        pytest.param(lambda files, _: files.update({"manifest.json": b"{"}), id="no JSON"),
        pytest.param(lambda files, _: files.update({"manifest.json": b"[" * 100_000}), id="deep JSON"),
        pytest.param(lambda files, _: files.update({"manifest.json": b'{"format": "x"}'}), id="other format"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_foreign_entry_is_refused_before_anything_is_written(change: Any, saved: Path, tmp_path: Path) -> None:
    evil = rewritten(saved, change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ContextaError):
        Contexta.restore(evil, tmp_path / "new" / "again")
    after = sorted(tmp_path.rglob("*"))
    assert [path for path in after if path != tmp_path / "new"] == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON run BEGIN DELETE FROM run; END",
        "CREATE VIEW evil AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x FROM n",
        "UPDATE contexta_schema SET version_num = '0000'",
        "UPDATE contexta_schema SET version_num = '0001'",
        "UPDATE contexta_schema SET version_num = x'ff'",
        "DELETE FROM contexta_schema",
        "DROP TABLE run",
    ],
)
def test_database_with_a_foreign_schema_is_refused(statement: str, saved: Path, tmp_path: Path, cli: Cli) -> None:
    def change(files: dict[str, bytes], _: Any) -> None:
        path = tmp_path / "evil.db"
        path.write_bytes(files["contexta.db"])
        with closing(sqlite3.connect(path)) as raw:
            raw.execute(statement)
            raw.commit()
        files["contexta.db"] = path.read_bytes()

    evil = rewritten(saved, change)
    with pytest.raises(ContextaError):
        Contexta.restore(evil, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert "Traceback" not in cli("restore", str(evil), "--into", "again").stderr


def test_index_of_the_user_is_restored(ctx: Contexta, saved: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(ctx.root / "contexta.db")) as raw:
        raw.execute("CREATE INDEX mine ON run (description)")
    ctx.backup(tmp_path / "mine.zip")
    Contexta.restore(tmp_path / "mine.zip", tmp_path / "again")


def test_backup_of_an_older_version_is_restored_and_upgraded(saved: Path, tmp_path: Path) -> None:
    with later_version(tmp_path):
        Contexta.restore(saved, tmp_path / "again")
        with Contexta(tmp_path / "again") as again:
            assert again.upgrade().before == VERSION
            assert again.get_run("live").params
            assert again.verify().sound


def test_backup_of_an_unreleased_version_is_refused(saved: Path, tmp_path: Path) -> None:
    old = rewritten(saved, lambda *_: None, schema="0003")
    with pytest.raises(WorkspaceError, match="0003 of a development version"):
        Contexta.restore(old, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_name_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="twice"):
        Contexta.restore(rewritten(saved, _more("contexta.db")), tmp_path / "again")


def test_file_that_the_manifest_lacks_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="manifest"):
        Contexta.restore(rewritten(saved, _more(_JOURNAL), honest=False), tmp_path / "again")


def test_name_with_a_nul_is_refused(saved: Path, tmp_path: Path) -> None:
    path = rewritten(saved, _more(_JOURNAL))
    path.write_bytes(path.read_bytes().replace(_JOURNAL.encode(), _JOURNAL.replace("evil", "ev\0l").encode()))
    with pytest.raises(DamagedData):
        Contexta.restore(path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_entries_that_share_bytes_are_refused(saved: Path, tmp_path: Path) -> None:
    path = rewritten(saved, _more(_JOURNAL))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0].header_offset
    at = data.rindex(_JOURNAL.encode()) - 46  # its entry in the directory at the end
    data[at + 42 : at + 46] = first.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(DamagedData):
        Contexta.restore(path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_backup_of_a_newer_version_is_refused_with_that_reason(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        about = json.loads(archive.read("manifest.json"))
    newer = json.dumps({**about, "schema": "9999"}).encode()
    evil = rewritten(saved, lambda files, _: files.update({"manifest.json": newer}))
    with pytest.raises(WorkspaceTooNew, match="9999"):
        Contexta.restore(evil, tmp_path / "again")


def test_changed_byte_of_a_backup_is_refused_or_harmless(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        expected = repr(everything(ctx))
    restored = 0
    for turn in range(40):
        data = bytearray(whole)
        data[turn * len(data) // 40] ^= 1 << turn % 8
        (tmp_path / "flipped.zip").write_bytes(data)
        target = tmp_path / f"again{turn}"
        try:
            Contexta.restore(tmp_path / "flipped.zip", target)
        except ContextaError:
            assert not target.exists()
        else:
            restored += 1
            with Contexta(target) as again:
                assert repr(everything(again)) == expected
    assert restored < 6


def test_truncated_backup_is_refused(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.zip").write_bytes(whole[:size])
        with pytest.raises(ContextaError):
            Contexta.restore(tmp_path / "cut.zip", tmp_path / "again")
    with pytest.raises(ContextaError, match="no file"):
        Contexta.restore(tmp_path / "missing.zip", tmp_path / "again")


def test_commands_count_the_contents_of_a_backup(ctx: Contexta, saved: Path, cli: Cli) -> None:
    done = cli("restore", "saved.zip", "--into", "again")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(
        r"Restored saved.zip to again\nagain: 2 runs, \d objects, 1 journal; [\d.]+ kB unpacked, as of 20", done.stdout
    )
    manifest = json.loads(cli("backup", "other.zip", "--json").stdout)
    assert (manifest["runs"], manifest["damaged"]) == (2, [])
    assert cli("--workspace", "again", "runs").stdout == cli("runs").stdout
    refused = cli("restore", "saved.zip", "--into", "again")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not empty" in refused.stderr


def test_other_archive_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("contexta.db", b"SQLite format 3\0")
    (tmp_path / "x.zip").write_bytes(file.getvalue())
    with pytest.raises(DamagedData, match="no manifest"):
        Contexta.restore(tmp_path / "x.zip", tmp_path / "again")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """New files are readable by everyone unless their maker says otherwise."""
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_only_the_owner_can_read_a_backup_and_its_restored_salt(made: Path, tmp_path: Path, open_umask: None) -> None:
    file, into = tmp_path / "saved.zip", tmp_path / "restored"
    with Contexta(made / ".contexta") as ctx:
        ctx.backup(file)
    Contexta.restore(file, into)
    assert mode(file) == 0o600
    assert mode(into / "objects" / ".salt") == 0o600
    assert (into / "objects" / ".salt").read_bytes() == (made / ".contexta" / "objects" / ".salt").read_bytes()


def test_backup_without_the_salt_reports_that_and_can_be_restored(made: Path, tmp_path: Path, cli: Cli) -> None:
    file, into = tmp_path / "shared.zip", tmp_path / "restored"
    salt = (made / ".contexta" / "objects" / ".salt").read_bytes()
    done = cli("--workspace", str(made / ".contexta"), "backup", str(file), "--without-salt")
    assert done.returncode == 0
    assert "without the salt" in done.stdout
    with zipfile.ZipFile(file) as archive:
        assert all(salt not in archive.read(name) for name in archive.namelist())
    done = cli("restore", str(file), "--into", str(into))
    assert done.returncode == 0
    assert "without the salt" in done.stdout
    with Contexta(into) as ctx:
        with ctx.run("later", project="p") as run:
            run.param("password", "another one 5")
        assert {run.name for run in ctx.list_runs()} == {"by-hand", "live", "later"}
    assert (into / "objects" / ".salt").read_bytes() != salt
