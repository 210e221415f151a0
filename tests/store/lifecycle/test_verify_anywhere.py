"""Damage is found and named in a directory and on a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from support.builders import Cli, a_metric, a_run, an_envelope, change_unseen, put_run
from support.servers import Server

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.contract import DeploymentExecution, StructuredEventPayload, StructuredEventRecord
from contexta.core.errors import WorkspaceAway
from contexta.recorder.journal.objects import Objects
from contexta.store.entities.bodies import encode_body
from contexta.store.integrity.canonical_form import RUN, canonical_forms

Change = Callable[[str], None]


@pytest.fixture
def filled(anywhere: Contexta) -> Contexta:
    """A workspace with a run that was written by hand and one that was recorded."""
    fill(anywhere)
    return anywhere


def fill(ctx: Contexta) -> None:
    metrics = {"accuracy": 0.91, "loss": float("nan"), "big": 10**30, "small": -0.0}
    put_run(ctx, "one", metrics=metrics, environment={}, stage="train")
    ctx.record_store.append(
        StructuredEventRecord(
            envelope=an_envelope("p", "one", "event", record_type="event"),
            payload=StructuredEventPayload(event_key="saved", level="info", message="a checkpoint"),
        )
    )
    ctx.metadata_store.deployments.put_deployment_execution(
        DeploymentExecution(
            deployment_execution_ref="deployment:p.d",
            project_ref="project:p",
            run_ref="run:p.one",
            deployment_name="d",
            status="completed",
            started_at="2025-02-15T08:00:00Z",
            ended_at="2025-02-15T09:00:00Z",
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


@pytest.fixture
def change(filled: Contexta, request: pytest.FixtureRequest) -> Change:
    """Change the database as damage does: without digests and without checks of references."""
    server: Server | None = None if filled.is_local else request.getfixturevalue("server")

    def apply(statement: str) -> None:
        if server is not None:
            server.ask(str(filled._server), f"SET session_replication_role = replica; {statement}")
        else:
            for part in statement.split(";"):
                change_unseen(filled.root, part)

    return apply


def test_undamaged_workspace_is_sound(filled: Contexta, cli: Cli, place: str) -> None:
    filled.metadata_store.runs.put_run(a_run("p", "one", description="written again", tags={"a": "b"}))
    assert "have no digest yet" in filled.verify().notes[0]
    filled.list_runs()
    verification = filled.verify()
    assert (verification.sound, verification.damage, verification.notes) == (True, (), ())
    checked = ("points", "records", "journals", "runs", "deployments")
    assert [verification.checked[name] for name in checked] == [404, 5, 1, 2, 1]
    done = cli("verify", "--workspace", place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No damage found" in done.stdout


@pytest.mark.parametrize(
    ("statement", "kind", "name", "run"),
    [
        ("UPDATE metric_point SET value = 9 WHERE number = 7", "points", "train/loss", "run:p.live"),
        ("DELETE FROM metric_point WHERE number = 399", "points", "train/loss", "run:p.live"),
        ("UPDATE param SET value = '0.2' WHERE name = 'lr'", "run", "run:p.live", "run:p.live"),
        ("UPDATE param SET number = 0.2 WHERE name = 'lr'", "run", "run:p.live", "run:p.live"),
        ("UPDATE run SET status = 'failed' WHERE slug = 'one'", "run", "run:p.one", "run:p.one"),
        ("UPDATE run SET command_id = NULL, source_id = NULL, invocation_id = NULL", "run", "run:p.live", "run:p.live"),
        ("DELETE FROM note", "run", "run:p.live", "run:p.live"),
        ("DELETE FROM run WHERE slug = 'one'", "row", "", None),
        ("UPDATE record SET body = replace(body, 'checkpoint', 'checkpoin_')", "records", "run:p.one", "run:p.one"),
        ("DELETE FROM record WHERE number = 2", "records", "run:p.one", "run:p.one"),
        ("UPDATE record SET series_id = (SELECT max(id) FROM metric_series)", "records", "run:p.one", "run:p.one"),
        ("UPDATE record_form SET body = replace(body, 'loss', 'lost')", "row", "record_form", "run:p.one"),
        ("UPDATE shared_fact SET body = '1'", "row", "shared_fact", "run:p.live"),
        ("UPDATE metric_series SET last_value = 0.5", "run", "run:p.one", "run:p.one"),
        ("UPDATE environment_distribution SET version = '9'", "row", "environment_body", "run:p.one"),
        ("UPDATE journal SET position = 7 WHERE name LIKE '%p.live.jsonl'", "row", "journal", "run:p.live"),
        ("UPDATE project SET name = 'q'", "row", "project project:p", None),
        ("UPDATE deployment SET status = 'failed'", "row", "deployment deployment:p.d", None),
        ("INSERT INTO run_tag VALUES (1, 'forged', 'x')", "run", "run:p.one", "run:p.one"),
        ("UPDATE run SET content_digest = 'forged' WHERE slug = 'one'", "run", "run:p.one", "run:p.one"),
        ("ALTER TABLE note DROP COLUMN topic", "database", "note", None),
        ("DROP TABLE param", "database", "param", None),
    ],
)
def test_changed_row_is_named_with_its_run(
    filled: Contexta, change: Change, statement: str, kind: str, name: str, run: str | None
) -> None:
    change(statement)
    verification = filled.verify()
    named = [damage for damage in verification.damage if damage.kind == kind and name in damage.name]
    assert named, verification.damage
    assert run is None or run in {ref for damage in named for ref in damage.run_refs}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE run SET name = 'forged' WHERE slug = 'one'",
        "UPDATE stage SET status = 'failed'",
        "UPDATE metric_series SET last_value = 0.5, last_at = 1 WHERE metric_key = 'accuracy'",
    ],
)
def test_damaged_run_stays_damaged_after_a_write(filled: Contexta, change: Change, statement: str) -> None:
    change(statement)
    before = {damage.name for damage in filled.verify().damage}
    assert "run:p.one" in before
    for number in range(2):
        filled.record_store.append(a_metric("accuracy", 0.5, run="one", name=f"more-{number}", stage="train"))
        filled.list_runs()
    assert {damage.name for damage in filled.verify().damage} == before


def test_text_with_damaged_utf8_stays_damaged(ctx: Contexta) -> None:
    fill(ctx)
    change_unseen(ctx.root, "UPDATE run SET name = CAST(x'ff' AS TEXT) WHERE slug = 'one'")
    ctx.record_store.append(a_metric("accuracy", 0.5, run="one", name="more", stage="train"))
    ctx.close()
    assert [damage.name for damage in Contexta(ctx.root).verify().damage] == ["run:p.one"]


def test_damage_survives_backup_and_restore(filled: Contexta, change: Change, server: Server, tmp_path: Path) -> None:
    change("UPDATE run SET name = 'forged' WHERE slug = 'one'; DELETE FROM note; UPDATE project SET name = 'q'")
    expected = {"run:p.one", "run:p.live", "project project:p"}
    filled.backup(tmp_path / "saved.zip")
    Contexta.restore(tmp_path / "saved.zip", tmp_path / "again")
    with Contexta(tmp_path / "again") as again:
        assert {damage.name for damage in again.verify().damage} == expected
        again.backup(tmp_path / "twice.zip")
    address = server.empty()
    Contexta.restore(tmp_path / "twice.zip", address)
    with Contexta(workspace=address) as back:
        assert {damage.name for damage in back.verify().damage} == expected


def forms(ctx: Contexta) -> list[bytes]:
    with ctx._opened().reading() as connection:
        return list(canonical_forms(connection, RUN, 0, 2**31).values())


def test_canonical_form_is_the_same_on_both_databases(ctx: Contexta, database: str, tmp_path: Path) -> None:
    fill(ctx)
    ctx.backup(tmp_path / "saved.zip")
    with Contexta(workspace=database) as other:  # its internal keys are others than those of a restored copy
        put_run(other, "another", project="q", metrics={"x": 1.0}, stage="train", environment={})
        fill(other)
        by_hand = forms(other)[1]
    assert by_hand == forms(ctx)[0]
    address_of_copy = str(tmp_path / "again")
    Contexta.restore(tmp_path / "saved.zip", address_of_copy)
    with Contexta(address_of_copy) as again:
        assert forms(again) == forms(ctx)


# ---------------------------------------------------------------------------------------------- files of a server


@pytest.fixture
def team(database: str, tmp_path: Path) -> Iterator[Contexta]:
    with Contexta(workspace=f"{database}&objects={tmp_path}/team") as ctx:
        fill(ctx)
        yield ctx


def test_damaged_and_missing_objects_are_named_with_their_runs(team: Contexta, tmp_path: Path, cli: Cli) -> None:
    shared, own = (
        Objects(folder).path(sha256(encode_body(team.get_environment(name))).hexdigest())
        for folder, name in ((tmp_path / "team", "one"), (team.root / "objects", "one"))
    )
    Path(shared).write_bytes(b"nothing")
    assert [(damage.kind, damage.run_refs) for damage in team.verify().damage] == [("object", ("run:p.one",))]
    Path(shared).unlink()
    Path(own).unlink(missing_ok=True)
    done = cli("verify", "--json", "--workspace", str(team._server))
    assert done.returncode == 1
    assert [damage["detail"] for damage in json.loads(done.stdout)["damage"]] == ["it is missing"]


def test_damaged_journal_of_this_machine_is_named(team: Contexta) -> None:
    path = team.root / "journal" / "ended" / "p.live.jsonl"
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.2"))
    assert [(damage.kind, damage.name) for damage in team.verify().damage] == [("journal", "p.live.jsonl")]


def test_objects_on_other_machines_are_no_damage(database: str, tmp_path: Path) -> None:
    with Contexta(workspace=database) as ctx:
        with ctx.run("live", project="p"):
            pass
        ctx.list_runs()
    elsewhere = WorkspaceConfig(url=database, root_path=tmp_path / "other")
    with Contexta(config=UnifiedConfig(workspace=elsewhere)) as colleague:
        verification = colleague.verify()
    assert verification.damage == ()
    assert "on the machines" in verification.notes[0]


def test_unreachable_server_is_no_damage(cli: Cli) -> None:
    away = "postgresql://me:hush-hush@127.0.0.1:9/contexta"
    with pytest.raises(WorkspaceAway):
        Contexta(workspace=away).verify()
    done = cli("verify", "--workspace", away)
    assert (done.returncode, "Traceback" in done.stderr, "hush" in done.stderr) == (2, False, False)
