"""What is damaged on a server is found and named, as in a directory; what is sound is called so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from support.builders import Cli, a_run, put_run
from support.servers import Server

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.contract import StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import WorkspaceAway
from contexta.recorder.journal.objects import Objects
from contexta.store.entities.bodies import encode_body


@pytest.fixture
def team(database: str, tmp_path: Path) -> Iterator[Contexta]:
    with Contexta(workspace=f"{database}&objects={tmp_path}/team") as ctx:
        from support.builders import an_envelope

        metrics = {"accuracy": 0.91, "loss": float("nan"), "big": 10**30, "small": -0.0}
        put_run(ctx, "one", metrics=metrics, environment={}, stage="train")
        ctx.record_store.append(
            StructuredEventRecord(
                envelope=an_envelope("p", "one", "event", record_type="event"),
                payload=StructuredEventPayload(event_key="saved", level="info", message="a checkpoint"),
            )
        )
        with ctx.run("live", project="p") as run:
            run.params({"lr": 0.1, "layers": 3, "name": "größer"})
            run.tag("kind", "test")
            run.note("tests", "a note")
            with run.stage("train") as stage:
                for step in range(400):
                    stage.metric("loss", 1 / (step + 1), step=step)
        ctx.list_runs()
        yield ctx


def change(server: Server, ctx: Contexta, statement: str) -> None:
    """Behind the back of everything that would notice: neither triggers nor foreign keys."""
    server.ask(str(ctx._server), f"SET session_replication_role = replica; {statement}")


def test_a_sound_server_is_called_sound(team: Contexta, cli: Cli) -> None:
    team.metadata_store.runs.put_run(a_run("p", "one", description="written again", tags={"a": "b"}))
    found = team.verify()
    assert (found.sound, found.damage, found.notes) == (True, (), ())
    assert (found.checked["points"], found.checked["records"], found.checked["journals"]) == (404, 5, 1)
    assert found.checked["rows"] > 20
    done = cli("verify", "--workspace", str(team._server))
    assert (done.returncode, done.stderr) == (0, "")
    assert "No damage found" in done.stdout


@pytest.mark.parametrize(
    ("statement", "kind", "name", "run"),
    [
        ("UPDATE metric_point SET value = 9 WHERE number = 7", "points", "train/loss", "run:p.live"),
        ("DELETE FROM metric_point WHERE number = 399", "points", "train/loss", "run:p.live"),
        ("UPDATE param SET value = '0.2' WHERE name = 'lr'", "row", "param", "run:p.live"),
        ("UPDATE run SET status = 'failed' WHERE slug = 'one'", "row", "run", "run:p.one"),
        ("DELETE FROM note", "row", "note", None),
        ("DELETE FROM run WHERE slug = 'one'", "row", "metric_series.run_id", None),
        ("UPDATE record SET body = replace(body, 'checkpoint', 'checkpoin_')", "records", "run:p.one", "run:p.one"),
        ("DELETE FROM record WHERE number = 2", "records", "run:p.one", "run:p.one"),
        ("UPDATE metric_series SET last_value = 0.5", "row", "metric_series", "run:p.one"),
        ("UPDATE environment_distribution SET version = '9'", "row", "environment_distribution", "run:p.one"),
        ("INSERT INTO run_tag VALUES (1, 'forged', 'x')", "row", "run_tag", "run:p.one"),
        ("DROP TRIGGER seal_run_update ON run", "database", "seals", None),
        ("ALTER TABLE note DROP COLUMN topic", "database", "note", None),
        ("DROP TABLE param", "database", "rows", None),
    ],
)
def test_what_was_changed_is_named(
    team: Contexta, server: Server, statement: str, kind: str, name: str, run: str | None
) -> None:
    change(server, team, statement)
    found = team.verify()
    told = [each for each in found.damage if each.kind == kind and name in each.name]
    assert told, found.damage
    assert run is None or run in {ref for each in told for ref in each.run_refs}


def test_a_damaged_row_that_is_written_again_stays_damaged(team: Contexta, server: Server) -> None:
    change(server, team, "UPDATE run SET name = 'forged' WHERE slug = 'one'")
    server.ask(str(team._server), "UPDATE run SET description = 'harmless' WHERE slug = 'one'")
    assert [each.name.split()[0] for each in team.verify().damage] == ["run"]


def test_damaged_and_missing_objects_are_named_with_their_runs(team: Contexta, tmp_path: Path, cli: Cli) -> None:
    shared, own = (
        Objects(folder).path(sha256(encode_body(team.get_environment(name))).hexdigest())
        for folder, name in ((tmp_path / "team", "one"), (team.root / "objects", "one"))
    )
    Path(shared).write_bytes(b"nothing")
    told = team.verify().damage
    assert [(each.kind, each.run_refs) for each in told] == [("object", ("run:p.one",))]
    Path(shared).unlink()
    Path(own).unlink(missing_ok=True)
    done = cli("verify", "--json", "--workspace", str(team._server))
    assert done.returncode == 1
    assert [each["detail"] for each in json.loads(done.stdout)["damage"]] == ["it is missing"]


def test_a_damaged_journal_of_this_machine_is_named(team: Contexta) -> None:
    path = team.root / "journal" / "ended" / "p.live.jsonl"
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.2"))
    assert [(each.kind, each.name) for each in team.verify().damage] == [("journal", "p.live.jsonl")]


def test_what_lies_on_other_machines_is_no_damage(database: str, tmp_path: Path) -> None:
    with Contexta(workspace=database) as ctx:
        with ctx.run("live", project="p"):
            pass
        ctx.list_runs()
    elsewhere = WorkspaceConfig(url=database, root_path=tmp_path / "other")
    with Contexta(config=UnifiedConfig(workspace=elsewhere)) as colleague:
        found = colleague.verify()
    assert found.damage == ()
    assert "lie on the machines" in found.notes[0]


def test_a_server_that_is_away_is_no_damage(cli: Cli) -> None:
    away = "postgresql://me:hush-hush@127.0.0.1:9/contexta"
    with pytest.raises(WorkspaceAway):
        Contexta(workspace=away).verify()
    done = cli("verify", "--workspace", away)
    assert (done.returncode, "Traceback" in done.stderr, "hush" in done.stderr) == (2, False, False)


def test_damage_is_not_healed_by_a_backup_and_restoring_it(team: Contexta, server: Server, tmp_path: Path) -> None:
    change(server, team, "UPDATE run SET name = 'forged' WHERE slug = 'one'; DELETE FROM note")
    expected = {"run", "note"}
    team.backup(tmp_path / "saved.zip")
    Contexta.restore(tmp_path / "saved.zip", tmp_path / "again")
    with Contexta(tmp_path / "again") as again:
        assert {each.name.split()[0] for each in again.verify().damage} == expected
        again.backup(tmp_path / "twice.zip")
    address = server.empty()
    Contexta.restore(tmp_path / "twice.zip", address)
    with Contexta(workspace=address) as back:
        assert {each.name.split()[0] for each in back.verify().damage} == expected
