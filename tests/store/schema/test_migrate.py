"""Creating the schema, and workspaces of older and newer versions."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.later_schema import VERSION, later_version
from support.servers import Server

from contexta import Contexta
from contexta.core.errors import WorkspaceError, WorkspaceTooNew
from contexta.store.backends.postgres import Postgres
from contexta.store.backends.sqlite import Sqlite
from contexta.store.schema import sqlite_ddl, tables

SCHEMA_SHA256 = "eebd5bc3517f85e9"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of this version with a run in it."""
    root = tmp_path_factory.mktemp("made") / "ws"
    with Contexta(root) as ctx:
        fill(ctx)
    return root


@pytest.fixture
def old(workspace: Path, tmp_path: Path) -> Path:
    shutil.copytree(workspace, tmp_path / "old")
    return tmp_path / "old"


def fill(ctx: Contexta) -> None:
    with ctx.run("old", project="p") as run:
        run.param("lr", 0.1)
        run.note("gpu", "none")
        with run.stage("train") as stage:
            for step in range(200):
                stage.metric("accuracy", 0.5 + step / 1000, step=step)
    ctx.list_runs()


def require_content(ctx: Contexta) -> None:
    run = ctx.get_run("old")
    assert (run.params, run.metrics) == ({"lr": 0.1}, {"accuracy": 0.5 + 199 / 1000})
    assert "none" in [note.text for note in run.notes]


def version_of(root: Path) -> str:
    with closing(sqlite3.connect(root / "contexta.db")) as raw:
        ((version,),) = raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchall()
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return str(version)


def set_version(root: Path, version: str, *statements: str) -> bytes:
    """Returns the bytes of the database afterwards."""
    with closing(sqlite3.connect(root / "contexta.db")) as raw:
        raw.execute(f"UPDATE {tables.VERSION_TABLE} SET version_num = '{version}'")
        for statement in statements:
            raw.execute(statement)
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (root / "contexta.db").read_bytes()


def test_a_changed_schema_needs_a_new_revision() -> None:
    """Until the first release: change this digest with the tables. From then on: freeze v0005 and add a revision."""
    definitions = repr(sorted(sqlite_ddl.expected_definitions(), key=repr))
    assert sha256(definitions.encode()).hexdigest()[:16] == SCHEMA_SHA256


def test_the_schema_is_the_same_on_a_server(database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    by_expression = ("uq_metric_series", "ix_run_duration")  # Alembic does not compare these
    options = {
        "version_table": tables.VERSION_TABLE,
        "include_object": lambda _, name, *__: name not in by_expression,
    }
    opened = Postgres(database)
    with opened.transaction(writing=False) as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)
    opened.close()
    assert [difference for difference in differences if not _is_comment(difference)] == []


def _is_comment(difference: Any) -> bool:
    return isinstance(difference, list) and all(part[0] == "modify_comment" for part in difference)


# ---------------------------------------------------------------------------------------------- older


def test_an_older_directory_is_copied_and_upgraded_once(old: Path, tmp_path: Path) -> None:
    with later_version(tmp_path):
        for _ in range(2):
            with Contexta(old) as ctx:
                require_content(ctx)
    assert version_of(old) == VERSION
    (copy,) = old.glob(f"contexta-schema-{tables.SCHEMA_VERSION}-*.db")
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchall() == [(tables.SCHEMA_VERSION,)]
        assert raw.execute("SELECT ref FROM run").fetchall() == [("run:p.old",)]


def test_upgrade_names_both_schemas_and_the_copy(old: Path, tmp_path: Path) -> None:
    with later_version(tmp_path):
        upgrades = [Contexta(old).upgrade() for _ in range(2)]
    assert [(upgrade.before, upgrade.after) for upgrade in upgrades] == [("0005", VERSION), (VERSION, VERSION)]
    assert upgrades[0].copy_kept is not None
    assert Path(upgrades[0].copy_kept).exists()
    assert upgrades[1].copy_kept is None


def test_an_older_server_is_refused_until_it_is_upgraded(database: str, tmp_path: Path) -> None:
    with Contexta(database) as ctx:
        fill(ctx)
    with later_version(tmp_path):
        with pytest.raises(WorkspaceError, match="schema 0005.*needs") as refusal, Contexta(database) as ctx:
            ctx.list_runs()
        assert "contexta upgrade" in (refusal.value.hint or "")
        assert Contexta(database).upgrade().after == VERSION
        with Contexta(database) as ctx:
            require_content(ctx)


def test_failed_upgrade_leaves_the_old_schema_with_a_reason(old: Path, tmp_path: Path) -> None:
    set_version(old, tables.SCHEMA_VERSION, "UPDATE stage SET run_id = 77")  # this connection checks no references
    with later_version(tmp_path), pytest.raises(Exception, match=r"refers to rows|restore"), Contexta(old) as ctx:
        ctx.list_runs()
    assert version_of(old) == tables.SCHEMA_VERSION


