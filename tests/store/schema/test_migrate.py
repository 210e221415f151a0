"""Workspaces of older and newer versions."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, an_old_workspace, build_0001
from support.servers import Server

from contexta import Contexta
from contexta.core.errors import WorkspaceError, WorkspaceTooNew
from contexta.store.backends.postgres import Postgres
from contexta.store.backends.sqlite import Sqlite
from contexta.store.schema import tables


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A workspace as the first version wrote it, with a run in it."""
    an_old_workspace(tmp_path / "old")
    return tmp_path / "old"


@pytest.fixture
def old_server(server: Server) -> str:
    address = server.empty()
    database = Postgres(address)
    with database.transaction(writing=True) as connection:
        build_0001(connection)
    database.close()
    return address


def _version(root: Path) -> str:
    connection = sqlite3.connect(root / "contexta.db")
    (found,) = connection.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchone()
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return str(found)


def _require_content(ctx: Contexta) -> None:
    run = ctx.get_run("old")
    assert (run.name, run.params, run.tags) == ("Old", {"lr": 0.1}, {"k": "v"})
    assert [(metric.metric_key, metric.value, metric.points) for metric in run.stages[0].metrics] == [
        ("accuracy", 0.91, 2)
    ]
    assert [note.text for note in run.notes] == ["none"]


def test_older_directory_is_copied_then_upgraded_when_it_is_opened(old: Path) -> None:
    before = sqlite3.connect(old / "contexta.db").execute("SELECT * FROM run").fetchall()
    with Contexta(workspace=old) as ctx:
        _require_content(ctx)
    assert _version(old) == tables.SCHEMA_VERSION
    (copy,) = old.glob("contexta-schema-0001-*.db")
    connection = sqlite3.connect(copy)
    assert connection.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchone() == ("0001",)
    assert connection.execute("SELECT * FROM run").fetchall() == before
    connection.close()
    with Contexta(workspace=old) as ctx:  # once is enough
        _require_content(ctx)
    assert len(list(old.glob("contexta-schema-*"))) == 1


def test_an_upgraded_directory_has_exactly_the_schema_of_a_new_one(old: Path, template: Path) -> None:
    Contexta(workspace=old).list_runs()

    def schema(path: Path) -> set[tuple[str, str]]:
        connection = sqlite3.connect(path)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        connection.close()
        return set(rows)

    assert schema(old / "contexta.db") == schema(template)


def test_upgrade_command_names_both_schemas_and_the_copy(old: Path, cli: Cli) -> None:
    said = cli("upgrade", "--workspace", str(old))
    assert said.returncode == 0, said.stderr
    assert "0001 -> " + tables.SCHEMA_VERSION in said.stdout
    assert "contexta-schema-0001-" in said.stdout.replace("\n", "")
    assert "nothing to do" in cli("upgrade", "--workspace", str(old)).stdout


def test_older_server_is_refused_until_it_is_upgraded_by_command(old_server: str, cli: Cli) -> None:
    with pytest.raises(WorkspaceError, match="schema 0001.*needs") as refusal, Contexta(workspace=old_server) as ctx:
        ctx.list_runs()
    assert "contexta upgrade" in (refusal.value.hint or "")
    said = cli("upgrade", env={"CONTEXTA_WORKSPACE": old_server})
    assert said.returncode == 0, said.stderr
    with Contexta(workspace=old_server) as ctx:
        _require_content(ctx)
        with ctx.run("new", project="p") as run:
            run.metric("accuracy", 0.5)
        assert ctx.compare_runs("old", "new").stage_comparisons


