from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.builders import a_project, put_run

from contexta import Contexta
from contexta.core.errors import WorkspaceError, WorkspaceTooNew
from contexta.store.backends.engine import open_store
from contexta.store.schema import tables


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    with Contexta(workspace=tmp_path / "ws") as ctx:
        put_run(ctx)
    return tmp_path / "ws"


def test_connection_waits_syncs_and_enforces_foreign_keys(workspace: Path) -> None:
    store = open_store(workspace)
    with store.reading() as connection:
        answers = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    store.close()
    assert answers == ["wal", 2, 1, 30_000]


def test_workspace_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ws").write_text("precious")
    with pytest.raises(WorkspaceError, match="is a file"):
        Contexta(workspace=tmp_path / "ws").list_runs()
    assert (tmp_path / "ws").read_text() == "precious"


@pytest.mark.parametrize("content", [b"", b"precious", b"SQLite format 3\0" + b"\0" * 5000])
def test_database_that_is_not_ours_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "contexta.db").write_bytes(content)
    with pytest.raises(Exception, match="contexta.db|database of workspace"):
        open_store(tmp_path)
    assert (tmp_path / "contexta.db").read_bytes() == content


def test_foreign_sqlite_database_is_refused_and_untouched(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "contexta.db")
    connection.execute("CREATE TABLE precious (x)")
    connection.commit()
    connection.close()
    with pytest.raises(WorkspaceError, match="not a Contexta database"):
        open_store(tmp_path)
    connection = sqlite3.connect(tmp_path / "contexta.db")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    connection.close()


def test_workspace_of_a_newer_version_is_refused_with_both_versions(workspace: Path) -> None:
    connection = sqlite3.connect(workspace / "contexta.db")
    connection.execute(f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(WorkspaceTooNew, match=f"schema 9999.*up to {tables.SCHEMA_VERSION}") as refusal:
        Contexta(workspace=workspace).list_runs()
    assert "upgrade" in (refusal.value.hint or "")


def test_workspace_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="cannot be used") as refusal:
        Contexta(workspace=tmp_path / "file" / "ws").list_runs()
    assert "CONTEXTA_WORKSPACE" in (refusal.value.hint or "")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that refuses everyone, as /proc does")
def test_workspace_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(WorkspaceError, match="cannot be used"):
        Contexta(workspace="/proc/contexta").list_runs()


def test_workspace_removed_while_open_refuses_to_write(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / "ws") as ctx:
        put_run(ctx)
        shutil.rmtree(tmp_path / "ws")
        with pytest.raises(WorkspaceError, match="removed or replaced"):
            put_run(ctx, "lost")


def test_close_releases_every_connection_that_threads_opened(tmp_path: Path) -> None:
    ctx = Contexta(workspace=tmp_path / "ws")
    together = threading.Barrier(8)

    def read() -> None:
        together.wait()
        ctx.list_runs()

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ctx.close()
    if Path("/proc/self/fd").exists():
        opened = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        assert [path for path in opened if tmp_path in path.parents] == []


def test_processes_that_open_a_new_workspace_at_once_agree(tmp_path: Path) -> None:
    code = (
        "import sys; from contexta import Contexta; from contexta.contract import Project\n"
        "with Contexta(workspace='ws') as ctx:\n"
        "    ctx.metadata_store.projects.put_project(\n"
        "        Project(project_ref=f'project:p{sys.argv[1]}', name='x', created_at='2025-01-01T00:00:00Z'))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=tmp_path) for n in range(4)]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    with Contexta(workspace=tmp_path / "ws") as ctx:
        assert [project.name for project in ctx.list_projects()] == ["x"] * 4
    assert sorted(path.name for path in (tmp_path / "ws").glob(".*")) == [".gitignore"]


def test_threads_share_one_client(ctx: Contexta) -> None:
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                ctx.metadata_store.projects.put_project(a_project(f"p{number}-{turn}"))
                ctx.list_projects()
        except BaseException as error:  # noqa: BLE001  # handed to the test below
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(ctx.list_projects()) == 80


@pytest.mark.parametrize("error", [OSError(28, "mine"), KeyError("mine"), WorkspaceError("mine")])
@pytest.mark.parametrize("block", ["reading", "writing", "alone"])
def test_an_exception_of_the_caller_passes_a_block_unchanged(anywhere: Contexta, error: Exception, block: str) -> None:
    store = anywhere._opened()
    with pytest.raises(type(error)) as raised, getattr(store, block)():
        raise error
    assert raised.value is error
    with store.writing() as connection:  # rolled back and released
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