_UPGRADE = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from contexta.store.backends.sqlite import Sqlite
from support.later_schema import later_version
with later_version(Path(sys.argv[1])):
    print('go', flush=True)
    Sqlite(Path(sys.argv[1])).upgrade()
"""
_TESTS = str(Path(__file__).parents[2])


def _kill_upgrade(root: Path, delay: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", _UPGRADE, str(root), _TESTS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="kills")
@pytest.mark.parametrize("trials", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_upgrade_leaves_the_old_or_the_new_schema(workspace: Path, tmp_path: Path, trials: int) -> None:
    moments = random.Random(7)
    versions = set()
    for trial in range(trials):
        root = tmp_path / f"trial-{trial}"
        shutil.copytree(workspace, root)
        _kill_upgrade(root, moments.uniform(0.0, 0.6))
        versions.add(version_of(root))
        for copy in root.glob("contexta-schema-*.db"):
            with closing(sqlite3.connect(copy)) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with later_version(tmp_path), Contexta(root) as ctx:
            require_content(ctx)
        shutil.rmtree(root)
    assert versions <= {tables.SCHEMA_VERSION, VERSION}


def test_an_upgrade_that_another_process_did_is_left_alone(old: Path, tmp_path: Path) -> None:
    with later_version(tmp_path):
        slow = Sqlite(old)
        assert Sqlite(old).upgrade() is not None
        assert slow.upgrade() is None
        slow.close()


# ---------------------------------------------------------------------------------------------- never released


@pytest.mark.parametrize("verb", ["list_runs", "upgrade", "verify"])
def test_a_directory_of_a_development_version_is_refused_and_unchanged(old: Path, verb: str) -> None:
    before = set_version(old, "0003", "CREATE TABLE seal (part TEXT)")
    with pytest.raises(WorkspaceError, match="schema 0003 of a development version") as refusal:
        getattr(Contexta(old), verb)()
    assert "another workspace" in (refusal.value.hint or "")
    assert (old / "contexta.db").read_bytes() == before


def test_a_server_of_a_development_version_is_refused(database: str, server: Server, cli: Cli) -> None:
    server.ask(database, f"UPDATE {tables.VERSION_TABLE} SET version_num = '0003'")
    done = cli("runs", "--workspace", database)
    assert (done.returncode, done.stdout) == (2, "")
    assert "schema 0003 of a development version" in done.stderr.replace("\n", " ")
    assert "hint: " in done.stderr


# ---------------------------------------------------------------------------------------------- newer


def test_a_newer_server_is_refused_with_both_versions(database: str, server: Server) -> None:
    server.ask(database, f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'")
    for verb in ("list_runs", "verify"):
        with pytest.raises(WorkspaceTooNew, match=f"schema 9999.*up to {tables.SCHEMA_VERSION}"):
            getattr(Contexta(database), verb)()


@pytest.mark.parametrize("verb", ["list_runs", "upgrade", "verify"])
@pytest.mark.parametrize("statement", ["CREATE TABLE novelty (x)", "ALTER TABLE run ADD COLUMN novelty"])
def test_a_newer_directory_is_refused_and_unchanged(old: Path, verb: str, statement: str) -> None:
    before = set_version(old, "9999", statement)
    with pytest.raises(WorkspaceTooNew, match=f"schema 9999.*up to {tables.SCHEMA_VERSION}") as refusal:
        getattr(Contexta(old), verb)()
    assert "restore" not in (refusal.value.hint or "")
    assert (old / "contexta.db").read_bytes() == before


# ---------------------------------------------------------------------------------------------- at once


def test_a_server_database_of_another_program_is_refused(server: Server) -> None:
    address = server.empty()
    server.ask(address, "CREATE TABLE run (x int)")
    with pytest.raises(WorkspaceError, match="tables of other programs: run"):
        Contexta(workspace=address).list_runs()
    assert server.ask(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def _at_once(count: int, arguments: Callable[[int], list[str]], code: str) -> list[int]:
    running = [subprocess.Popen([sys.executable, "-c", code, *arguments(number)]) for number in range(count)]
    return [process.wait(120) for process in running]


def test_concurrent_processes_upgrade_once(old: Path) -> None:
    assert _at_once(3, lambda _: [str(old), _TESTS], _UPGRADE) == [0, 0, 0]
    assert len(list(old.glob("contexta-schema-*.db"))) == 1


def test_concurrent_processes_create_the_tables_of_a_server_once(server: Server) -> None:
    address = server.empty()
    code = (
        "import sys; from contexta import Contexta; from contexta.contract import Project\n"
        "with Contexta(workspace=sys.argv[1]) as ctx:\n"
        "    ctx.metadata_store.projects.put_project(\n"
        "        Project(project_ref=f'project:p{sys.argv[2]}', name='x', created_at='2025-01-01T00:00:00Z'))"
    )
    assert _at_once(4, lambda number: [address, str(number)], code) == [0] * 4
    with Contexta(workspace=address) as ctx:
        assert len(ctx.list_projects()) == 4
