"""`contexta doctor`: checks of a directory, of a server, and of the files that wait for a server."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from support.builders import Cli, put_run
from support.servers import Server

from contexta import Contexta
from contexta.core import workspace_address
from contexta.findings import Check
from contexta.store.backends import postgres_checks, sqlite_checks
from contexta.store.backends.file_systems import is_network, kind_of
from contexta.store.lifecycle import doctor

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/ram tmpfs rw 0 0
server:/my\\040data /my\\040data cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "ext4"),
        ("/home/me", "nfs4"),
        ("/homework", "ext4"),
        ("/home/me/ram/x", "tmpfs"),
        ("/my data/x", "cifs"),
    ],
)
def test_kind_of_a_file_system_is_that_of_the_mount(path: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert kind_of(Path(path), str(tmp_path / "mounts")) == kind
    assert is_network(kind) == (kind in ("nfs4", "cifs"))


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ((3, 34, 1), "warn"),
        ((3, 44, 6), "pass"),
        ((3, 45, 0), "warn"),
        ((3, 50, 6), "warn"),
        ((3, 50, 7), "pass"),
        ((3, 51, 2), "warn"),
        ((3, 51, 3), "pass"),
        ((4, 0, 0), "pass"),
    ],
)
def test_sqlite_versions_with_a_known_fault_are_reported(version: tuple[int, ...], status: str) -> None:
    assert sqlite_checks.library(version).status == status


def test_network_file_system_has_no_write_ahead_log(
    ctx: Contexta, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mounts").write_text("server:/ / nfs rw 0 0\n")
    monkeypatch.setattr("contexta.store.backends.file_systems.kind_of.__defaults__", (str(tmp_path / "mounts"),))
    put_run(ctx, "r", metrics={"x": 1.0})
    assert not (ctx.root / "contexta.db-wal").exists()
    assert (ctx.root / "contexta.db").read_bytes()[18] == 1  # the header's word for it: 2 is a write-ahead log


def test_every_check_that_does_not_pass_has_a_fix(cli: Cli, ctx: Contexta) -> None:
    put_run(ctx, "r")
    report = json.loads(cli("doctor", "--json").stdout)
    names = [check["name"] for check in report["checks"]]
    assert names[:6] == ["sqlite", "file system", "free space", "permissions", "clock", "database"]
    assert {"python", "uv"} <= set(names)
    assert all(check["fix"] for check in report["checks"] if check["status"] in ("warn", "fail"))
    assert "journal mode wal" in cli("doctor").stdout


def test_doctor_creates_no_workspace(cli: Cli, tmp_path: Path) -> None:
    assert cli("doctor").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_run_from_the_future_is_reported(ctx: Contexta) -> None:
    put_run(ctx, "r", started_at="2999-01-01T00:00:00Z", ended_at="2999-01-01T01:00:00Z")
    clock = next(check for check in doctor.checks(ctx.root) if check.name == "clock")
    assert (clock.status, "future" in clock.detail) == ("warn", True)


def test_unreadable_database_fails(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, "r")
    ctx.close()
    (ctx.root / "contexta.db").write_bytes(b"x" * 10_000)
    done = cli("doctor")
    assert done.returncode == 1
    assert "contexta verify" in done.stdout


def test_workspace_that_is_a_file_fails(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = cli("doctor", "--workspace", str(tmp_path / "file"))
    assert done.returncode == 1
    assert "is a file" in done.stdout


# ---------------------------------------------------------------------------------------------- a server


def checks_of(cli: Cli, address: str) -> tuple[dict[str, Check], int]:
    done = cli("doctor", "--json", "--workspace", address)
    assert "Traceback" not in done.stderr, done.stderr
    assert "hush-hush" not in done.stdout + done.stderr
    report = [Check.model_validate(item) for item in json.loads(done.stdout)["checks"]]
    return {check.name: check for check in report}, done.returncode


def test_server_is_described_with_its_undelivered_journals(database: str, cli: Cli, tmp_path: Path) -> None:
    with Contexta(workspace=database) as ctx:
        put_run(ctx, "r")
        with ctx.run("live", project="p") as run:
            run.metric("x", 1.0)
        result, code = checks_of(cli, f"{database}&objects={tmp_path}")
        assert code == 0
        assert result["server"].detail.startswith("PostgreSQL 1")
        assert "fsync = off" in result["durability"].detail  # as in tests alone
        assert (result["clock"].status, result["database"].status, result["permissions"].status) == ("pass",) * 3
        assert "1 journal of" in result["outbox"].detail
        assert result["objects"].status == "pass"
        assert {"file system", "free space", "uv", "python"} <= set(result)
        assert all(check.fix for check in result.values() if check.status in ("warn", "fail"))
        (journal,) = (ctx.root / "journal").glob("*.jsonl")
        os.utime(journal, (time.time() - 3600,) * 2)
        assert checks_of(cli, database)[0]["outbox"].status == "warn"
        ctx.sync()
        assert "nothing waits" in checks_of(cli, database)[0]["outbox"].detail


def test_doctor_creates_nothing_on_a_server(server: Server, cli: Cli) -> None:
    address = server.empty()
    result, code = checks_of(cli, address)
    assert (code, result["database"].status, result["permissions"].status) == (0, "unknown", "pass")
    assert server.ask(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert not Path(workspace_address.directory(address)).exists()


def test_unreachable_server_fails_and_other_checks_run(cli: Cli) -> None:
    result, code = checks_of(cli, "postgresql://me:hush-hush@127.0.0.1:9/x")
    assert (code, result["server"].status, result["outbox"].status) == (1, "fail", "pass")
    assert "cannot be reached" in result["server"].detail


@pytest.mark.parametrize(("version", "words"), [("9999", "newer"), ("0001", "development version")])
def test_other_schema_fails(database: str, server: Server, cli: Cli, version: str, words: str) -> None:
    server.ask(database, f"UPDATE contexta_schema SET version_num = '{version}'")
    result, code = checks_of(cli, database)
    assert (code, result["database"].status) == (1, "fail")
    assert words in result["database"].detail + str(result["database"].fix)


def test_missing_permissions_are_named(database: str, server: Server, cli: Cli) -> None:
    server.ask(database, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT SELECT ON run TO reader")
    result, code = checks_of(cli, database.replace("postgres:hush-hush@", "reader@"))
    assert (code, result["permissions"].status) == (1, "fail")
    assert "SELECT on annotation" in result["permissions"].detail
    result, _ = checks_of(cli, server.empty().replace("postgres:hush-hush@", "reader@"))
    assert result["permissions"].status == "fail"
    server.ask(database, "DROP OWNED BY reader; DROP ROLE reader")


def test_different_clocks_are_reported() -> None:
    assert postgres_checks.clock(1.0, 0.01).status == "pass"
    assert postgres_checks.clock(-90.0, 0.01).status == "warn"
    assert postgres_checks.clock(90.0, 40.0).status == "pass"  # it may be the way that took so long