def test_newer_server_is_refused_with_both_versions(database: str, server: Server) -> None:
    server.ask(database, f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(WorkspaceTooNew, match=f"schema 9999.*up to {tables.SCHEMA_VERSION}"):
        Contexta(workspace=database).list_runs()


def test_newer_directory_is_refused_and_not_touched(tmp_path: Path, template: Path) -> None:
    root = tmp_path / "newer"
    root.mkdir()
    (root / "contexta.db").write_bytes(template.read_bytes())
    connection = sqlite3.connect(root / "contexta.db")
    connection.execute(f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = (root / "contexta.db").read_bytes()
    for verb in ("list_runs", "upgrade"):
        with pytest.raises(WorkspaceTooNew, match="9999"), Contexta(workspace=root) as ctx:
            getattr(ctx, verb)()
    assert (root / "contexta.db").read_bytes() == before


@pytest.mark.parametrize("statement", [None, "CREATE TABLE novelty (x)", "ALTER TABLE run ADD COLUMN novelty"])
def test_a_newer_workspace_is_not_called_damaged(
    statement: str | None, tmp_path: Path, template: Path, cli: Cli
) -> None:
    root = tmp_path / "newer"
    root.mkdir()
    (root / "contexta.db").write_bytes(template.read_bytes())
    connection = sqlite3.connect(root / "contexta.db")
    connection.execute(f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'")
    if statement is not None:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(WorkspaceTooNew, match=f"schema 9999.*up to {tables.SCHEMA_VERSION}"):
        Contexta(root).verify()
    done = cli("verify", "--workspace", str(root))
    assert done.returncode == 2
    assert "newer Contexta" in done.stderr
    assert "restore" not in done.stdout + done.stderr


def test_another_schema_is_no_damage(old: Path) -> None:
    before = (old / "contexta.db").read_bytes()
    with pytest.raises(WorkspaceError, match=f"schema 0001.*{tables.SCHEMA_VERSION}") as refusal:
        Contexta(old).verify()
    assert "contexta upgrade" in (refusal.value.hint or "")
    assert (old / "contexta.db").read_bytes() == before


def test_a_server_database_of_somebody_else_is_refused(server: Server) -> None:
    address = server.empty()
    server.ask(address, "CREATE TABLE run (x int)")
    with pytest.raises(WorkspaceError, match="not Contexta's: run"):
        Contexta(workspace=address).list_runs()
    assert server.ask(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def test_migrations_build_the_same_tables_on_a_server(database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    opened = Postgres(database)
    with opened.transaction(writing=False) as connection:
        options = {"version_table": tables.VERSION_TABLE, "include_object": _not_by_expression}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)
    opened.close()
    assert [each for each in found if not _is_comment(each)] == []


def _is_comment(change: Any) -> bool:
    """Comments document the tables in the code; the databases do not carry them."""
    return isinstance(change, list) and all(part[0] == "modify_comment" for part in change)


def _not_by_expression(item: object, name: str | None, *_: object) -> bool:
    return name not in ("uq_metric_series", "ix_run_duration")  # Alembic compares no expressions


def test_a_failed_upgrade_leaves_the_old_schema_and_says_why(old: Path) -> None:
    connection = sqlite3.connect(old / "contexta.db")
    connection.execute("UPDATE stage SET run_id = 77")  # foreign keys are not looked at by this connection
    connection.commit()
    connection.close()
    with pytest.raises(Exception, match=r"refers to rows|restore"), Contexta(workspace=old) as ctx:
        ctx.list_runs()
    assert _version(old) == "0001"


_UPGRADE = (
    "import sys; from pathlib import Path; from contexta.store.backends.sqlite import Sqlite\n"
    "print('go', flush=True); Sqlite(Path(sys.argv[1])).upgrade()"
)


def _kill_upgrade(old: Path, delay: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", _UPGRADE, str(old)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="kills")
@pytest.mark.parametrize("trials", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_has_the_old_schema_or_the_new_one(old: Path, trials: int) -> None:
    original = {path.name: path.read_bytes() for path in old.iterdir() if path.is_file()}
    chance = random.Random(7)
    seen = set()
    for _ in range(trials):
        for path in [path for path in old.iterdir() if path.is_file()]:
            path.unlink()
        for name, content in original.items():
            (old / name).write_bytes(content)
        _kill_upgrade(old, chance.uniform(0.0, 0.8))
        seen.add(_version(old))
        for copy in old.glob("contexta-schema-0001-*.db"):
            connection = sqlite3.connect(copy)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            connection.close()
        with Contexta(workspace=old) as ctx:
            _require_content(ctx)
    assert seen <= {"0001", tables.SCHEMA_VERSION}


def _at_once(count: int, arguments: Callable[[int], list[str]], code: str) -> list[int]:
    running = [subprocess.Popen([sys.executable, "-c", code, *arguments(number)]) for number in range(count)]
    return [process.wait(120) for process in running]


def test_of_processes_that_upgrade_at_once_one_does(old: Path) -> None:
    code = "import sys; from contexta import Contexta; print(Contexta(workspace=sys.argv[1]).get_run('old').name)"
    assert _at_once(3, lambda _: [str(old)], code) == [0, 0, 0]
    assert len(list(old.glob("contexta-schema-0001-*.db"))) == 1


def test_of_processes_that_open_a_new_server_at_once_one_initialises(server: Server) -> None:
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


def test_an_upgrade_that_another_process_did_meanwhile_is_left_alone(old: Path) -> None:
    slow = Sqlite(old)
    assert Sqlite(old).upgrade() is not None
    assert slow.upgrade() is None
    slow.close()
