"""What `doctor` says of a server, and of what waits on this machine for it."""

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
from contexta.store.lifecycle import doctor_server


def told(cli: Cli, address: str) -> tuple[dict[str, Check], int]:
    done = cli("doctor", "--json", "--workspace", address)
    assert "Traceback" not in done.stderr, done.stderr
    assert "hush-hush" not in done.stdout + done.stderr
    found = [Check.model_validate(each) for each in json.loads(done.stdout)["checks"]]
    return {check.name: check for check in found}, done.returncode


def test_a_server_says_what_it_is_and_what_waits_for_it(database: str, cli: Cli, tmp_path: Path) -> None:
    with Contexta(workspace=database) as ctx:
        put_run(ctx, "r")
        with ctx.run("live", project="p") as run:
            run.metric("x", 1.0)
        found, code = told(cli, f"{database}&objects={tmp_path}")
        assert code == 0
        assert found["server"].detail.startswith("PostgreSQL 1")
        assert "fsync = off" in found["durability"].detail  # as in tests alone
        assert (found["clock"].status, found["database"].status, found["permissions"].status) == ("pass",) * 3
        assert "1 journal of" in found["outbox"].detail
        assert found["objects"].status == "pass"
        assert {"file system", "free space", "uv", "python"} <= set(found)
        assert all(check.fix for check in found.values() if check.status in ("warn", "fail"))
        (journal,) = (ctx.root / "journal").glob("*.jsonl")
        os.utime(journal, (time.time() - 3600,) * 2)
        assert told(cli, database)[0]["outbox"].status == "warn"
        ctx.sync()
        assert "nothing waits" in told(cli, database)[0]["outbox"].detail


def test_it_looks_without_making_anything(server: Server, cli: Cli) -> None:
    address = server.empty()
    found, code = told(cli, address)
    assert (code, found["database"].status, found["permissions"].status) == (0, "unknown", "pass")
    assert server.ask(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert not Path(workspace_address.directory(address)).exists()


def test_a_server_that_is_away_fails_and_the_rest_is_told(cli: Cli) -> None:
    found, code = told(cli, "postgresql://me:hush-hush@127.0.0.1:9/x")
    assert (code, found["server"].status, found["outbox"].status) == (1, "fail", "pass")
    assert "cannot be reached" in found["server"].detail


@pytest.mark.parametrize(("version", "words"), [("9999", "newer"), ("0001", "contexta upgrade")])
def test_another_schema_fails(database: str, server: Server, cli: Cli, version: str, words: str) -> None:
    server.ask(database, f"UPDATE contexta_schema SET version_num = '{version}'")
    found, code = told(cli, database)
    assert (code, found["database"].status) == (1, "fail")
    assert words in found["database"].detail + str(found["database"].fix)


def test_permissions_that_lack_are_named(database: str, server: Server, cli: Cli) -> None:
    server.ask(database, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT SELECT ON run TO reader")
    found, code = told(cli, database.replace("postgres:hush-hush@", "reader@"))
    assert (code, found["permissions"].status) == (1, "fail")
    assert "on artifact" in found["permissions"].detail
    found, _ = told(cli, server.empty().replace("postgres:hush-hush@", "reader@"))
    assert found["permissions"].status == "fail"
    server.ask(database, "DROP OWNED BY reader; DROP ROLE reader")


def test_clocks_that_differ_are_told() -> None:
    assert doctor_server.clock(1.0, 0.01).status == "pass"
    assert doctor_server.clock(-90.0, 0.01).status == "warn"
    assert doctor_server.clock(90.0, 40.0).status == "pass"  # it may be the way that took so long
