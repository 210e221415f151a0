"""Deleting chosen runs, and the runs that `delete` and `gc` keep, in a directory and on a server."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.contract import DeploymentExecution
from contexta.core.errors import InvalidInput, NotFound

NAMES = ("plain", "pinned", "baseline", "deployed")


@pytest.fixture
def four(anywhere: Contexta) -> Contexta:
    """Four old runs, three of which are to stay."""
    for number, name in enumerate(NAMES):
        status = {"status": "crashed"} if name != "deployed" else {}
        put_run(
            anywhere,
            name,
            metrics={"x": 1.5},
            environment={"packages": {"a": str(number)}},
            started_at=f"2025-02-1{number}T08:00:00Z",
            ended_at=f"2025-02-1{number}T09:00:00Z",
            **status,
        )
    anywhere.pin_run("pinned")
    anywhere.tag_run("baseline", {"baseline": ""})
    anywhere.metadata_store.deployments.put_deployment_execution(
        DeploymentExecution(
            deployment_execution_ref="deployment:p.live",
            project_ref="project:p",
            deployment_name="live",
            status="open",
            started_at="2025-02-15T08:00:00Z",
            run_ref="run:p.deployed",
        )
    )
    return anywhere


def names(ctx: Contexta) -> set[str]:
    return {run.run_ref.name for run in ctx.list_runs()}


def age_all(*folders: Path) -> None:
    old = time.time() - 48 * 3600
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and path.suffix != ".db":
            os.utime(path, (old, old))


class TestDelete:
    def test_a_deleted_run_is_gone_with_its_journal_and_frees_what_only_it_needs(self, anywhere: Contexta) -> None:
        for name in ("first", "second"):
            with anywhere.run(name, project="p") as run:
                run.metric("x", 1)
        anywhere.list_runs()
        plan = anywhere.delete_runs(["first"], dry_run=True)
        assert (plan.runs, plan.journals, plan.kept, len(anywhere.list_runs())) == (("run:p.first",), 1, (), 2)
        age_all(anywhere.root)
        done = anywhere.delete_runs(["first"])
        assert (done.journals, done.young_bytes, done.size_bytes >= plan.size_bytes) == (1, 0, True)
        assert names(anywhere) == {"second"}
        assert anywhere.get_environment("second").packages
        assert anywhere.verify().damage == ()
        with pytest.raises(NotFound):
            anywhere.delete_runs(["first"])

    def test_a_journal_that_is_delivered_again_brings_no_deleted_run_back(self, anywhere: Contexta) -> None:
        with anywhere.run("live", project="p", tags={"a": "b"}) as run:
            run.metric("x", 1)
        anywhere.list_runs()
        (journal,) = (anywhere.root / "journal" / "ended").glob("p.live.jsonl")
        content = journal.read_bytes()
        anywhere.delete_runs(["live"])
        for place in (journal, anywhere.root / "journal" / journal.name):
            place.write_bytes(content)
            anywhere.sync(again=True)
            assert anywhere.list_runs() == ()
        assert anywhere.verify().damage == ()

    def test_protected_runs_stay_unless_forced_and_open_runs_always(self, four: Contexta) -> None:
        reasons = {"pinned": "pinned", "baseline": "a baseline", "deployed": "deployed"}
        for name, reason in reasons.items():
            with pytest.raises(InvalidInput, match=rf"nothing was deleted: run:p\.{name}: it is {reason}"):
                four.delete_runs(["plain", name])
        assert names(four) == set(NAMES)
        assert len(four.delete_runs(NAMES, force=True).runs) == 4
        with four.run("live", project="p"), pytest.raises(InvalidInput, match="it is still open"):
            four.delete_runs(["live"], force=True)
        assert names(four) == {"live"}
        assert four.verify().damage == ()

    def test_gc_deletes_by_age_and_status_and_counts_what_it_keeps(self, four: Contexta) -> None:
        assert four.gc(older_than="100000d").runs == ()
        assert four.gc(status="failed").runs == ()
        result = four.gc(older_than="30d", status=["crashed", "failed"])
        assert result.runs == ("run:p.plain",)
        assert result.kept == ("run:p.pinned: it is pinned", "run:p.baseline: it is a baseline")
        assert result.command.endswith("gc --older-than 30d --status crashed --status failed --yes")
        assert len(four.gc(keep_last=0, older_than="30d").kept) == 3
        four.gc(older_than="30d", dry_run=False)
        assert names(four) == {"pinned", "baseline", "deployed"}
        for wrong in ("x", "-1d", "1y"):
            with pytest.raises(InvalidInput, match="is no duration"):
                four.gc(older_than=wrong)
        with pytest.raises(InvalidInput, match='"30" has no unit'):  # 30 seconds would delete nearly everything
            four.gc(older_than="30")
        with pytest.raises(InvalidInput, match='"open" is not a status of an ended run'):
            four.gc(status="open")


@pytest.fixture
def two(ctx: Contexta) -> Contexta:
    for name in ("a", "b"):
        put_run(ctx, name, metrics={"x": 1}, environment={})
    return ctx


def test_delete_needs_a_confirmation_and_says_what_it_freed(two: Contexta, cli: Cli) -> None:
    arguments = cli("delete", "a")
    assert (arguments.returncode, arguments.stdout) == (2, "")
    assert arguments.stderr == ("error: deleting p.a needs a confirmation\nhint: `contexta delete p.a --yes`\n")
    planned = cli("rm", "a", "--dry-run")
    assert "Would delete 1 run: p.a; would free" in planned.stdout
    assert "contexta delete p.a --yes" in planned.stdout
    assert len(two.list_runs()) == 2
    done = cli("delete", "a", "--yes")
    assert "Deleted 1 run: p.a; freed" in done.stdout
    assert [run.name for run in two.list_runs()] == ["b"]
    assert json.loads(cli("delete", "b", "--yes", "--json").stdout)["runs"] == ["run:p.b"]


def test_gc_lists_what_it_keeps(two: Contexta, cli: Cli) -> None:
    two.pin_run("a")
    shown = cli("gc", "--older-than", "1d", "--status", "completed").stdout
    assert "Kept  1 run" in shown
    assert "run:p.a: it is pinned" in shown
