from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
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
def test_the_mount_that_a_path_lies_on_tells_its_kind(path: str, kind: str, tmp_path: Path) -> None:
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
def test_the_fault_of_sqlite_is_told_where_it_is(version: tuple[int, ...], status: str) -> None:
    assert doctor.database_library(version).status == status


def test_on_a_network_file_system_there_is_no_write_ahead_log(
    ctx: Contexta, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mounts").write_text("server:/ / nfs rw 0 0\n")
    monkeypatch.setattr("contexta.store.backends.file_systems.kind_of.__defaults__", (str(tmp_path / "mounts"),))
    put_run(ctx, "r", metrics={"x": 1.0})
    assert not (ctx.root / "contexta.db-wal").exists()
    assert (ctx.root / "contexta.db").read_bytes()[18] == 1  # the header's word for it: 2 is a write-ahead log


def test_every_finding_that_is_no_pass_says_what_to_do(cli: Cli, ctx: Contexta) -> None:
    put_run(ctx, "r")
    told = json.loads(cli("doctor", "--json").stdout)
    names = [check["name"] for check in told["checks"]]
    assert names[:6] == ["sqlite", "file system", "free space", "permissions", "clock", "database"]
    assert {"python", "uv"} <= set(names)
    assert all(check["fix"] for check in told["checks"] if check["status"] in ("warn", "fail"))
    assert "journal mode wal" in cli("doctor").stdout


def test_it_looks_without_making_a_workspace(cli: Cli, tmp_path: Path) -> None:
    assert cli("doctor").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_run_from_the_future_is_told(ctx: Contexta) -> None:
    put_run(ctx, "r", started_at="2999-01-01T00:00:00Z", ended_at="2999-01-01T01:00:00Z")
    clock = next(check for check in doctor.checks(ctx.root) if check.name == "clock")
    assert (clock.status, "future" in clock.detail) == ("warn", True)


def test_a_database_that_cannot_be_read_fails(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, "r")
    ctx.close()
    (ctx.root / "contexta.db").write_bytes(b"x" * 10_000)
    done = cli("doctor")
    assert done.returncode == 1
    assert "contexta verify" in done.stdout


def test_a_workspace_that_is_a_file_fails(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = cli("doctor", "--workspace", str(tmp_path / "file"))
    assert done.returncode == 1
    assert "is a file" in done.stdout
