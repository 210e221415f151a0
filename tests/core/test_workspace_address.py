"""The address of a server: an invalid one is refused, and its password is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput

_SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:s3cr3t@@h/x",
        "postgresql://me:/s3cr3t@h/x",
        "postgresql://me:?s3cr3t@h/x",
        "postgresql://me:#s3cr3t@h/x",
        "postgresql://me:s3cr3t/@h/x",
        "postgresql://me:s3cr3t?x@h/x",
        "postgresql://me:s3cr3t @h/x",
        "postgresql://me:s3cr3t:a/b@c@h/x?sslmode=require",
        "POSTGRESQL://me:s3cr3t@h/x",
        "postgresql+psycopg://me:s3cr3t@h/x",
        "mysql://me:s3cr3t@h/x",
        "sqlite:///s3cr3t:a@b",
    ],
)
def test_an_invalid_address_is_refused_everywhere(address: str, cli: Cli, tmp_path: Path) -> None:
    for attempt in (
        lambda: Contexta(address).list_runs(),
        lambda: Contexta.restore(tmp_path / "x.zip", address),
    ):
        with pytest.raises(InvalidInput, match="not the address") as refusal:
            attempt()
        assert _SECRET not in str(refusal.value)
        assert refusal.value.hint
    for done in (
        cli("runs", "--workspace", address),
        cli("run", "--name", "x", "--", "python", "-c", "1", env={"CONTEXTA_WORKSPACE": address}),
    ):
        assert done.returncode == 2
        assert _SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert _SECRET not in workspace_address.shown(address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:s3cr3t@h:5433/x?sslmode=require", "postgresql://me@h:5433/x"),
        ("postgresql:///x?host=/run/pg&password=s3cr3t", "postgresql:///x"),
        ("postgres://me@[::1]/x", "postgres://me@[::1]/x"),
        ("postgresql://h1,h2/x?user=me%40corp", "postgresql://h1,h2/x"),
    ],
)
def test_an_address_is_shown_without_password_and_options(address: str, shown: str) -> None:
    assert workspace_address.checked(address) == address
    assert workspace_address.shown(address) == shown


@pytest.mark.parametrize("name", ["a b", "größe ☃", "100%25 %s %d", "what?mode=memory&x=1", ":memory:", "a#b'\";c"])
def test_a_directory_may_have_any_name(name: str, tmp_path: Path) -> None:
    root = tmp_path / name / ".contexta"
    with Contexta(root) as ctx:
        with ctx.run("live", project="p") as run:
            run.metric("x", 1.0)
        ctx.backup(tmp_path / name / "saved.zip")
        assert ctx.verify().sound
        ctx.gc(dry_run=False)
        assert all(check.status != "fail" for check in ctx.doctor().checks if check.name != "uv")
    Contexta.restore(tmp_path / name / "saved.zip", tmp_path / name / "again")
    with Contexta(tmp_path / name / "again") as again:
        assert again.get_run("live").stages[0].metrics[0].points == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
