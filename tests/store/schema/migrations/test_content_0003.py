"""A workspace of the second schema, with content as it was written then, under the third."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from support.servers import Server

from contexta import Contexta
from contexta.core.errors import WorkspaceError
from contexta.recorder.journal.objects import Objects
from contexta.store.backends import row_checksums
from contexta.store.backends.postgres import Postgres
from contexta.store.entities.shared_facts import SHARED
from contexta.store.lifecycle.object_inventory import NEEDED
from contexta.store.schema import migrate, tables

CALLED = {"argv": ["train.py", "--name", "größer"], "directory": "/home"}
SOURCE = {"commit": "8fa7", "dirty": True, "patch": "a" * 64}
TOLD: dict[str, dict[str, Any]] = {
    "one": {"invocation": CALLED, "source": SOURCE},
    "two": {"exit_code": 3, "invocation": CALLED, "seeds": {"python": None}, "source": SOURCE},
    "wrapped": {"command": ["bash", "-c", "true"], "source": {"commit": None, "reason": "not in a git repository"}},
    "bare": {},
    "own": {"command": None, "exit_code": 0},
}
BODY = b'{"platform":"linux","python_version":"3.11.0"}'
END = b'{"imports":{"numpy":"numpy"}}'


def build_0002(connection: Connection, body: str, end: str) -> None:
    """The second schema, with runs in it that have one environment, and ends of it."""
    migrate.run(connection, "0002")

    def put(table: str, **row: Any) -> None:
        marks = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"), row)

    put("project", id=1, ref="project:p", name="p", created_at=1, tags="{}")
    put("environment_body", id=1, digest=body, python_version="3.11.0", platform="linux", package_count=0)
    for number, (name, metadata) in enumerate(TOLD.items(), 1):
        run = {"id": number, "ref": f"run:p.{name}", "project_id": 1, "slug": name, "name": name, "status": "completed"}
        said = tables.encode_json(metadata)
        put("run", **run, started_at=number, ended_at=9, tags="{}", metadata=said, environment_body_id=1)
        ends = None if name == "bare" else end
        of = {"id": number, "ref": f"environment:p.{name}.s", "run_id": number, "environment_body_id": 1}
        put("environment", **of, captured_at=number, end_digest=ends, own=False)
        journal = {"id": number, "run_id": number, "name": f"p.{name}.jsonl", "environment_id": number}
        put("journal", **journal, position=0, ended=True, process="{}")
    if connection.dialect.name == "sqlite":
        row_checksums.seal(connection)
    else:  # keys that were given do not move the sequences on
        for table in ("project", "environment_body", "run", "environment", "journal"):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 10)"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    root = tmp_path / ".contexta"
    (root / "journal").mkdir(parents=True)
    objects = Objects(root / "objects")
    engine = create_engine(f"sqlite:///{root / 'contexta.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        build_0002(connection, objects.put(BODY), objects.put(END))
    engine.dispose()
    return root


@pytest.fixture
def old_server(server: Server, tmp_path: Path) -> str:
    address, objects = server.empty(), Objects(tmp_path / "team")
    database = Postgres(address)
    with database.transaction(writing=True) as connection:
        build_0002(connection, objects.put(BODY), objects.put(END))
    database.close()
    return f"{address}&objects={tmp_path}/team"


def require_content(ctx: Contexta) -> None:
    for name, metadata in TOLD.items():
        assert json.loads(ctx.get_run(name).model_dump_json())["metadata"] == metadata
        assert list(ctx.get_run(name).metadata) == sorted(metadata)
        assert ctx.metadata_store.runs.get_run(f"run:p.{name}").metadata == ctx.get_run(name).metadata
        snapshot = ctx.metadata_store.environments.list_environment_snapshots(f"run:p.{name}")[0]
        assert snapshot.imports == (None if name == "bare" else {"numpy": "numpy"})
    with ctx.run("new", project="p") as run:
        run.metric("accuracy", 0.5)
    assert ctx.get_run("new").metadata["invocation"]
    found = ctx.verify()
    assert (found.sound, found.damage, found.notes) == (True, (), ())


def shared(ctx: Contexta) -> list[str]:
    """What lies once."""
    ctx.list_runs()
    with closing(sqlite3.connect(ctx.root / "contexta.db")) as raw:
        return [body for (body,) in raw.execute("SELECT body FROM shared_fact ORDER BY body")]


def test_a_directory_of_the_second_schema_says_what_it_said(old: Path) -> None:
    with Contexta(old) as ctx:
        said = {tables.encode_json(metadata[name]) for metadata in TOLD.values() for name in SHARED if name in metadata}
        assert shared(ctx) == sorted(said)
        require_content(ctx)


def test_a_server_of_the_second_schema_says_what_it_said(old_server: str) -> None:
    with pytest.raises(WorkspaceError, match="schema 0002.*needs 0003"), Contexta(old_server) as ctx:
        ctx.list_runs()
    with Contexta(old_server) as ctx:
        assert ctx.upgrade().after == tables.SCHEMA_VERSION
    with Contexta(old_server) as ctx:
        require_content(ctx)


def test_an_upgraded_directory_has_the_schema_of_a_new_one_and_needs_the_same_objects(
    old: Path, template: Path
) -> None:
    Contexta(old).list_runs()

    def ask(path: Path, statement: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as raw:
            return raw.execute(statement).fetchall()

    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"
    assert ask(old / "contexta.db", schema) == ask(template, schema)
    needed = ask(old / "contexta.db", NEEDED)
    ends = {run for digest, run in needed if digest == sha256(END).hexdigest()}
    assert ends == {f"run:p.{name}" for name in TOLD if name != "bare"}
    assert len(needed) == len(ends) + len(TOLD)


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE run SET metadata = replace(metadata, '8fa7', '8fa8') WHERE id = 1", "run 1"),
        ("UPDATE run SET metadata = replace(metadata, ':', ';') WHERE id = 1", "run 1"),
        ("UPDATE environment SET end_digest = replace(end_digest, 'd', 'e') WHERE id = 2", "environment 2"),
        ("DELETE FROM environment WHERE id = 5", "environment 5"),
    ],
)
def test_what_was_damaged_before_is_still_told(
    old: Path, server: Server, old_server: str, statement: str, row: str
) -> None:
    with closing(sqlite3.connect(old / "contexta.db")) as raw:
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("DELETE FROM journal")
        raw.execute("DELETE FROM seal WHERE part = 'journal'")
        raw.execute(statement)
        for _, sql in triggers:
            raw.execute(sql)
        raw.commit()
    address = old_server.partition("&objects")[0]
    server.ask(address, f"SET session_replication_role = replica; DELETE FROM journal; {statement}")
    for place in (str(old), old_server):
        with Contexta(place) as ctx:
            ctx.upgrade()
        with Contexta(place) as ctx:
            assert row in [each.name for each in ctx.verify().damage]
